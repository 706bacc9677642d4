"""The page's HTML. Everything that goes into it is escaped here; the frame is `front.html`."""

import json
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from app.files.importing.figures import Figures
from app.sample.demo import REGULAR
from app.sample.pages.examples import Example, Ids, examples
from app.sample.tokens import LIFETIME, DemoToken

NO_SAMPLE: Final = "<p>Without the sample, this page has no more to show. Tokens are issued where you set it up.</p>"
SAMPLE_MISSING: Final = "<p>The sample is not loaded: <code>scrip run</code> does that when it starts.</p>"
OTHER_NAME: Final = (
    "<p>To try things with tokens from this page, open it as <code>localhost</code> or by the address's numbers; "
    "<code>scrip token</code> prints tokens as well.</p>"
)
NO_TOKENS: Final = (
    "<p>Tokens are issued by the owner of the key set here, so this page has none to try things with.</p>"
)
OPEN: Final = (
    "<p>This server can be reached from other machines, so this page gives no tokens to try things with; "
    "<code>scrip token</code> prints them.</p>"
)
USED_UP: Final = "<p>The sample is used up: no credit is left with an open invoice beside it.</p>"


def page(facts: Iterable[tuple[str, str]], sample: str) -> str:
    """The whole page. `sample` is HTML already."""
    cells = "\n".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return _frame().substitute(facts=cells, sample=sample)


def figures(values: Figures) -> str:
    """The figures of the sample's week."""
    cells = "\n".join(
        f"<div><dt>{escape(what.capitalize())}</dt><dd>{escape(much or count)}"
        + (f"<small>{escape(count)} in number</small>" if much and count else "")
        + "</dd></div>"
        for what, count, much in values.rows()
    )
    return f"""<section aria-labelledby="sample">
<h2 id="sample">The sample</h2>
<dl class="facts">
{cells}
</dl>
<p class="note">A week of a real mail-order shop, 13 to 19 December 2010. Credit notes became credit, and it paid the
invoices that came after; these are the figures as they stand.
From <i>Online Retail</i>, D. Chen (2015), UCI Machine Learning Repository, CC BY 4.0.</p>
</section>
"""


def trying(tokens: list[DemoToken], ids: Ids | None, key: str, address: str) -> str:
    """The tokens, and the examples to run with them."""
    if not tokens:
        return NO_TOKENS
    if ids is None:
        return _tokens(tokens, address) + USED_UP
    groups = examples(ids, key)
    index = "".join(_links(title, shown) for title, shown in groups.items())
    forms = "".join(_group(title, shown) for title, shown in groups.items())
    return f"""{_tokens(tokens, address)}
<section aria-labelledby="try">
<h2 id="try">Try it</h2>
<p class="note">Real requests to the API beside this page, in the role that is chosen. The variables can be edited.
A change carries an idempotency key: run it twice, and the second time it answers what it did the first time,
<code>"replayed": true</code>, and does nothing more.</p>
<fieldset class="roles">
<legend>Ask as</legend>
{"".join(_role(token, number == 0) for number, token in enumerate(tokens))}
<span>Customer {REGULAR} has <output id="balances-now" data-customer="{escape(ids.customer)}">…</output></span>
</fieldset>
{index}{forms}</section>
<noscript>
<p class="warning">Running the examples takes JavaScript; the queries can be sent with curl as well.</p>
</noscript>
"""


def _tokens(tokens: list[DemoToken], address: str) -> str:
    items = "".join(_token(token, address) for token in tokens)
    return f"""<section aria-labelledby="tokens">
<h2 id="tokens">A token for each role</h2>
<p class="note"><strong>These tokens exist only in the embedded default, the sample that <code>scrip run</code>
makes for itself.</strong> They are good for {LIFETIME.total_seconds() / 3600:.0f} hours from when the
page was loaded. With a database of your own, no page gives tokens away.</p>
<ul class="tokens">{items}</ul>
</section>
"""


def _token(token: DemoToken, address: str) -> str:
    role = escape(token.role.value)
    curl = escape(curl_line(address, token.text))
    return f"""
<li><b>{role}</b> <span class="may">{escape(token.may)}</span>
<button type="button" data-copy="{role}">Copy<span class="skip"> the token of {role}</span></button>
<details><summary>Token and curl</summary>
<pre tabindex="0" data-token-of="{role}">{escape(token.text)}</pre>
<pre tabindex="0">{curl}</pre></details></li>"""


def curl_line(address: str, token: str) -> str:
    """A shell command that queries the token's bearer."""
    body = json.dumps({"query": "{ viewer { subject role tenant { name } } }"})
    return (
        f"curl -s {address}/graphql -H 'content-type: application/json' -H 'authorization: Bearer {token}' -d '{body}'"
    )


def _role(token: DemoToken, checked: bool) -> str:
    role = escape(token.role.value)
    return f'<label><input type="radio" name="role" value="{role}"{" checked" if checked else ""}>{role}</label>\n'


def _links(title: str, shown: list[Example]) -> str:
    links = "".join(f'<li><a href="#{_anchor(example)}">{escape(example.name)}</a></li>' for example in shown)
    return f'<p class="label">{escape(title)}</p>\n<ul class="index">{links}</ul>\n'


def _group(title: str, shown: list[Example]) -> str:
    return f"<h3>{escape(title)}</h3>\n" + "".join(_example(example) for example in shown)


def _example(example: Example) -> str:
    anchor = _anchor(example)
    variables = escape(json.dumps(example.variables, indent=2, ensure_ascii=False))
    rows = min(22, variables.count("\n") + 2)
    renew = '<button type="button" data-renew>New key</button>' if _has_key(example) else ""
    changes = ' data-changes="yes"' if example.changes else ""
    return f"""<article class="example" id="{anchor}"{changes}>
<header><h4>{escape(example.name)}</h4><p>{escape(example.hint)}</p></header>
<form>
<div class="panes">
<div><p class="label" id="{anchor}-query">{"Mutation" if example.changes else "Query"}</p>
<pre class="query" tabindex="0" aria-labelledby="{anchor}-query">{escape(example.query)}</pre></div>
<div><label class="label" for="{anchor}-variables">Variables</label>
<textarea id="{anchor}-variables" rows="{rows}" spellcheck="false" autocomplete="off">{variables}</textarea></div>
</div>
<p class="actions"><button type="submit">Run<span class="skip"> {escape(example.name)}</span></button>{renew}
<span class="status" role="status"></span></p>
<div class="answer" hidden><p class="label" id="{anchor}-answer">Answer</p>
<pre tabindex="0" aria-labelledby="{anchor}-answer"></pre></div>
</form>
</article>
"""


def _has_key(example: Example) -> bool:
    return example.changes and "idempotencyKey" in example.variables.get("input", {})


def _anchor(example: Example) -> str:
    return "try-" + "-".join("".join(c if c.isalnum() else " " for c in example.name).split())


@cache
def _frame() -> Template:
    return Template((Path(__file__).parent / "front.html").read_text(encoding="utf-8"))

"""The client's types: mypy --strict passes its package and its README, and finds what is wrong in a program."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT
from tests.python_client.built import LIMIT_S, Installed

README: Final = (ROOT / "clients/python/README.md").read_text()
WRONG: Final = """
from scrip_client import Done, Scrip
from scrip_client.operations import adjust_credit, customer, customers, follow_events, ledger, preview_spend

scrip = Scrip("http://127.0.0.1:8000", "t")
customer({"externalId": 7})  # wrong: a number
customer()  # wrong: nothing
ledger("1", filter={"asset": 5})  # wrong: a number
scrip.ask(preview_spend({"asset": "GBP", "amount": "1.00"}))  # wrong: a preview
adjust_credit({"customerId": "1", "asset": "GBP", "amount": "5.00"})  # wrong: no key
scrip.do(customers())  # wrong: no mutation
scrip.ask(customer({"externalId": "7"})).data["customer"]["name"]  # wrong: it may be None
wish = adjust_credit({"customerId": "1", "asset": "GBP", "amount": "5.00", "reason": "X", "idempotencyKey": "k"})
scrip.do(wish).payload  # wrong: it may have been refused
for person in scrip.list(customers()):
    print(person["nickname"])  # wrong: it was not asked for
follow_events(types=["CREDIT_EATEN"])  # wrong: no such kind
for message in scrip.follow(follow_events(after="1")):
    if message["node"]["kind"] == "CREDIT_EATEN":  # wrong: nor is it told
        print(message)
"""


def first_example() -> str:
    """The README's program."""
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert isinstance(program, str)
    return program


def test_the_types_are_strict(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(first_example())
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    checked = subprocess.run(
        [*command, "--no-error-summary", "--show-traceback", str(installed.package), "first.py", "wrong.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(installed.package.parent), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    errors = [line for line in checked.stdout.splitlines() if ": error:" in line]
    elsewhere = [line for line in errors if not line.startswith("wrong.py:")]
    assert elsewhere == [], checked.stdout + checked.stderr
    found = {int(line.split(":")[1]) for line in errors}
    meant = {number for number, line in enumerate(WRONG.splitlines(), 1) if "# wrong" in line}
    assert found == meant, checked.stdout


def test_the_wheel_has_the_schema_and_a_manifest_that_the_gateway_takes(installed: Installed) -> None:
    assert (installed.package / "schema.graphql").read_text() == (ROOT / "schema.graphql").read_text()
    assert (installed.package / "py.typed").exists()
    manifest = json.loads((installed.package / "documents.json").read_text())
    assert len(manifest) > 20
    names = re.findall(r"^(?:query|mutation|subscription) (\w+)", "\n".join(manifest.values()), re.MULTILINE)
    assert {"AdjustCredit", "Customers", "FollowEvents"} <= set(names)

"""The console's table of rights is the API's own: no button is shown that would be refused, and none is kept back."""

import json
import re
from typing import Any

from app.console.routes import FOLDER
from auth.roles import RULES, Access, Permission, Role, scopes_of
from models.event_kinds import EventKind


def test_rights_are_those_of_the_api() -> None:
    text = (FOLDER / "rights.js").read_text(encoding="utf-8")
    found = re.search(r"export const RIGHTS = (\{.*?\n\});", text, re.DOTALL)
    assert found is not None
    shown = json.loads(found[1])
    for name, (roles, scopes) in shown.items():
        rule = RULES[Permission[name]]
        others = [role.value for role in Role if rule.access[role] not in (Access.NO, Access.OWN)]
        assert (roles, set(scopes)) == (others, {scope.value for scope in rule.scopes}), name


def listed(name: str) -> Any:
    """The value that a file of the settings exports."""
    text = (FOLDER / "screens/settings" / name).read_text(encoding="utf-8")
    found = re.search(r"export const \w+ = (.*?);", text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_each_scope_of_partners_can_be_ticked() -> None:
    assert sorted(listed("scopes.js")) == sorted(scopes_of(Role.PARTNER))


def test_each_kind_of_event_can_be_ticked_and_has_its_words() -> None:
    kinds = [kind for group in listed("event-kinds.js").values() for kind in group]
    assert sorted(kinds) == sorted(EventKind)
    texts = (FOLDER / "texts/en/settings.js").read_text(encoding="utf-8")
    assert [kind for kind in kinds if f'"event.{kind}"' not in texts] == []
    assert [scope for scope in listed("scopes.js") if f'"scope.{scope}"' not in texts] == []

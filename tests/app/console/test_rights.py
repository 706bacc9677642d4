"""The console's table of rights is the API's own: no button is shown that would be refused, and none is kept back."""

import json
import re

from app.console.routes import FOLDER
from auth.roles import RULES, Access, Permission, Role


def test_rights_are_those_of_the_api() -> None:
    text = (FOLDER / "rights.js").read_text(encoding="utf-8")
    found = re.search(r"export const RIGHTS = (\{.*?\n\});", text, re.DOTALL)
    assert found is not None
    shown = json.loads(found[1])
    for name, (roles, scopes) in shown.items():
        rule = RULES[Permission[name]]
        others = [role.value for role in Role if rule.access[role] not in (Access.NO, Access.OWN)]
        assert (roles, set(scopes)) == (others, {scope.value for scope in rule.scopes}), name

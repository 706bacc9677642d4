"""setLimit, removeLimit and limitRules: how much each role may add."""

from models.errors import LedgerError
from models.kinds import LimitRole
from models.operations.limits import remove_limit, set_limit
from models.reads import limits
from schema import texts
from schema.context import Info
from schema.mutations.limits import RemoveLimitInput, RemoveLimitPayload, SetLimitInput, SetLimitPayload
from schema.types.errors import user_errors
from schema.types.limits import LimitRule


async def resolve_rules(info: Info, role: LimitRole | None = None, holder: str | None = None) -> list[LimitRule]:
    """List limit rules.

    role: Role whose rules to list. Null: all roles.
    holder: Subject or client whose own rules to list. Null: all.
    """
    wanted = None if holder is None else texts.argument(holder, texts.MAX_SUBJECT, "holder")
    rows = await limits.rules(info.context.reads, None if role is None else role.value, wanted)
    return [LimitRule.of(row, info.context.loaders) for row in rows]


async def resolve_set(info: Info, input: SetLimitInput) -> SetLimitPayload:  # noqa: A002 - the argument's name in the API
    """Set how much a role, or one person or client, may add, spend, or sell as credit.

    It replaces the rule that there is as a whole: an amount that is left out is without bound. In force immediately in
    every process.
    """
    try:
        command = input.command()
        rule = await info.context.change(set_limit, command)
    except LedgerError as error:
        return SetLimitPayload(user_errors=user_errors(error))
    stored = await limits.rule_as_stored(info.context.reads, rule)
    return SetLimitPayload(rule=None if stored is None else LimitRule.of(stored, info.context.loaders))


async def resolve_remove(info: Info, input: RemoveLimitInput) -> RemoveLimitPayload:  # noqa: A002 - as above
    """Delete a limit rule. The next rule that fits binds immediately: the role's, or that for money."""
    try:
        command = input.command()
        await info.context.change(remove_limit, command)
    except LedgerError as error:
        return RemoveLimitPayload(user_errors=user_errors(error))
    return RemoveLimitPayload()

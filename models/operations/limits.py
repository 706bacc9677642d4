"""Limits: maximum amounts that a role, or one person or client of it, may add, spend, or sell as credit (domain: who may).
In force at once, in every process.

A posting reads the rules after its transaction has begun, and applies the rules it read. So a posting that begins after
a change was committed uses the new rules. One that was writing at that moment may still use the old ones: the change
returns only once all of those have ended (`until_written` in models/loading/config_locks.py). The change blocks no
posting meanwhile.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import RemoveLimit, SetLimit
from models.errors import AmountOutOfRange, AmountPrecision, Busy, Invalid, LedgerError, NotFound
from models.kinds import LimitKind, LimitRole
from models.ledger import Ledger
from models.loading.config_locks import until_written
from models.money import MAX_AMOUNT_MINOR, POINTS, SERVICE_CREDITS, exponent, to_minor
from models.operations.configuring import Configuring, configuring
from models.patience import patiently
from models.planning.config import LimitRuleValues
from models.planning.limits import ADDING, LIMITED_ROLES, MONEY, SELLING_CREDIT, SPENDING_ROLES, in_own_places

MAX_RULES: Final = 1_000
MAX_HOLDER_CHARACTERS: Final = 255
MONEY_PLACES: Final = 4
"""Maximum decimal places of a currency. Each currency uses as much of the limit as it can express."""
MAX_MONEY: Final = MAX_AMOUNT_MINOR
"""In units: no account in any currency holds more."""
STANDING: Final = frozenset({MONEY, SERVICE_CREDITS, POINTS})
"""Assets that always have a rule for everyone of a limited role."""
_ALWAYS_LIMITED: Final[Mapping[str, tuple[LimitRole, ...]]] = {
    LimitKind.ADDING: LIMITED_ROLES,
    LimitKind.SPENDING: SPENDING_ROLES,
    LimitKind.SELLING_CREDIT: (),
}
_WHO: Final[Mapping[str, str]] = {LimitRole.STAFF: "Staff", LimitRole.PARTNER: "Partners"}
_LIMITS: Final = ("per_adjustment", "per_actor_day", "per_customer_day")


async def set_limit(ledger: Ledger, tenant_id: UUID, actor: Actor, command: SetLimit) -> LimitRuleValues:
    """Set the rule, replacing the existing one. Raises Invalid, AssetUnknown, AmountPrecision, AmountOutOfRange, Busy."""
    rule = checked_limit(command)
    await _set(ledger, tenant_id, actor, rule)
    await in_force(tenant_id)
    return rule


@patiently
async def _set(ledger: Ledger, tenant_id: UUID, actor: Actor, rule: LimitRuleValues) -> None:
    async with configuring(ledger, tenant_id, actor) as change:
        await put_limits(change, ledger, [rule])


async def in_force(tenant_id: UUID) -> None:
    """Wait, after a change of the limits, until no posting can use the old ones any more.

    Raises Busy, which says that the change stands, if a running posting has not ended in time: repeating the request
    waits again.
    """
    if not await until_written(tenant_id):
        raise Busy(
            "The limit was changed and applies to every new request, but a large posting that began before is still under"
            " way. Send the same request again to learn when it is over."
        )


def checked_limit(command: SetLimit) -> LimitRuleValues:
    """The rule that the command sets. Raises the errors of `set_limit` for an invalid one."""
    asset, holder = _name(command)
    if command.kind == SELLING_CREDIT and command.per_customer_day is not None:
        raise Invalid(
            "Limits on selling credit are not by customer. Leave perCustomerDay out.", field=("perCustomerDay",)
        )
    return LimitRuleValues(
        command.role,
        asset,
        holder,
        per_adjustment=_checked(command.per_adjustment, asset, "perAdjustment"),
        per_actor_day=_checked(command.per_actor_day, asset, "perActorDay"),
        per_customer_day=_checked(command.per_customer_day, asset, "perCustomerDay"),
        kind=command.kind,
    )


async def put_limits(change: Configuring, ledger: Ledger, rules: Iterable[LimitRuleValues]) -> None:
    """Write the rules, within a change that is under way; `in_force` has to follow it. Raises Invalid for one too many."""
    for rule in rules:
        name = {"role": rule.role, "asset": rule.asset, "holder": rule.holder}
        if rule.kind != ADDING:  # the default kind
            name["kind"] = rule.kind
        values = {limit: in_own_places(getattr(rule, limit), rule.asset) for limit in _LIMITS}
        row = await _row(change, rule.role, rule.asset, rule.holder, rule.kind)
        if row is None:
            await change.check_room("limit_rules", MAX_RULES)
            await change.insert("limit_rules", "limit.set", ledger.source.new_id(), name | values)
        else:
            cleared = [limit for limit, most in values.items() if most is None]
            await change.update("limit_rules", "limit.set", row, values, cleared=cleared, named=tuple(name))


async def remove_limit(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RemoveLimit) -> None:
    """Delete the rule: the next in precedence then applies. Raises NotFound, Busy, and Invalid for a mandatory rule."""
    asset, holder = _name(command)
    if command.role in _ALWAYS_LIMITED[command.kind] and not holder and asset in STANDING:
        raise Invalid(
            f"{_WHO[command.role]} always need this limit, so it cannot be deleted. Change it instead; each maximum is"
            " optional.",
            field=("role",),
        )
    found = await _remove(ledger, tenant_id, actor, (command.role, asset, holder, command.kind))
    await in_force(tenant_id)  # if there is none, it may have been removed just now
    if not found:
        raise NotFound("There is no such limit.", field=("role",))


@patiently
async def _remove(ledger: Ledger, tenant_id: UUID, actor: Actor, name: tuple[str, str, str, str]) -> bool:
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, *name)
        if row is not None:
            await change.delete("limit_rules", "limit.removed", row)
    return row is not None


def _name(command: SetLimit | RemoveLimit) -> tuple[str, str]:
    """Asset and holder under which the rule is stored. Raises AssetUnknown, Invalid."""
    if command.asset is not None:
        exponent(command.asset)
    if command.holder is not None and not (command.holder.strip() and len(command.holder) <= MAX_HOLDER_CHARACTERS):
        raise Invalid(f"Enter between 1 and {MAX_HOLDER_CHARACTERS} characters.", field=("holder",))
    if command.kind == SELLING_CREDIT and command.asset in (SERVICE_CREDITS, POINTS):
        raise Invalid("Credit can only be sold in a currency. Choose one.", field=("asset",))
    return command.asset or MONEY, command.holder or ""


def _checked(limit: Decimal | None, asset: str, field: str) -> Decimal | None:
    if limit is None:
        return None
    if limit < 0:
        raise Invalid("A limit must not be negative.", field=(field,))
    try:
        if asset != MONEY:
            to_minor(limit, asset)
        elif limit > MAX_MONEY:
            raise AmountOutOfRange(amount=limit, asset="of money")
        elif limit.scaleb(MONEY_PLACES) % 1:
            raise AmountPrecision(amount=limit, asset="money", places=MONEY_PLACES)
    except LedgerError as error:
        raise error.at(field) from None
    return abs(limit)  # "-0" is nothing, too


async def _row(change: Configuring, role: str, asset: str, holder: str, kind: str) -> dict[str, Any] | None:
    """The stored rule, with its limits as shown: the column has four decimal places for every asset."""
    row = await change.fetchrow(
        "SELECT * FROM limit_rules WHERE tenant_id = $1 AND role = $2 AND asset = $3 AND holder = $4 AND kind = $5",
        role,
        asset,
        holder,
        kind,
    )
    if row is None:
        return None
    said = {name: value for name, value in row.items() if (name, value) != ("kind", ADDING)}
    return said | {limit: in_own_places(row[limit], asset) for limit in _LIMITS}

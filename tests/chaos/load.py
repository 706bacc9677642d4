"""Clients of the servers: they send all sorts of writes, and each again, with the same key, until it is answered."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from time import monotonic
from typing import Any, Final

import httpx

from auth.roles import Role
from tests.chaos.world import World

AGAIN: Final = frozenset({"BUSY", "UNAVAILABLE", "TIMEOUT"})
"""Codes that tell a client to send the same again."""
GIVE_UP_S: Final = 150.0
"""Longer than anything is broken: a request without an answer by then will never have one."""
PATIENCE_S: Final = (2.0, 5.0, 40.0)
"""How long clients wait for an answer before they send again."""
HANG_UP: Final = 0.02
"""Part of the requests whose client goes away at once."""
CUSTOMERS: Final = 16
ROLES: Final = (Role.ADMIN, Role.MANAGER, Role.STAFF)
PAUSE_S: Final = 0.03
LONGEST_PAUSE_S: Final = 0.5


def mutation(name: str, answer: str) -> str:
    """A mutation's document. What its payload names is the answer that must stay the same."""
    title = name[0].upper() + name[1:]
    asked = f"{name}(input: $input) {{ {answer} userErrors {{ code message }} }}"
    return f"mutation($input: {title}Input!) {{ answer: {asked} }}"


ADJUST: Final = mutation("adjustCredit", "replayed transaction { id } credit { id } approvalRequest { id }")
BULK: Final = mutation("bulkCredit", "replayed operation { id }")
ASSIGN: Final = mutation("assignCredit", "replayed transaction { id } credit { id }")
INVOICE: Final = mutation("createInvoice", "replayed invoice { id }")
GIVE: Final = mutation("giveReward", "replayed coupon { id }")
VOID: Final = mutation("voidCredit", "replayed transaction { id } credit { id }")
APPROVE: Final = mutation("approveRequest", "replayed transaction { id } approvalRequest { id }")
SPEND: Final = mutation("spendCredit", "replayed transaction { id }")
HOLD: Final = mutation("holdCredit", "replayed hold { id }")
CAPTURE: Final = mutation("captureHold", "replayed transaction { id } hold { id }")
RELEASE: Final = mutation("releaseHold", "replayed transaction { id } hold { id }")
MERGE: Final = mutation("mergeCustomers", "replayed customer { id }")
UPSERT: Final = mutation("upsertCustomer", "customer { id }")
REWARD: Final = mutation("createReward", "reward { id }")
READ: Final = """query($id: ID!) { node(id: $id) { ... on Customer { balances { asset available } } }
  trialBalance { asset } liability { asset } }"""
KINDS: Final = {
    "add": 10,
    "remove": 2,
    "short": 2,
    "bulk": 1,
    "import": 1,
    "assign": 2,
    "give": 2,
    "merge": 1,
    "void": 2,
    "approve": 2,
    "spend": 2,
    "hold": 3,
    "read": 3,
}
"""How often each kind of work comes."""


def dice_of(seed: object) -> Random:
    """What happens, by a seed."""
    return Random(str(seed))  # noqa: S311 - no secret


class Wrong(Exception):
    """An answer that no client should ever get."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it is sent each time. document: empty for a file."""

    kind: str
    key: str
    document: str
    body: Any
    role: Role


@dataclass(frozen=True, slots=True)
class Acked:
    """A write that was acknowledged. ids: of what it made. amount: of an adjustment."""

    call: Call
    ids: dict[str, str]
    amount: Decimal | None = None


@dataclass(slots=True)
class Seen:
    """What clients were told meanwhile. again: by why they send again. done: when writes were acknowledged."""

    again: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    done: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    requests: int = 0

    def longest_gap(self, began: float, ended: float) -> float:
        """Longest time in which nobody's write was acknowledged."""
        moments = [began, *(at for at in self.done if began <= at <= ended), ended]
        return max(later - earlier for earlier, later in pairwise(moments))


class Load:
    """Clients that work until they are told to stop. `acked`: all that was acknowledged, oldest first."""

    def __init__(self, world: World, seed: int, clients: int) -> None:
        self.world = world
        self.seen = Seen()
        self.acked: list[Acked] = []
        self.doubtful: Counter[str] = Counter()
        """Refused when they were sent again, by kind: what was sent before may have been posted later all the same."""
        self.customers: list[tuple[str, str]] = []
        """External ids, and ids."""
        self.reward = ""
        self._dice = dice_of(seed)
        self._going = True
        self._tasks: list[asyncio.Task[None]] = []
        self._clients = clients
        self._tokens = {role: f"Bearer {world.token(role, f'{role.value}@chaos')}" for role in ROLES}
        self._http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None, keepalive_expiry=20))

    async def open(self) -> None:
        """Make what they work with."""
        for n in range(CUSTOMERS):
            name = f"shared-{n}"
            made = await self.told(
                Call("upsert", "", UPSERT, {"externalId": name, "name": name}, Role.ADMIN), dice_of(n)
            )
            self.customers.append((name, made["customer"]["id"]))
        reward = {"name": "Tea", "kind": "FREE_DELIVERY", "pointsCost": "10"}
        self.reward = (await self.told(Call("reward", "", REWARD, reward, Role.ADMIN), dice_of(0)))["reward"]["id"]
        for n in range(self._clients):
            self._tasks.append(asyncio.create_task(self._client(n), name=f"client {n}"))

    async def stop(self) -> None:
        """Let each end what it has begun."""
        self._going = False
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        self._going = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def anew(self) -> Seen:
        """What was seen until now; from here on it is counted anew."""
        seen, self.seen = self.seen, Seen()
        return seen

    async def _client(self, number: int) -> None:
        dice = dice_of(self._dice.random())
        n = 0
        while self._going:
            n += 1
            kind = dice.choices(tuple(KINDS), tuple(KINDS.values()))[0]
            try:
                await self._work(kind, f"{number}-{n}", dice)
            except Wrong as wrong:
                self.seen.wrong.append(str(wrong))
            await asyncio.sleep(dice.uniform(0, 2 * PAUSE_S))

    async def _work(self, kind: str, key: str, dice: Random) -> None:
        works = {
            "add": self._add,
            "remove": self._remove,
            "short": self._short,
            "bulk": self._bulk,
            "import": self._import,
            "assign": self._assign,
            "give": self._give,
            "merge": self._merge,
            "void": self._void,
            "approve": self._approve,
            "spend": self._spend,
            "hold": self._hold,
            "read": self._read,
        }
        await works[kind](key, dice)

    def _anybody(self, dice: Random) -> str:
        return dice.choice(self.customers)[1]

    async def _add(self, key: str, dice: Random) -> None:
        asset = dice.choice(("GBP", "POINTS"))
        await self._adjust(key, self._anybody(dice), dice.randint(1, 9), dice, asset=asset)

    async def _remove(self, key: str, dice: Random) -> None:
        await self._adjust(key, self._anybody(dice), -dice.randint(1, 9), dice, reason="POLICY", asset="POINTS")

    async def _short(self, key: str, dice: Random) -> None:
        """Credit that expires in a moment."""
        soon = datetime.now(UTC) + timedelta(seconds=GIVE_UP_S if dice.random() < 0.5 else 15)
        await self._adjust(key, self._anybody(dice), 1, dice, asset="EUR", expiresAt=soon.isoformat())

    async def _bulk(self, key: str, dice: Random) -> None:
        rows = [{"customerId": one, "amount": "1"} for _, one in dice.sample(self.customers, 5)]
        given = {"asset": "POINTS", "reason": "CORRECTION", "items": rows}
        await self.write(Call("bulk", key, BULK, given, Role.MANAGER), dice)

    async def _import(self, key: str, dice: Random) -> None:
        lines = "".join(f"{one},1\n" for one, _ in dice.sample(self.customers, 8))
        await self.write(Call("import", key, "", f"customer,amount\n{lines}", Role.MANAGER), dice)

    async def _give(self, key: str, dice: Random) -> None:
        given = {"customerId": self._anybody(dice), "rewardId": self.reward, "deductPoints": False}
        await self.write(Call("give", key, GIVE, given, Role.MANAGER), dice)

    async def _read(self, key: str, dice: Random) -> None:
        await self.told(Call("read", key, READ, {"id": self._anybody(dice)}, Role.ADMIN), dice)

    async def _void(self, key: str, dice: Random) -> None:
        made = await self._adjust(f"{key}-credit", self._anybody(dice), 2, dice, asset="USD")
        if made is not None:
            await self.write(Call("void", key, VOID, {"creditId": made["credit"]}, Role.MANAGER), dice)

    async def _adjust(
        self, key: str, customer: str, amount: int, dice: Random, reason: str = "GOODWILL", **more: Any
    ) -> dict[str, str] | None:
        given = {"customerId": customer, "amount": str(amount), "reason": reason, **more}
        return await self.write(Call("adjust", key, ADJUST, given, Role.MANAGER), dice, Decimal(amount))

    async def _assign(self, key: str, dice: Random) -> None:
        customer = self._anybody(dice)
        credit = await self._adjust(f"{key}-credit", customer, 3, dice, asset="CHF", autoApply=False)
        lines = [{"description": "Tea", "quantity": 1, "unitPrice": "3.00"}]
        given = {"customerId": customer, "number": key, "currency": "CHF", "lines": lines, "autoApplyCredit": False}
        invoice = await self.write(Call("invoice", f"{key}-invoice", INVOICE, given, Role.MANAGER), dice)
        if credit is not None and invoice is not None:
            given = {"creditId": credit["credit"], "assignments": [{"invoiceId": invoice["invoice"]}]}
            await self.write(Call("assign", key, ASSIGN, given, Role.MANAGER), dice)

    async def _approve(self, key: str, dice: Random) -> None:
        given = {
            "customerId": self._anybody(dice),
            "amount": "4",
            "asset": "GBP",
            "reason": "GOODWILL",
            "proposeOnly": True,
        }
        asked = await self.write(Call("propose", f"{key}-ask", ADJUST, given, Role.STAFF), dice)
        if asked is not None:
            given = {"requestId": asked["approvalRequest"]}
            await self.write(Call("approve", key, APPROVE, given, Role.MANAGER), dice)

    async def _spend(self, key: str, dice: Random) -> None:
        given = {"customerId": self._anybody(dice), "asset": "POINTS", "amount": "2", "reference": key}
        await self.write(Call("spend", key, SPEND, given, Role.MANAGER), dice)

    async def _hold(self, key: str, dice: Random) -> None:
        """Hold, then capture or release it; or leave it, to lapse after a minute."""
        given = {"customerId": self._anybody(dice), "asset": "GBP", "amount": "2", "reference": key}
        held = await self.write(Call("hold", key, HOLD, {**given, "expiresInMinutes": 1}, Role.MANAGER), dice)
        if held is None:
            return
        kind, document = dice.choice((("capture", CAPTURE), ("release", RELEASE), ("lapse", "")))
        if document:
            given = {"holdId": held["hold"]}
            await self.write(Call(kind, f"{key}-{kind}", document, given, Role.MANAGER), dice)

    async def _merge(self, key: str, dice: Random) -> None:
        pair = []
        for part in ("from", "into"):
            given = {"externalId": f"{key}-{part}", "name": "Nora"}
            made = await self.told(Call("upsert", "", UPSERT, given, Role.ADMIN), dice)
            pair.append(made["customer"]["id"])
        await self._adjust(f"{key}-credit", pair[0], 5, dice, asset="GBP")
        given = {"fromId": pair[0], "intoId": pair[1]}
        await self.write(Call("merge", key, MERGE, given, Role.ADMIN), dice)

    async def write(self, call: Call, dice: Random, amount: Decimal | None = None) -> dict[str, str] | None:
        """Send it until it is answered, and keep what was acknowledged. None if it was refused."""
        payload = await self.told(call, dice)
        if payload is None:
            return None
        self.seen.done.append(monotonic())
        acked = Acked(call, ids_of(payload), amount)
        self.acked.append(acked)
        return acked.ids

    async def told(self, call: Call, dice: Random) -> Any:
        """The payload; None if it was refused for a reason of the business. Raises Wrong."""
        began, pause, tries = monotonic(), PAUSE_S, 0
        while monotonic() - began < GIVE_UP_S:
            self.seen.requests += 1
            tries += 1
            try:
                async with asyncio.timeout(
                    dice.uniform(0, 0.03) if dice.random() < HANG_UP else dice.choice(PATIENCE_S)
                ):
                    response = await self._send(call, dice.choice(self.world.servers).url)
            except TimeoutError:
                self.seen.again["no answer in time"] += 1
            except httpx.TransportError:
                self.seen.again["connection failed"] += 1
            else:
                why, payload = verdict(call, response)
                if why is None:
                    return payload
                if payload == "refused":
                    self.seen.refused[why] += 1
                    self.doubtful[call.kind] += tries > 1
                    return None
                self.seen.again[why] += 1
            await asyncio.sleep(pause * dice.uniform(0.5, 1))
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise Wrong(f"{call.kind} {call.key}: no answer in {GIVE_UP_S:g} s")

    async def _send(self, call: Call, base: str) -> httpx.Response:
        headers = {"authorization": self._tokens[call.role]}
        if call.document:
            variables = call.body if call.kind == "read" else {"input": call.body}
            if call.key and call.kind != "read":
                variables = {"input": {**call.body, "idempotencyKey": call.key}}
            body = {"query": call.document, "variables": variables}
            return await self._http.post(f"{base}/graphql", json=body, headers=headers, timeout=None)
        return await self._http.post(
            f"{base}/imports/credits?asset=POINTS&reason=CORRECTION",
            content=call.body,
            headers={**headers, "content-type": "text/csv", "idempotency-key": call.key},
            timeout=None,
        )


def verdict(call: Call, response: httpx.Response) -> tuple[str | None, Any]:
    """(None, payload) of a good answer; (code, "refused") of one that the business refuses; (why, None) if the client is
    told to send the same again. Raises Wrong for all others."""
    try:
        told = response.json()
    except json.JSONDecodeError:
        told = {}
        if response.status_code == 503:  # more connections than the server allows
            return "503", None
    codes = [error.get("extensions", {}).get("code", "none") for error in told.get("errors") or ()]
    if not call.document and response.status_code == 503:  # where a file is sent, the errors of both kinds are there
        codes += [error["code"] for error in told.get("userErrors") or ()]
    if any(code not in AGAIN for code in codes) or (response.status_code >= 400 and not codes):
        raise Wrong(f"{call.kind} {call.key}: {response.status_code} {response.text[:400]}")
    if codes:
        return codes[0], None
    payload = told["data"].get("answer") if call.document else told
    if call.kind == "read":
        return None, told["data"]
    if payload is None:
        raise Wrong(f"{call.kind} {call.key}: {response.status_code} {response.text[:400]}")
    if refusals := payload.get("userErrors"):
        code = refusals[0]["code"]
        return (code, None) if code in AGAIN else (code, "refused")
    return None, payload


def ids_of(payload: dict[str, Any]) -> dict[str, str]:
    """What it made, or what there was."""
    if isinstance(payload.get("operation"), str):  # a file's
        return {"operation": payload["operation"]}
    return {name: value["id"] for name, value in payload.items() if isinstance(value, dict)}

"""What a test has an admin set."""

from datetime import datetime
from uuid import UUID, uuid4

from auth.partner_tokens import PartnerSecret
from models.configuration_commands import IssueToken
from models.operations.partner_tokens import issue_token
from tests.support.asking import ADMIN, Asking


class Configuring(Asking):
    async def service(self, name: str | None = None, *, active: bool = True) -> UUID:
        return await self._insert("services", name=name or f"Service {uuid4()}", active=active)

    async def tier(self, name: str, threshold: int) -> UUID:
        return await self._insert("tiers", name=name, threshold_minor=threshold)

    async def reward(
        self,
        points: int,
        *,
        name: str | None = None,
        active: bool = True,
        stock: int | None = None,
        validity_days: int | None = None,
    ) -> UUID:
        return await self._insert(
            "rewards",
            name=name or f"Reward {uuid4()}",
            kind="FREE_DELIVERY",
            points_cost_minor=points,
            active=active,
            stock=stock,
            validity_days=validity_days,
        )

    async def reason(
        self, code: str, *, adds: bool = True, removes: bool = True, moves_lifetime: bool = True, active: bool = True
    ) -> str:
        await self._insert(
            "reasons",
            code=code,
            label=code,
            adds=adds,
            removes=removes,
            moves_lifetime=moves_lifetime,
            note_required=False,
            active=active,
        )
        return code

    async def limit(
        self,
        role: str,
        asset: str,
        *,
        holder: str = "",
        adjustment: int | None = None,
        actor_day: int | None = None,
        customer_day: int | None = None,
        kind: str = "ADDING",
    ) -> None:
        """In place of the rule of this name, if there is one."""
        await self.execute(
            """INSERT INTO limit_rules
                (tenant_id, id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day, kind)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (tenant_id, kind, role, asset, holder) DO UPDATE
            SET per_adjustment = $6, per_actor_day = $7, per_customer_day = $8""",
            uuid4(),
            role,
            asset,
            holder,
            adjustment,
            actor_day,
            customer_day,
            kind,
        )

    async def partner_token(
        self, *scopes: str, client: str = "shop", name: str | None = None, expires_at: datetime | None = None
    ) -> PartnerSecret:
        """One that is good, with its secret."""
        made = PartnerSecret(self.id, self.ledger.source.new_id(), self.ledger.source.new_secret())
        name = name or f"Token {next(self._number)}"
        command = IssueToken(made.token_id, made.digest, client, name, frozenset(scopes), expires_at=expires_at)
        await issue_token(self.ledger, self.id, ADMIN, command)
        return made

"""Examples of the pages over HTTP: the same client, tenant and clock as the API's own tests."""

from tests.api.conftest import api, client, clock, ledger, partner_tokens, tenant, verifier

__all__ = ["api", "client", "clock", "ledger", "partner_tokens", "tenant", "verifier"]

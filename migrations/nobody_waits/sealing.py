"""What this step's new columns say is sealed as well, from here on."""

from typing import Final

from migrations.nobody_waits.seals import resealed

_REQUESTS = (
    "id operation command customer_id status requested_by_id requested_subject decided_by_id decided_subject decided_at"
    " decision_note transaction_id created_at expires_at"
)
_INVOICES = (
    "id customer_id number currency total_minor creditable_minor kind auto_apply issued_on due_on actor_id created_at"
    " voided_at"
)
_RULES = "id role asset holder per_adjustment per_actor_day per_customer_day"
_TENANTS = "id slug name time_zone grace_days approval_hours keys_pruned_at created_at"

SEALING: Final = (
    resealed("approval_requests", _REQUESTS, f"{_REQUESTS} terms invoice_id")
    + resealed("invoices", _INVOICES, f"{_INVOICES} limited_on")
    + resealed("limit_rules", _RULES, f"{_RULES} kind")
    + resealed("tenants", _TENANTS, f"{_TENANTS} key_days limited_currencies")
)

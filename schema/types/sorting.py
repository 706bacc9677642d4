"""Orders that lists can be asked for in, where there is more than one."""

from enum import StrEnum

import strawberry


@strawberry.enum
class CustomerSort(StrEnum):
    """Order of customers."""

    CREATED = "CREATED"
    """By when they were added."""
    NAME = "NAME"
    """By name in small letters, character by character as Unicode numbers them: accented letters come after z."""
    BALANCE = "BALANCE"
    """By the balance in the asset that filter.balance or filter.hasBalance names, smallest first: those who have an account
    in it. The order is that of some seconds ago. Takes the right to read ledgers."""
    LAST_ACTIVITY = "LAST_ACTIVITY"
    """By when something was last posted for them, the longest ago first: those for whom something ever was. The order is
    that of some seconds ago. Takes the right to read ledgers."""


@strawberry.enum
class InvoiceSort(StrEnum):
    """Order of invoices and orders."""

    CREATED = "CREATED"
    """By when they were recorded."""
    DUE_ON = "DUE_ON"
    """By the day on which they are due, those that name one: of all customers', the unpaid ones alone, unless
    `filter.status` names others."""


@strawberry.enum
class CreditSort(StrEnum):
    """Order of credits."""

    OPENED = "OPENED"
    """By when they were added to their account."""
    EXPIRES_AT = "EXPIRES_AT"
    """By expiry: those that have something left and expire, also where that has passed."""

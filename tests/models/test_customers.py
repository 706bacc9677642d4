"""What is said of a customer is the same from the input to the column."""

from dataclasses import fields

from models.customers import READ, REMOVABLE, SAID, UpdateCustomer
from models.tables import Customer
from schema.types.customer import UpdateCustomerInput, UpsertCustomerInput


def names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def test_what_is_said_is_asked_for_stored_and_shown() -> None:
    assert names(UpsertCustomerInput) == list(SAID)
    assert names(UpdateCustomerInput) == ["customer_id", "customer_by", *SAID]
    assert names(UpdateCustomer) == ["customer_id", *SAID, "removed"]
    assert set(SAID) <= set(READ) <= set(Customer._meta.fields_db_projection)
    assert set(SAID) <= set(Customer.app_may.updates)


def test_what_can_be_empty_can_be_removed() -> None:
    nullable = {name for name, field in Customer._meta.fields_map.items() if field.null}
    assert set(REMOVABLE) == nullable & set(SAID)

"""The generated Python client against a running server: client.py ADDRESS, with the token in SCRIP_TOKEN.

Prints, as JSON, what it was answered. The generator needs an older graphql-core than the server does, so that all this
has an environment of its own.
"""

import json
import os
import sys
from uuid import uuid4

from scrip_client import AdjustCreditInput, CustomerBy, ScripClient, UpsertCustomerInput


def main(address: str, token: str) -> None:
    """Add a customer, send credit twice with one key and then too much, and look the customer up."""
    external_id = str(uuid4())
    with ScripClient(url=f"{address}/graphql", headers={"Authorization": f"Bearer {token}"}) as client:
        added = client.upsert_customer(UpsertCustomerInput(externalId=external_id, name="Ada Python")).upsert_customer
        if added is None or added.customer is None:
            raise SystemExit("No customer was added")
        wish = AdjustCreditInput(
            customerId=added.customer.id, amount="5.00", asset="GBP", reason="GOODWILL", idempotencyKey=str(uuid4())
        )
        answers = [client.adjust_credit(wish).adjust_credit for _ in range(2)]
        too_much = wish.model_copy(update={"amount": "250.00", "idempotency_key": str(uuid4())})
        refused = client.adjust_credit(too_much).adjust_credit
        found = client.customer(CustomerBy(externalId=external_id)).customer
    answered = {
        "name": found and found.name,
        "replayed": [answer and answer.replayed for answer in answers],
        "available": [answer and answer.account and answer.account.available for answer in answers],
        "refused": refused and [error.code for error in refused.user_errors],
    }
    sys.stdout.write(json.dumps(answered))


if __name__ == "__main__":
    main(sys.argv[1], os.environ["SCRIP_TOKEN"])

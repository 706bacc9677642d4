"""The Python client and a Scrip that runs: its README, and what it is for."""

import os
import subprocess
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from scrip_client import Done, Refused, Retries, Scrip, ScripError, amount_of, new_key, shown
from tests.app.cli.test_run import Scrip as Run
from tests.app.cli.test_run import start, wait_for
from tests.docs.test_served import ADDRESS, Shell
from tests.python_client.built import LIBRARIES, Installed
from tests.python_client.test_types import first_example

__all__ = ["start"]
REGULAR: Final = "16013"
FILE: Final = "customer,amount\n16013,5\nnobody,5\n"
RETRIES: Final = Retries(attempts=8, first=0.1, longest=2.0)
AMOUNTS: Final = ["1.01", "2.02", "3.03", "4.04"]
"""None of the sample's is one."""


class Operations:
    """Those of the installed package, by name."""

    def __init__(self, installed: Installed) -> None:
        names: dict[str, Any] = {}
        exec((installed.package / "operations.py").read_text(), names)  # noqa: S102 (our own, generated)
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names[name]


@pytest.fixture(scope="module")
def operations(installed: Installed) -> Operations:
    return Operations(installed)


def folder_of(tmp_path: Path) -> str:
    return str(tmp_path / "a folder" / ".scrip")


def test_its_readme_and_all_methods(
    start: Callable[..., Run], installed: Installed, operations: Operations, tmp_path: Path
) -> None:
    url = start("run").url()
    shell = Shell(tmp_path, url, SCRIP_DATA_DIR=folder_of(tmp_path))
    token = shell.type("scrip token --tenant demo --role manager").strip()

    (tmp_path / "first.py").write_text(first_example().replace(ADDRESS, url))
    environment = {"SCRIP_TOKEN": token, "PYTHONPATH": LIBRARIES, "PATH": os.environ["PATH"]}
    command = [installed.python, tmp_path / "first.py"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 0, said.stderr
    would, added = said.stdout.splitlines()
    assert would.startswith("would have ")
    assert would.endswith(" GBP")
    assert added.startswith("added to ")

    with Scrip(url, lambda: token, retries=RETRIES) as scrip:
        customer = scrip.ask(operations.customer({"externalId": REGULAR})).data["customer"]
        lists(scrip, operations, customer["id"])
        writes(scrip, operations, customer["id"])
        follows(scrip, operations, customer["id"])
        sends_a_file(scrip, operations, tmp_path)


def adjustment(customer: str, amount: str, **others: str) -> dict[str, Any]:
    wish = {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "GOODWILL", "idempotencyKey": new_key()}
    return wish | others


def lists(scrip: Scrip, operations: Operations, customer: str) -> None:
    """Three rows a page are all rows."""
    rows = list(scrip.list(operations.ledger(customer, first=3)))
    assert [row["id"] for row in rows] == [row["id"] for row in scrip.list(operations.ledger(customer))]
    assert len(rows) > 3
    assert list(scrip.list(operations.ledger(customer, filter={"asset": "JPY"}))) == []
    newest = list(scrip.list(operations.ledger(customer, reverse=True)))
    assert [row["id"] for row in newest] == [row["id"] for row in reversed(rows)]
    assert amount_of(newest[0]["amountMoney"]) == Decimal(newest[0]["amount"])
    assert shown({"amount": "1200.00", "asset": "SERVICE_CREDITS"}) == "1200.00 SERVICE CREDITS"


def writes(scrip: Scrip, operations: Operations, customer: str) -> None:
    """Done, done before, refused, and failed."""
    wish = operations.adjust_credit(adjustment(customer, "5.00"))
    first, again = scrip.do(wish), scrip.do(wish)
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert (first.payload["replayed"], again.payload["replayed"]) == (False, True)
    previewed = {name: value for name, value in adjustment(customer, "5.00").items() if name != "idempotencyKey"}
    seen = scrip.preview(operations.preview_adjustment(previewed))
    assert isinstance(seen, Done)
    assert seen.payload["availableAfterMoney"]["asset"] == "GBP"
    bad = scrip.preview(operations.preview_adjustment(previewed | {"amount": "5.001"}))
    assert isinstance(bad, Refused)
    assert bad.codes == ("AMOUNT_PRECISION",)
    refused = scrip.do(operations.adjust_credit(adjustment(customer, "5.001")))
    assert isinstance(refused, Refused)
    assert (refused.codes, refused.errors[0].field) == (("AMOUNT_PRECISION",), ("amount",))
    with Scrip(scrip._url, "nobody") as nobody, pytest.raises(ScripError) as error:
        nobody.ask(operations.viewer())
    assert (error.value.code, error.value.status) == ("UNAUTHENTICATED", 401)


def follows(scrip: Scrip, operations: Operations, customer: str) -> None:
    """From a cursor on, all that came since."""
    newest = scrip.ask(operations.newest_event()).data
    after = newest["events"]["pageInfo"]["endCursor"]
    for number in range(3):
        assert isinstance(scrip.do(operations.adjust_credit(adjustment(customer, f"{number + 1}.00"))), Done)
    follow = operations.follow_events(after=after, types=["CREDIT_ADJUSTED"], customer_id=customer)
    messages = scrip.follow(follow)
    # One that was posted just before the cursor was asked for may not have had its position yet.
    amounts = [next(messages)["node"]["movements"][0]["amount"] for _ in range(3)]
    while amounts[-1] != "3.00":
        amounts.append(next(messages)["node"]["movements"][0]["amount"])
    messages.close()
    assert amounts[-3:] == ["1.00", "2.00", "3.00"]


def sends_a_file(scrip: Scrip, operations: Operations, folder: Path) -> None:
    """With progress; sent again with its key, it is the same."""
    path, told = folder / "points.csv", list[tuple[int, int]]()
    path.write_text(FILE)
    parameters: Any = {"asset": "POINTS", "reason": "PROMOTION", "errorPolicy": "SKIP_FAILED"}
    sent = scrip.upload_credits(path, parameters, key="points", told=lambda done, size: told.append((done, size)))
    again = scrip.upload_credits(path, parameters, key="points")
    assert not isinstance(sent, Refused)
    assert not isinstance(again, Refused)
    assert (again["operation"], again["replayed"], told) == (sent["operation"], True, [(len(FILE), len(FILE))])
    ended = scrip.wait_for(sent["operation"])
    assert (ended["status"], ended["succeeded"], ended["failed"]) == ("COMPLETED", 1, 1)
    assert b"nobody" in scrip.report(sent["operation"], only_failed=True)
    rows = list(scrip.list(operations.bulk_operation(sent["operation"])))
    assert [row["errors"][0]["code"] for row in rows] == ["NOT_FOUND"]
    refused = scrip.upload_credits(path, {"asset": "GBP"}, key="points")
    assert isinstance(refused, Refused)
    assert refused.codes == ("IDEMPOTENCY_KEY_REUSED",)


def test_a_server_that_is_killed_and_runs_trusted_documents_alone(
    start: Callable[..., Run], installed: Installed, operations: Operations, tmp_path: Path
) -> None:
    """Neither a write nor a message is lost, and none comes twice."""
    trusted = {"SCRIP_TRUSTED_DOCUMENTS": str(installed.package / "documents.json"), "SCRIP_PAGES": "false"}
    first = start("run", **trusted)
    url = first.url()
    port = url.rpartition(":")[2]
    shell = Shell(tmp_path, url, SCRIP_DATA_DIR=folder_of(tmp_path))
    token = shell.type("scrip token --tenant demo --role manager").strip()
    scrip = Scrip(url, token, trusted=True, retries=Retries(attempts=40, first=0.5, longest=2.0))
    customer = scrip.ask(operations.customer({"externalId": REGULAR})).data["customer"]["id"]
    after = scrip.ask(operations.newest_event()).data["events"]["pageInfo"]["endCursor"]
    seen: list[str] = []

    def follow() -> None:
        with Scrip(url, token, trusted=True, retries=Retries(first=0.2, longest=1.0)) as follower:
            for message in follower.follow(operations.follow_events(after=after, types=["CREDIT_ADJUSTED"])):
                amount = message["node"]["movements"][0]["amount"]
                if amount in AMOUNTS:  # the sample's own may get their places later than this began
                    seen.append(amount)
                if len(seen) == len(AMOUNTS):
                    return

    following = threading.Thread(target=follow)
    following.start()
    assert isinstance(scrip.do(operations.adjust_credit(adjustment(customer, AMOUNTS[0]))), Done)
    wait_for(lambda: seen == [AMOUNTS[0]])
    first.end(9)
    second: list[Run] = []
    starting = threading.Thread(target=lambda: second.append(start("run", SCRIP_PORT=port, **trusted)))
    starting.start()
    for amount in AMOUNTS[1:]:
        assert isinstance(scrip.do(operations.adjust_credit(adjustment(customer, amount))), Done)
    following.join(90)
    starting.join(90)
    scrip.close()
    assert seen == AMOUNTS

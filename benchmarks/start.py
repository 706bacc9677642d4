"""The cost of a first start: database, migration, the sample, and the server until it answers; and its memory."""

import time

from app.sample.demo import load as load_sample
from benchmarks.meter import memory_bytes
from benchmarks.report import print_table
from benchmarks.rig import Rig


def run(rig: Rig) -> None:
    """Measure and print."""
    began = time.monotonic()
    load_sample(rig.settings, lambda _: None)
    loaded = time.monotonic()
    load_sample(rig.settings, lambda _: None)
    again = time.monotonic()
    with rig.server() as server:
        rows = [
            ["making the database", _seconds(rig.create_s)],
            ["migrating it", _seconds(rig.migrate_s)],
            ["loading the sample", _seconds(loaded - began)],
            ["finding it loaded", _seconds(again - loaded)],
            ["starting the server", _seconds(server.start_s)],
            ["memory of the server", f"{memory_bytes(server.pid) / 2**20:.0f} MB"],
        ]
    print_table(["a first start", ""], rows)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"

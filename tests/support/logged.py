"""What was logged while a test ran."""

import logging

import pytest


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what asyncio says of tasks that other tests have left: it does so when they are collected, in any test."""
    return [record for record in caplog.records if record.name != "asyncio"]

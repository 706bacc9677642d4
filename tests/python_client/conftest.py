"""The client as it is installed, once for a module."""

import shutil
from collections.abc import Iterator

import pytest

from tests.python_client.built import Installed, install


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("python-client")
    yield install(folder)
    shutil.rmtree(folder)

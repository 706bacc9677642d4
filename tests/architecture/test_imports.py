"""Every module of the models can be the first to be imported: no circle that only some orders of imports get through."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# Tables are registered once a process.
EACH_FIRST: Final = """
import importlib, json, pkgutil, sys
import models
import models.tables
names = [module.name for module in pkgutil.walk_packages(models.__path__, "models.")]
names = [name for name in names if not name.startswith("models.tables")]
failed = {}
for name in names:
    for loaded in [loaded for loaded in sys.modules if loaded in ("models", *names)]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps([len(names), failed]))
"""


def test_every_module_can_come_first() -> None:
    done = subprocess.run([sys.executable, "-c", EACH_FIRST], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    number, failed = json.loads(done.stdout)
    assert failed == {}
    assert number > 90

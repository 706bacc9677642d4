"""Makes what a wheel has beside the sources: the schema, the typed operations, and the manifest of their documents."""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent.resolve()
PROJECT = HERE.parents[1]


class Build(build_py):
    """Builds the package, generated files included."""

    def run(self) -> None:
        """Build it."""
        super().run()
        package = Path(self.build_lib) / "scrip_client"
        generate = runpy.run_path(str(HERE / "scrip_client" / "generate.py"))["main"]
        schema, documents = PROJECT / "schema.graphql", PROJECT / "clients" / "operations"
        made = ["--into", str(package / "operations.py"), "--manifest", str(package / "documents.json")]
        if generate([str(schema), str(documents), *made]):
            raise SystemExit(1)
        shutil.copy(schema, package / "schema.graphql")


setup(cmdclass={"build_py": Build})

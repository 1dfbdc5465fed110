"""Spark workers that cannot import this package, as on a cluster."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.local import new_session

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("mlops_dagster", "mlops_dagster_tests"):
            raise ModuleNotFoundError(f"no module named {name} on this worker")

sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with all libraries but without this package."""
    folder = tmp_path_factory.mktemp("bare_python")
    (folder / "sitecustomize.py").write_text(BLOCK)
    program = folder / "python"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{folder}:$PYTHONPATH" exec "{sys.executable}" "$@"\n'
    )
    program.chmod(0o755)
    folder.chmod(0o755)
    return program


@pytest.fixture(scope="session")
def bare_spark(spark_address: str, bare_python: Path) -> Iterator[SparkSession]:
    """A session whose workers cannot import this package."""
    session = new_session(spark_address)
    session.conf.set("spark.sql.execution.pyspark.python", str(bare_python))
    yield session
    session.stop()

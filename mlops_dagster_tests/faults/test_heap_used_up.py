"""One query that uses up the server's heap: told as such, and the next step works."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.engine.connect import Engine, open_engine
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster.errors import EngineOutOfMemory
from mlops_dagster.spec.base import Memory
from mlops_dagster.spec.environment import LEAST_HEAP_MEGABYTES, LocalEngine
from mlops_dagster_tests.conftest import environment_with
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.faults.catalogue import assert_catalogued

# The least that may be declared.
MEGABYTES = LEAST_HEAP_MEGABYTES


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine with a small heap of its own."""
    local = LocalEngine(kind="local", memory=Memory(megabytes=MEGABYTES))
    engine = open_engine(environment_with(local), tmp_path)
    yield engine
    engine.close()
    stop_server(EngineFiles.of(tmp_path), force=True)


def on_a_worker_thread(session: SparkSession) -> None:
    """Gather all rows of a large table in one value: the server ends with Spark's exit code."""
    text = "select length(array_join(collect_list(repeat('x', 1000)), '')) from range(3000000)"
    session.sql(text).collect()


def while_planning(session: SparkSession) -> None:
    """Make one value that is larger than the heap: the server lives on."""
    session.sql("select size(sequence(1, 200000000))").collect()


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_a_query_that_uses_up_the_heap_is_told_and_the_next_step_works(
    engine: Engine, tmp_path: Path
) -> None:
    for query in (on_a_worker_thread, while_planning):
        with (
            pytest.raises(EngineOutOfMemory, match=r"ran out of memory.*engine\.memory") as told,
            engine.step("a large query") as session,
        ):
            query(session)
        assert_catalogued(told.value)
        with engine.step("a small query") as session:
            assert session.range(3).count() == 3
    assert b"OutOfMemoryError" in EngineFiles.of(tmp_path).end_log.read_bytes()
    tell_trial(
        "fault",
        "server heap exhausted by one query",
        about=f"a heap of {MEGABYTES} MB, in a task and while planning",
        then="`EngineOutOfMemory` names the key; the next step works",
    )

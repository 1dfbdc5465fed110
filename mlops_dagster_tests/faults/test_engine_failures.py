"""What Spark says when memory, a disk, a worker or the server gives out, and what we say."""

import pytest
from pyspark.errors import PySparkException

from mlops_dagster.engine.failures import classify
from mlops_dagster.errors import (
    EngineLost,
    EngineOutOfMemory,
    MlopsDagsterError,
    StorageFull,
    TransientEngineError,
)
from mlops_dagster_tests.faults.catalogue import assert_catalogued

_STAGE = "Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 times: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            _STAGE + "SparkException: Python worker exited unexpectedly (crashed).",
            TransientEngineError,
        ),
        (
            _STAGE + "java.io.EOFException\n\tat java.base/java.io.DataInputStream.readInt"
            "\n\tat org.apache.spark.api.python.PythonWorkerFactory.createWorker$1(...)",
            TransientEngineError,
        ),
        ('status = StatusCode.UNKNOWN, details = "Java heap space"', EngineOutOfMemory),
        (
            "Not enough memory to build and broadcast the table to all worker nodes.",
            EngineOutOfMemory,
        ),
        (_STAGE + "java.io.IOException: No space left on device", StorageFull),
        ("status = StatusCode.UNAVAILABLE, failed to connect to all addresses", EngineLost),
    ],
)
def test_what_gave_out_is_told_by_class_and_catalogued(
    text: str, expected: type[MlopsDagsterError]
) -> None:
    found = classify(PySparkException(text), "silver.visits 2024-01")
    assert type(found) is expected
    assert found is not None
    assert_catalogued(found)


def test_an_end_of_file_that_a_hook_meets_is_its_own() -> None:
    text = _STAGE + "PythonException: Traceback: EOFError: No data left in file"
    assert classify(PySparkException(text), "silver.visits 2024-01") is None

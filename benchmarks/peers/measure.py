"""Timing on Spark in this process, for the programs of the peers."""

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from pyspark.sql import DataFrame, SparkSession


def measured(
    source: str, heap_megabytes: int, runs: int, check: Callable[[DataFrame, Path], int]
) -> None:
    """Print, as JSON, the seconds of a plain read and write, of `check`, and their ratio.

    Args:
        source: Folder of Parquet files.
        heap_megabytes: Of the JVM.
        runs: Of how many runs the medians are.
        check: Checks rows, may write them below a folder, and returns how many failed.
    """
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.memory", f"{heap_megabytes}m")
        # The garbage collector of the server that the peers are compared with.
        .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )
    plain, checked, failed = [], [], 0
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            started = perf_counter()
            spark.read.parquet(source).write.parquet(f"{folder}/plain")
            plain.append(perf_counter() - started)
            shutil.rmtree(f"{folder}/plain")
            started = perf_counter()
            failed = check(spark.read.parquet(source), Path(folder))
            checked.append(perf_counter() - started)
    seconds = statistics.median(checked)
    ratio = seconds / statistics.median(plain)
    result = {
        "plain_seconds": round(statistics.median(plain), 1),
        "seconds": round(seconds, 1),
        "ratio": round(ratio, 2),
        "failed_rows": failed,
    }
    print(json.dumps(result))

"""A full disk: told with its place, nothing half-written, and once there is room all goes on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster import errors
from mlops_dagster.engine.failures import engine_errors
from mlops_dagster.errors import StorageFull
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.faults.catalogue import assert_catalogued
from mlops_dagster_tests.tables.worlds import path_world

# A disk of two megabytes in a namespace of its own: takes no rights where users have namespaces.
_SMALL_DISK = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"'


def on_a_small_disk(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that has a disk of two megabytes at a folder.

    Fails loudly where the system gives no such disk: nothing is proved there.
    """
    namespaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None:
        pytest.fail("no small disk can be had here: the program unshare is missing")
    done = subprocess.run(
        ["unshare", *namespaces, "sh", "-c", _SMALL_DISK, str(folder), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr.split(":")[0] or "mount:" in done.stderr:
        pytest.fail(f"no small disk can be had here: {done.stderr}")
    return done


def test_stores_on_a_full_disk_tell_it_keep_no_half_and_go_on_once_there_is_room(
    tmp_path: Path,
) -> None:
    disk, elsewhere = tmp_path / "disk", tmp_path / "elsewhere"
    disk.mkdir()
    elsewhere.mkdir()
    module = "mlops_dagster_tests.faults.fill_disk"
    done = on_a_small_disk(disk, sys.executable, "-m", module, str(disk), str(elsewhere))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"event_store", "bundle", "mlflow"}
    for found in told.values():
        kind = getattr(errors, found["class"])
        assert_catalogued(
            kind(found["problem"], where=found["where"], next_step=found["next_step"])
        )
        assert kind is StorageFull


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount a disk of two megabytes that the Spark server sees too; takes root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"no small disk can be had here: {done.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.verify
def test_a_table_on_a_full_disk_keeps_its_rows_and_takes_new_ones_once_there_is_room(
    spark: SparkSession, tmp_path: Path
) -> None:
    with mounted(tmp_path / "warehouse"):
        world = path_world(spark, tmp_path)
        world.publish(world.rows((1, "before")))
        large = spark.range(200_000).select(F.col("id"), F.expr("uuid()").alias("name"))
        with pytest.raises(StorageFull, match="A disk that Spark writes to is full") as told:
            world.publish(large)
        assert_catalogued(told.value)
        assert world.read() == [(1, "before", "2013-01")]
        grow = ["mount", "-o", "remount,size=64m", str(tmp_path / "warehouse")]
        subprocess.run(grow, check=True)
        with engine_errors("again"):
            assert world.publish(large).published.rows == 200_000
    tell_trial(
        "fault",
        "disk full",
        about="under a Delta table, an event store, a bundle, MLflow's files",
        then="`StorageFull` names the place; the same again works once there is room",
    )

"""A Spark server that cannot start: short of memory, or without Delta's jars."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.settings import JARS_VARIABLE
from mlops_dagster.engine.status import read_status
from mlops_dagster.errors import EngineConfigurationError
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.faults import start_server
from mlops_dagster_tests.faults.catalogue import assert_catalogued


def start(
    state_folder: Path,
    *,
    megabytes: int = 700,
    environment: Mapping[str, str] | None = None,
    addresses: int | None = None,
) -> EngineConfigurationError:
    """Start a server in a process of its own and return the error that it ends with.

    `addresses` are the gigabytes of memory that it and its children may have. It limits itself: a
    function run between fork and exec would meet the threads of gRPC in this process.
    """
    limit = () if addresses is None else (str(addresses),)
    done = subprocess.run(
        [sys.executable, "-m", start_server.__name__, str(state_folder), str(megabytes), *limit],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told is not None, "the server started"
    assert told.pop("class") == "EngineConfigurationError"
    error = EngineConfigurationError(
        told["problem"], where=told["where"], next_step=told["next_step"]
    )
    assert_catalogued(error)
    status = read_status(state_folder)
    assert (status.phase, status.last_failure) == ("stopped", error.problem)
    assert not EngineFiles.of(state_folder).in_use()
    return error


def test_a_heap_that_the_machine_does_not_have_is_told_with_its_key(tmp_path: Path) -> None:
    error = start(tmp_path, megabytes=16 * 1024, addresses=4)
    assert error.problem == "There is not enough memory for the Spark server"
    assert "engine.memory" in str(error)
    tell_trial(
        "fault",
        "memory short",
        about="a heap of 16 GB where 4 GB can be had",
        then="`EngineConfigurationError` names the key",
    )


@pytest.mark.parametrize("jar", [None, "other-1.0.jar", "delta-spark_4.1_2.13-3.2.0.jar"])
def test_a_folder_without_deltas_jars_is_told_before_java_starts(
    tmp_path: Path, jar: str | None
) -> None:
    folder = tmp_path / "jars"
    folder.mkdir()
    if jar is not None:
        (folder / jar).touch()
    error = start(tmp_path / "state", environment={JARS_VARIABLE: str(folder)})
    assert error.problem == "The folder of Delta's jars lacks some of them"
    assert str(folder) in str(error.where)
    assert not EngineFiles.of(tmp_path / "state").log.exists()


@pytest.mark.timeout(300)
def test_jars_that_cannot_be_fetched_are_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    # No jar was ever fetched to this home, and every way out ends at a closed port.
    options = [
        f"-Duser.home={tmp_path / 'home'}",
        *(f"-D{scheme}.proxyHost=127.0.0.1" for scheme in ("http", "https")),
        *(f"-D{scheme}.proxyPort={nobody}" for scheme in ("http", "https")),
    ]
    error = start(
        tmp_path / "state",
        environment={
            "DEFAULT_ARTIFACT_REPOSITORY": f"http://127.0.0.1:{nobody}/",
            "JAVA_TOOL_OPTIONS": " ".join(options),
            JARS_VARIABLE: "",
        },
    )
    assert error.problem == "Delta's jars could not be fetched"
    assert JARS_VARIABLE in str(error)
    assert "DEFAULT_ARTIFACT_REPOSITORY" in str(error)
    tell_trial(
        "fault",
        "jars not to be had",
        about="an empty cache and a mirror at a closed port",
        then="`EngineConfigurationError` names three ways to have them",
    )

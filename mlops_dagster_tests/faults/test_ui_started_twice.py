"""A second daemon, or a port that another program has: told before anything starts."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlops_dagster.automation.instance import (
    ensure_port_free,
    hold_instance,
    prepare_instance,
)
from mlops_dagster.cli import main
from mlops_dagster.errors import AlreadyRunning
from mlops_dagster.resources.workspace import ROOT_VARIABLE, cached_workspace
from mlops_dagster_tests.crashes.trials import tell_trial
from mlops_dagster_tests.faults import hold_daemon
from mlops_dagster_tests.faults.catalogue import assert_catalogued


def ui(root: Path, port: int) -> Result:
    return CliRunner().invoke(main, ["ui", "--port", str(port)], env={ROOT_VARIABLE: str(root)})


def test_a_second_daemon_is_refused_while_the_first_lives_and_no_longer(
    project_root: Path,
) -> None:
    workspace = cached_workspace(project_root, "dev")
    command = [sys.executable, "-m", hold_daemon.__name__, str(project_root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match="Another web UI and daemon") as told:
            hold_instance(workspace)
        assert_catalogued(told.value)
        second = ui(project_root, 3000)
        assert second.exit_code == 1
        assert second.output == f"Error: {told.value}\n"
        first.kill()
    hold_instance(workspace).release()
    tell_trial(
        "fault",
        "daemon started twice",
        about="`mlops-dagster ui` while another one serves the environment",
        then="`AlreadyRunning`; once the first is gone the second starts",
    )


def test_a_port_that_another_program_has_is_named_with_the_option(project_root: Path) -> None:
    workspace = cached_workspace(project_root, "dev")
    prepare_instance(workspace)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AlreadyRunning, match=r"expected|--port") as told:
            ensure_port_free("127.0.0.1", port)
        assert_catalogued(told.value)
        found = ui(project_root, port)
        assert found.exit_code == 1
        assert f"127.0.0.1:{port}: The web UI cannot listen on its port" in found.output
    ensure_port_free("127.0.0.1", port)
    # What was refused holds nothing.
    hold_instance(workspace).release()
    tell_trial(
        "fault",
        "port taken",
        about="the port of the web UI",
        then="`AlreadyRunning` names the port and the option; nothing was started",
    )

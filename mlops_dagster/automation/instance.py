"""The Dagster instance of an environment: its folder, its settings, how `dagster dev` finds it."""

import os
import socket
from pathlib import Path

import yaml

from mlops_dagster.engine.locks import FileLock
from mlops_dagster.errors import AlreadyRunning, StateUnusable
from mlops_dagster.resources.workspace import ENVIRONMENT_VARIABLE, ROOT_VARIABLE
from mlops_dagster.spec.workspace import Workspace

# A dead run process is noticed by run monitoring only; without a longest duration a lost run would
# stay "started" for ever. Steps retry their own errors, so runs are not repeated for them.
SETTINGS: dict[str, object] = {
    "telemetry": {"enabled": False},
    # Dagster's invitation to its community would be the first thing that a newcomer sees.
    "nux": {"enabled": False},
    "run_monitoring": {
        "enabled": True,
        "start_timeout_seconds": 180,
        "cancel_timeout_seconds": 60,
        "max_runtime_seconds": 6 * 3600,
        "free_slots_after_run_end_seconds": 60,
    },
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
    "concurrency": {"runs": {"max_concurrent_runs": 2}, "pools": {"default_limit": 1}},
}


def dagster_home(workspace: Workspace) -> Path:
    """Return the folder of the environment's Dagster instance."""
    return workspace.state_folder / "dagster"


def prepare_instance(workspace: Workspace) -> Path:
    """Write the instance's settings unless there are some, and return its folder.

    Raises:
        StateUnusable: The folder cannot be made or written to.
    """
    home = dagster_home(workspace)
    settings = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            settings.write_text(yaml.safe_dump(SETTINGS, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise StateUnusable(
            "the folder of Dagster's instance cannot be made",
            where=str(home),
            found=str(error),
            next_step="Give this user a folder there that it may write to",
        ) from error
    return home


def hold_instance(workspace: Workspace) -> FileLock:
    """Return the hold of the one daemon that may run an environment's schedules and sensors.

    Raises:
        AlreadyRunning: Another `mlops-dagster ui` holds it.
    """
    home = dagster_home(workspace)
    lock = FileLock.try_take(home / "daemon.lock", exclusive=True, wait_seconds=0.5)
    if lock is None:
        raise AlreadyRunning(
            "Another web UI and daemon serve this environment already",
            where=str(home),
            expected="one daemon, so that nothing is launched twice",
            next_step="Use that one, or stop it with Ctrl+C where it runs",
        )
    return lock


def ensure_port_free(host: str, port: int) -> None:
    """Return if the web UI can listen there.

    Raises:
        AlreadyRunning: Another program listens there.
    """
    with socket.socket() as probe:
        # As the server does it: an address that a closed connection still waits on is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AlreadyRunning(
                "The web UI cannot listen on its port",
                where=f"{host}:{port}",
                found=error.strerror,
                next_step="Name another one with --port, or stop the program that has it",
            ) from error


def process_environment(workspace: Workspace) -> dict[str, str]:
    """Return the variables that make Dagster's processes load this project in this environment."""
    return {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(workspace)),
        ROOT_VARIABLE: str(workspace.root),
        ENVIRONMENT_VARIABLE: workspace.environment.name,
    }


def write_dotenv(workspace: Workspace) -> Path | None:
    """Let bare `dagster dev` in the project's root use this instance: write a missing `.env`.

    Dagster reads `.env` in its working folder first; without it each `dagster dev` gets an instance
    of its own that is deleted at its end.
    """
    path = workspace.root / ".env"
    if path.exists():
        return None
    path.write_text(f"DAGSTER_HOME={dagster_home(workspace)}\n", encoding="utf-8")
    return path

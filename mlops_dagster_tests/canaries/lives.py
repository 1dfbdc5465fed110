"""A project whose every secret is a canary, in environments where each of them fails."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd

from mlops_dagster_tests.assets.inline_project import CHURN, write_project

CANARIES = {
    name: f"canary-{name.replace('_', '-')}-{number}f83b"
    for number, name in enumerate(
        [
            "spark_token",
            "spark_lost_token",
            "spark_text",
            "mlflow_user",
            "mlflow_password",
            "mlflow_query",
            "mlflow_text",
            "state_password",
            "state_query",
            "state_text",
            "state_at_sign",
            "databricks_token",
            "databricks_host",
            "database_password",
            "database_query",
            "database_text",
            "database_slash",
            "mlflow_slash",
        ],
        start=10,
    )
}

_MLFLOW = "{address_variable: CANARY_MLFLOW}"
# What differs from the environment in which everything works, by name of the environment.
ENVIRONMENTS = {
    "works": {"tracking": _MLFLOW},
    "wrong_token": {"engine": "{kind: remote, address_variable: CANARY_WRONG_TOKEN}"},
    "no_spark": {"engine": "{kind: remote, address_variable: CANARY_NO_SPARK}"},
    "spark_text": {"engine": "{kind: remote, address_variable: CANARY_SPARK_TEXT}"},
    "databricks": {
        "engine": "{kind: databricks, host_variable: CANARY_HOST, token_variable: CANARY_TOKEN}"
    },
    "databricks_host": {
        "engine": "{kind: databricks, host_variable: CANARY_HOST_TEXT, "
        "token_variable: CANARY_TOKEN}"
    },
    "mlflow_text": {"tracking": "{address_variable: CANARY_MLFLOW_TEXT}"},
    "mlflow_slash": {"tracking": "{address_variable: CANARY_MLFLOW_SLASH}"},
    "no_state": {"state": "{address_variable: CANARY_STATE}"},
    "state_text": {"state": "{address_variable: CANARY_STATE_TEXT}"},
    "state_at_sign": {"state": "{address_variable: CANARY_STATE_AT_SIGN}"},
    **{
        name: {
            "connections": f"{{crm: {{kind: postgresql, address_variable: {variable}}}}}",
            "use_cases": "[people]",
        }
        for name, variable in (
            ("no_database", "CANARY_DATABASE"),
            ("database_text", "CANARY_DATABASE_TEXT"),
            ("database_slash", "CANARY_DATABASE_SLASH"),
        )
    },
}
# A use case that nothing but these environments runs.
PEOPLE = """\
spec_version: 1
name: people
tables:
  bronze.people: {source: {connection: crm, table: sales.people}}
"""
_ROWS = 300


def variables(spark_address: str, mlflow_port: int) -> dict[str, str]:
    """Return the variables that the environments name, with their canaries."""
    c = CANARIES
    server = spark_address.partition(";")[0]
    closed = free_port()
    user = f"{c['mlflow_user']}:{c['mlflow_password']}"
    return {
        "CANARY_SPARK": spark_address,
        "CANARY_WRONG_TOKEN": f"{server};token={c['spark_token']}",
        "CANARY_NO_SPARK": f"sc://localhost:{closed}/;token={c['spark_lost_token']}",
        "CANARY_SPARK_TEXT": f"sc://[{c['spark_text']}/;token=x",
        "CANARY_MLFLOW": f"http://{user}@127.0.0.1:{mlflow_port}",
        "CANARY_MLFLOW_TEXT": f"{c['mlflow_text']}:5000",
        "CANARY_MLFLOW_SLASH": f"http://me:1/{c['mlflow_slash']}@127.0.0.1:{mlflow_port}",
        "CANARY_STATE": (
            f"postgresql://postgres:{c['state_password']}@127.0.0.1:{closed}/events"
            f"?sslpassword={c['state_query']}"
        ),
        "CANARY_STATE_TEXT": f"postgresql:postgres:{c['state_text']}@127.0.0.1/events",
        "CANARY_STATE_AT_SIGN": f"postgresql://postgres:p@{c['state_at_sign']}@127.0.0.1/events",
        "CANARY_DATABASE": (
            f"postgresql://postgres:{c['database_password']}@127.0.0.1:{closed}/crm"
            f"?sslpassword={c['database_query']}"
        ),
        "CANARY_DATABASE_TEXT": f"postgresql:postgres:{c['database_text']}@127.0.0.1/crm",
        "CANARY_DATABASE_SLASH": f"postgresql://postgres:p/{c['database_slash']}@127.0.0.1:{closed}/crm",
        "CANARY_HOST": "https://127.0.0.1:9",
        "CANARY_HOST_TEXT": f"http://{c['databricks_host']}@example.invalid",
        "CANARY_TOKEN": c["databricks_token"],
    }


def write_canary_project(folder: Path) -> Path:
    """Write a project of one use case without windows, with all environments; return its root."""
    root = write_project(folder, {"churn": CHURN, "people": PEOPLE})
    (root / "environments" / "dev.yaml").unlink()
    for name, changes in ENVIRONMENTS.items():
        settings = {
            "engine": "{kind: remote, address_variable: CANARY_SPARK}",
            "landing": "landing",
            "use_cases": "[churn]",
            "tables": f"{{kind: paths, warehouse: .mlops/{name}/warehouse}}",
            "automation": "{schedules: false, sensors: false}",
            **changes,
        }
        lines = [f"{key}: {value}\n" for key, value in settings.items()]
        text = f"spec_version: 1\nname: {name}\n{''.join(lines)}"
        (root / "environments" / f"{name}.yaml").write_text(text, "utf-8")
    rng = np.random.default_rng(3)
    orders = rng.integers(0, 30, _ROWS)
    customers = pd.DataFrame(
        {
            "customer": np.arange(_ROWS),
            "age": rng.integers(18, 80, _ROWS),
            "orders": orders,
            "left": rng.random(_ROWS) < 1 / (1 + np.exp(0.3 * (orders - 12))),
        }
    )
    customers.to_csv(root / "landing" / "customers.csv", index=False)
    return root


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[None]:
    """Run an MLflow server on this machine while the block lasts."""
    folder.mkdir()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    environment = {name: v for name, v in os.environ.items() if not name.startswith("CANARY_")}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**environment, "MLFLOW_DISABLE_TELEMETRY": "true"},
            start_new_session=True,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        yield
    finally:
        # A group of its own, of which each process keeps nothing that it would have to save.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=30)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {url}")

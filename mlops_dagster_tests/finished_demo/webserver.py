"""Dagster's webserver and daemon as processes of their own, spoken to by GraphQL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_START_SECONDS = 120
_FINISHED = ("SUCCESS", "FAILURE", "CANCELED")

_REPOSITORIES = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
)
_LAUNCH = """
mutation ($job: String!, $repository: String!, $location: String!, $window: String!) {
  launchRun(executionParams: {
    selector: {jobName: $job, repositoryName: $repository, repositoryLocationName: $location}
    runConfigData: {}
    executionMetadata: {tags: [{key: "dagster/partition", value: $window}]}
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_RUNS = """
query ($job: String!) {
  runsOrError(filter: {pipelineName: $job}) {
    ... on Runs { results { runId status tags { key value } } }
  }
}
"""


@dataclass(frozen=True)
class Webserver:
    """A webserver's address and the repository that it serves."""

    port: int
    repository: str
    location: str

    def launch(self, job: str, window: str) -> str:
        """Launch a job for a window and return the run's id; the daemon takes it from the queue."""
        asked = {"job": job, "window": window}
        asked |= {"repository": self.repository, "location": self.location}
        launched = graphql(self.port, _LAUNCH, asked)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def wait(self, job: str, window: str, *, seconds: float) -> str:
        """Return how the newest run of a job for a window ended, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            runs = graphql(self.port, _RUNS, {"job": job})["runsOrError"]["results"]
            for run in runs:
                tags = {tag["key"]: tag["value"] for tag in run["tags"]}
                if tags.get("dagster/partition") == window and run["status"] in _FINISHED:
                    return str(run["status"])
            time.sleep(2)
        raise AssertionError(f"{job} for {window} did not end within {seconds:.0f} s")


def graphql(port: int, query: str, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the data that a webserver answers with."""
    body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
    assert "errors" not in answer, answer["errors"]
    data: dict[str, Any] = answer["data"]
    return data


@contextmanager
def webserver_and_daemon(
    home: Path, environment: Mapping[str, str], logs: Path
) -> Iterator[Webserver]:
    """Run both on an instance's folder; at the end both are gone, and what they started."""
    port = _free_port()
    module = ("-m", "mlops_dagster.definitions")
    folder = Path(sys.executable).parent
    commands = {
        "webserver": [
            str(folder / "dagster-webserver"),
            *module,
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ],
        "daemon": [str(folder / "dagster-daemon"), "run", *module],
    }
    processes = []
    try:
        for name, command in commands.items():
            with (logs / f"{name}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen(
                        command,
                        cwd=home,
                        env=dict(environment),
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        yield _ready(port)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _ready(port: int) -> Webserver:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            nodes = graphql(port, _REPOSITORIES)["repositoriesOrError"].get("nodes")
        except OSError:
            nodes = None
        if nodes:
            (node,) = nodes
            return Webserver(port, node["name"], node["location"]["name"])
        assert time.monotonic() < deadline, "the webserver does not answer"
        time.sleep(1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

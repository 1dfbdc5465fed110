"""Projects whose alerts go to a log and to web addresses; nobody listens there yet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.monitoring.receiver import closed_port, receiver

AlertingProject: TypeAlias = Callable[..., Path]


@pytest.fixture
def alerting_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AlertingProject:
    """Write a project with a use case and its channels; each variable is the address of one."""

    def write(use_cases: dict[str, str], **webhooks: str) -> Path:
        folder = write_project(tmp_path, use_cases)
        lines = ["alerts:", "  channels:", "    - log"]
        for variable, settings in webhooks.items():
            monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port()}/canary")
            lines.append(f"    - webhook: {{address_variable: {variable}, tries: 1, {settings}}}")
        with (folder / "environments" / "dev.yaml").open("a") as environment:
            environment.write("\n".join([*lines, ""]))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        return folder

    return write


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What the chat was sent: CHAT is the address of somebody who listens."""
    with receiver(200) as told:
        monkeypatch.setenv("CHAT", told.address("/canary"))
        yield told.bodies

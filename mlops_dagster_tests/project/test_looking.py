"""What only looks starts nothing: it opens no socket, starts no process, imports nothing slow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_dagster_tests.assets.inline_project import write_project

ROOT = Path(__file__).parents[2]

# Audit events are raised by the interpreter itself: no library can connect or fork around them.
WATCH = """
import json, sys

SOCKETS = ("socket.connect", "socket.bind")
PROCESSES = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec")
seen = []

def watch(event, arguments):
    if event in SOCKETS + PROCESSES:
        seen.append(f"{event} {arguments[1:]}")
"""
DEFINITIONS = """
import tempfile
import dagster as dg
from mlops_dagster.definitions import build_definitions
folder = tempfile.TemporaryDirectory()
instance = dg.DagsterInstance.local_temp(folder.name)
sys.addaudithook(watch)
definitions = build_definitions(sys.argv[1], "dev")
repository = definitions.get_repository_def()
"""
LOADS = "assert len(repository.assets_defs_by_key) > 15"
TICKS = """
assert repository.sensor_defs and repository.schedule_defs
for sensor in repository.sensor_defs:
    with dg.build_sensor_context(instance=instance, definitions=definitions) as context:
        sensor.evaluate_tick(context)
for schedule in repository.schedule_defs:
    from datetime import datetime, timezone
    at = datetime(2014, 1, 1, tzinfo=timezone.utc)
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=repository
    )
    schedule.evaluate_tick(context)
"""
COMMAND = """
from mlops_dagster.cli import main
sys.addaudithook(watch)
main({words} + ["--root", sys.argv[1]], standalone_mode=False)
"""
LOOKING = {
    "load": DEFINITIONS + LOADS,
    "sensors and schedules": DEFINITIONS + TICKS,
    "check": COMMAND.format(words='["check"]'),
    "alerts": COMMAND.format(words='["alerts"]'),
    "deliveries": COMMAND.format(words='["deliveries"]'),
    "status": COMMAND.format(words='["status"]'),
}
TELL = 'print(json.dumps({"seen": seen, "modules": sorted(sys.modules)}))'
SLOW_OR_REMOTE = ("mlflow", "sklearn", "alibi_detect", "lightgbm", "scipy", "grpc")


def watched(program: str, root: Path = ROOT) -> dict[str, list[str]]:
    """Return what a program did that is more than looking, and the modules it imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"{WATCH}{program}\n{TELL}", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", LOOKING)
def test_looking_starts_nothing_and_imports_nothing_slow(name: str) -> None:
    found = watched(LOOKING[name])
    assert found["seen"] == []
    assert [name for name in SLOW_OR_REMOTE if name in found["modules"]] == []


WATCHED = """\
spec_version: 1
name: stock
tables:
  bronze.counts: {files: counts/, watch: true}
"""
FILES = """
(sensor,) = repository.sensor_defs
with dg.build_sensor_context(instance=instance, definitions=definitions) as context:
    assert sensor.evaluate_tick(context).run_requests
"""


def test_a_sensor_that_reads_files_starts_nothing_either(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project", {"stock": WATCHED})
    (root / "landing/counts").mkdir()
    file = root / "landing/counts/1.csv"
    file.write_text("n\n1\n")
    os.utime(file, (1, 1))
    found = watched(DEFINITIONS + FILES, root)
    assert found["seen"] == []
    assert [name for name in SLOW_OR_REMOTE if name in found["modules"]] == []


def test_the_watch_of_the_tests_above_sees_a_socket_and_a_process() -> None:
    found = watched(
        "sys.addaudithook(watch)\n"
        "import socket, subprocess\n"
        "socket.socket().connect_ex(('127.0.0.1', 9))\n"
        "subprocess.run([sys.executable, '-c', ''])\n"
    )
    events = " ".join(found["seen"])
    assert "socket.connect" in events
    assert "subprocess.Popen" in events

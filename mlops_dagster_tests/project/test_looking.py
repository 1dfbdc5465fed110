"""What only looks starts nothing: loading opens no socket and starts no process."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Audit events are raised by the interpreter itself: no library can connect or fork around them.
PROGRAM = """
import json, sys

SOCKETS = ("socket.connect", "socket.bind")
PROCESSES = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec")
seen = []

def watch(event, arguments):
    if event in SOCKETS + PROCESSES:
        seen.append(f"{event} {arguments[1:]}")

from mlops_dagster.definitions import build_definitions
sys.addaudithook(watch)
repository = build_definitions(sys.argv[1], "dev").get_repository_def()
assets = len(repository.assets_defs_by_key)
print(json.dumps({"seen": seen, "assets": assets, "modules": sorted(sys.modules)}))
"""
SLOW_OR_REMOTE = ("mlflow", "sklearn", "alibi_detect", "lightgbm", "scipy", "grpc")


def test_loading_the_code_location_starts_nothing_and_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["assets"] > 15
    assert found["seen"] == []
    assert [name for name in SLOW_OR_REMOTE if name in found["modules"]] == []


def test_the_watch_of_the_test_above_sees_a_socket_and_a_process() -> None:
    program = PROGRAM.split("repository =", maxsplit=1)[0] + (
        "import socket, subprocess\n"
        "socket.socket().connect_ex(('127.0.0.1', 9))\n"
        "subprocess.run([sys.executable, '-c', ''])\n"
        "print(json.dumps(seen))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], capture_output=True, text=True, check=True
    )
    events = " ".join(json.loads(done.stdout.splitlines()[-1]))
    assert "socket.connect" in events
    assert "subprocess.Popen" in events

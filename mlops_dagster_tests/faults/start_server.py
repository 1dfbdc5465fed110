"""Starts a Spark server and prints the error that comes instead: STATE_FOLDER MEGABYTES."""

import json
import sys
from pathlib import Path

from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import lease_server, stop_server
from mlops_dagster.engine.settings import ServerSettings
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.spec.base import Memory
from mlops_dagster.spec.environment import LocalEngine


def main() -> None:
    """Start it and print `null`, or what went wrong."""
    files = EngineFiles.of(Path(sys.argv[1]))
    engine = LocalEngine(kind="local", memory=Memory(megabytes=int(sys.argv[2])))
    told = None
    try:
        lease_server(files, ServerSettings.of(engine)).lease.release()
        stop_server(files)
    except MlopsDagsterError as error:
        told = {
            "class": type(error).__name__,
            "problem": error.problem,
            "where": error.where,
            "next_step": error.next_step,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

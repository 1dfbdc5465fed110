"""Starts a Spark server, prints the error that comes instead: STATE_FOLDER MEGABYTES [GIGABYTES].

The last one limits the memory that this process and its children may have.
"""

import json
import resource
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
    for gigabytes in sys.argv[3:]:
        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes) * 1024**3,) * 2)
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

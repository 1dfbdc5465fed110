"""A PostgreSQL server of the tests' own, where its programs are."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "tester"
PASSWORD = "canary-postgres-77c1"


@contextmanager
def postgres_running() -> Iterator[str]:
    """Yield the address of a server with user and password, without a database name."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (extra: postgres)")
    programs = [shutil.which(name) for name in ("initdb", "postgres")]
    if None in programs:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg_"))
    (folder / "password").write_text(PASSWORD)
    # The server refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user is not None:
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
    # By a program: to change the user `subprocess` forks, which may crash beside gRPC's threads.
    drop_root: tuple[str, ...] = ()
    if user is not None:
        ids = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}")
        drop_root = ("setpriv", *ids, "--clear-groups")
    data = folder / "data"
    try:
        subprocess.run(
            [
                *drop_root,
                *(str(programs[0]), "-D", str(data), "-U", USER, "--no-sync"),
                *("--auth=scram-sha-256", "--pwfile", str(folder / "password"), "-E", "UTF8"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = (
            f"-D {data} -p {port} -h 127.0.0.1 -k {folder} -c fsync=off -c log_min_messages=log"
        )
        server = subprocess.Popen(
            [*drop_root, str(programs[1]), *options.split()],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if "ready to accept connections" in line:
                    break
            yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: waits for no client
            server.communicate(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

"""Stores for the tests: SQLite in a folder, PostgreSQL where its server programs are."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from mlops_dagster.state import EventStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """An empty store in a file."""
    return open_store(tmp_path / "state" / "events.db")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a PostgreSQL server of this test session, without a database name."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (extra: postgres)")
    programs = [shutil.which(name) for name in ("initdb", "postgres")]
    if None in programs:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg_"))
    # The server refuses to run as root.
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    uid, gid = (user.pw_uid, user.pw_gid) if user is not None else (None, None)
    data = folder / "data"
    try:
        subprocess.run(
            [str(programs[0]), "-D", str(data), "-U", "tester", "--auth=trust", "--no-sync"],
            user=uid,
            group=gid,
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
            [str(programs[1]), *options.split()],
            user=uid,
            group=gid,
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
            yield f"postgresql://tester@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # fast shutdown: waits for no client
            server.communicate(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Address of an empty database."""
    driver = postgres_server.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(f"{driver}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE events")
        yield f"{postgres_server}/events"
        connection.exec_driver_sql("DROP DATABASE events WITH (FORCE)")

"""Stores for the tests: SQLite in a folder, PostgreSQL where its server programs are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from mlops_dagster.state import EventStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """An empty store in a file."""
    return open_store(tmp_path / "state" / "events.db")


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Address of an empty database."""
    driver = postgres_server.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(f"{driver}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE events")
        yield f"{postgres_server}/events"
        connection.exec_driver_sql("DROP DATABASE events WITH (FORCE)")

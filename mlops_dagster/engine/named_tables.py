"""Gives tables their names back: a local server's catalog lives in memory, its tables on disk."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from mlops_dagster.engine.files import EngineFiles, NamedTables
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.locks import exclusively
from mlops_dagster.engine.server import Announce
from mlops_dagster.errors import TransientEngineError
from mlops_dagster.spec.environment import LOCAL_CATALOG

# A name costs one look at the table's log, which the server then keeps for the first read of it.
_AT_ONCE = 4
_WAIT_SECONDS = 300.0
_DEFAULT_SCHEMA = "default"
_SCHEMA_SUFFIX = ".db"


@dataclass(frozen=True)
class TableFolder:
    """A Delta table below the server's warehouse, where Spark puts tables that have a name."""

    schema: str
    name: str
    path: Path


def table_folders(warehouse: Path) -> Iterator[TableFolder]:
    """Yield the Delta tables of a warehouse, `<schema>.db/<table>`, in the order of their names."""
    folders = [warehouse, *warehouse.glob(f"*{_SCHEMA_SUFFIX}")]
    for folder in sorted(folders):
        schema = (
            _DEFAULT_SCHEMA if folder == warehouse else folder.name.removesuffix(_SCHEMA_SUFFIX)
        )
        for log in sorted(folder.glob("*/_delta_log")):
            # A log without commits is that of a first write that never ended.
            if any(log.glob("*.json")):
                yield TableFolder(schema, log.parent.name, log.parent)


def restore_names(
    session: SparkSession, *, files: EngineFiles, identity: str, announce: Announce
) -> None:
    """Register the warehouse's tables in the catalog of a server that has just started.

    Whoever connects first does it, the others wait: nobody gets a session in which a table is
    missing. The folders are the truth, so tables keep their names when the project is moved or
    copied. A folder that cannot be read is announced and left without its name.

    Args:
        session: A session of the server.
        files: The engine's files.
        identity: The server's identity; for each there is one registration.
        announce: Receives a line about each folder that cannot be read.

    Raises:
        TransientEngineError: Another process takes too long over it.
    """
    if _done(files, identity):
        return
    with exclusively(files.names_lock, wait_seconds=_WAIT_SECONDS) as alone:
        if not alone:
            raise TransientEngineError(
                "Another process takes too long to register tables", where=str(files.warehouse)
            )
        if _done(files, identity):
            return
        found = list(table_folders(files.warehouse))
        for schema in dict.fromkeys(folder.schema for folder in found):
            session.sql(f"CREATE SCHEMA IF NOT EXISTS {quote(LOCAL_CATALOG, schema)}")
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for problem in threads.map(lambda folder: _register(session, folder), found):
                if problem is not None:
                    announce(problem)
        NamedTables(server_identity=identity).write(files.names)


def _done(files: EngineFiles, identity: str) -> bool:
    names = NamedTables.read(files.names)
    return names is not None and names.server_identity == identity


def _register(session: SparkSession, folder: TableFolder) -> str | None:
    """Name a table; return what is wrong with its folder, if anything is."""
    name = quote(LOCAL_CATALOG, folder.schema, folder.name)
    if session.catalog.tableExists(name):
        return None
    try:
        session.catalog.createTable(name, path=str(folder.path), source="delta")
    except PySparkException as error:
        condition = error.getCondition()
        if condition is None:
            raise
        return (
            f"the table {name} stays without its name until its folder is repaired: "
            f"{condition} in {folder.path}"
        )
    return None

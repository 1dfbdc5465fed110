"""A small project written to a folder, loaded, and built window by window."""

from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from textwrap import dedent

from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.build import TableBuilt, build_table
from mlops_dagster.data.decisions import Change, DecidedRow, decide
from mlops_dagster.data.quarantine import quarantine_ref, read_quarantine
from mlops_dagster.data.quarantine_report import ListedRow, list_rows
from mlops_dagster.data.row_ledger import Action
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster.tables.locations import Locations

PATHS = "{kind: paths, warehouse: warehouse}"
USE_CASE = "shop"


@dataclass
class Project:
    """A project of one use case, `shop`, whose files tests write."""

    session: SparkSession
    root: Path
    tables: str = PATHS
    windows: str = "{every: month, first: 2013-01, last: 2013-12}"
    connections: str = "{}"
    store: EventStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = open_store(self.root / "events.db")
        self.write("project.yaml", "spec_version: 1\nname: examples\n")
        self.write(
            "environments/dev.yaml",
            f"""
            spec_version: 1
            name: dev
            engine: {{kind: local}}
            landing: landing
            tables: {self.tables}
            connections: {self.connections}
            """,
        )

    def serve(self, variable: str) -> None:
        """Let commands find it: its engine is the server of a variable, its events are in place."""
        self.write(
            "environments/dev.yaml",
            f"""
            spec_version: 1
            name: dev
            engine: {{kind: remote, address_variable: {variable}}}
            landing: landing
            tables: {self.tables}
            """,
        )
        folder = self.workspace().state_folder
        folder.mkdir(parents=True)
        (folder / "events.db").symlink_to(self.root / "events.db")

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file below the root; texts lose their common indent."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            file.write_bytes(text)
        else:
            file.write_text(dedent(text).lstrip("\n"), encoding="utf-8", newline="")
        return file

    def declare(self, tables: str) -> None:
        """Write the use case with these tables."""
        windows = f"windows: {self.windows}\n" if self.windows else ""
        body = "".join(f"  {line}\n" for line in dedent(tables).strip().splitlines())
        text = f"spec_version: 1\nname: {USE_CASE}\n{windows}tables:\n{body}"
        self.write(f"use_cases/{USE_CASE}/use_case.yaml", text)

    def sql(self, table: str, text: str) -> None:
        """Write the SQL file of a table such as `silver.sales`."""
        self.write(f"use_cases/{USE_CASE}/{table.replace('.', '/')}.sql", text)

    def workspace(self) -> Workspace:
        """Load the project."""
        return load_workspace(self.root, "dev")

    def table(self, name: str) -> ResolvedTable:
        """Load the project and return a table such as `silver.sales`."""
        return self.workspace().table(TableRef.parse(f"{USE_CASE}.{name}"))

    @property
    def locations(self) -> Locations:
        """Where tables lie."""
        return Locations(self.workspace().environment, self.root)

    def build(
        self, name: str, window: str = STATIC, *, as_of: datetime | None = None
    ) -> TableBuilt:
        """Build a slice of a table, by default as its window closes."""
        workspace = self.workspace()
        table = workspace.table(TableRef.parse(f"{USE_CASE}.{name}"))
        if as_of is None:
            as_of = datetime(2013, 6, 1, tzinfo=timezone.utc)
            if table.calendar is not None and window != STATIC:
                as_of = table.calendar.as_of_close(window)
        return build_table(
            self.session,
            workspace=workspace,
            table=table,
            window=window,
            as_of=as_of,
            store=self.store,
            locations=Locations(workspace.environment, self.root),
            run_id="run",
        )

    def frame(self, name: str) -> DataFrame:
        """Return the newest rows of a table."""
        ref = TableRef.parse(f"{USE_CASE}.{name}")
        return self.locations.of(ref).read(self.session)

    def rows(self, name: str, *columns: str) -> list[tuple[object, ...]]:
        """Return the newest rows of a table, sorted as text; these columns or all of them."""
        frame = self.frame(name)
        found = frame.select(*columns) if columns else frame
        return sorted((tuple(row) for row in found.collect()), key=repr)

    def listed(self) -> tuple[ListedRow, ...]:
        """Return the rows that `mlops-dagster quarantine list` shows."""
        return list_rows(
            self.session,
            workspace=self.workspace(),
            owner=USE_CASE,
            store=self.store,
            locations=self.locations,
        )

    def decide(
        self, action: Action, *changes: Change, why: str = "seen", dry_run: bool = False
    ) -> tuple[DecidedRow, ...]:
        """Decide about quarantined rows, as kim."""
        return decide(
            self.session,
            action,
            changes,
            workspace=self.workspace(),
            owner=USE_CASE,
            who="kim",
            why=why,
            store=self.store,
            locations=self.locations,
            run_id="decision",
            dry_run=dry_run,
        )

    def quarantine(self) -> list[tuple[object, ...]]:
        """Return table, window, reasons and payload of the quarantined rows that count."""
        frame = read_quarantine(
            self.session,
            USE_CASE,
            tables=list(self.workspace().tables),
            store=self.store,
            locations=self.locations,
        )
        found = frame.select("table", "window", "reasons", "payload").collect()
        return sorted((tuple(row) for row in found), key=repr)

    def stored_quarantine(self) -> int:
        """Return how many rows the quarantine table holds, counting or not."""
        return self.locations.of(quarantine_ref(USE_CASE)).read(self.session).count()

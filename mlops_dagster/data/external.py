"""Tables with a source: what something else keeps, held against the contract, as typed rows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import check_found, check_names, contract_of
from mlops_dagster.data.delivery import Delivery
from mlops_dagster.data.delta_source import location_of, pin_newest, within
from mlops_dagster.data.evolution import divided, grown, with_missing
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.postgres_source import open_postgres
from mlops_dagster.data.reading_files import parquet_rows
from mlops_dagster.data.staging import staged_file
from mlops_dagster.data.window_bounds import Bounds, bounds_of
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.errors import SourceError, nearest_name
from mlops_dagster.spec.connections import PostgresConnection, TableSource
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.environment import LocalEngine
from mlops_dagster.spec.refs import STATIC, TableRef
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import InputVersion
from mlops_dagster.state.store import EventStore
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.pins import pin, pin_published
from mlops_dagster.tables.slices import WINDOW_COLUMN

Types = Mapping[str, str]


@contextmanager
def external_delivery(
    session: SparkSession,
    *,
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    contract: Contract | None,
    store: EventStore,
    locations: Locations,
) -> Iterator[Delivery]:
    """Yield what the source of a table holds for a slice; to be used inside the block.

    What is read stays the same inside the block: a Delta table at one version, a database in one
    snapshot. The number of records is counted by the source, apart from the rows.

    Args:
        session: A Spark session.
        workspace: Says what connections are.
        table: A table of kind `source`.
        window: The window's key; `static` for a static table.
        contract: The table's columns; None to take them from the source.
        store: Where publications of the user's own assets are found.
        locations: Where their tables lie.

    Raises:
        SourceError: There is no such table, or it cannot be read.
        SourceUnavailable: A database did not answer.
        ContractViolation: Its columns are not the contract's.
    """
    source = table.spec.source
    if source is None:
        raise ValueError(f"{table.ref} has no source")
    reader = _Reader(session, workspace, table, source, window, contract)
    if source.asset is not None:
        yield reader.of_asset(store, locations)
        return
    connection = workspace.environment.connections[source.connection or ""]
    if isinstance(connection, PostgresConnection):
        with reader.of_database(connection) as delivery:
            yield delivery
        return
    location = location_of(connection, source.table or "", root=workspace.root)
    pinned = pin_newest(session, location, where=reader.where)
    version = InputVersion(ref=str(source), delta_version=pinned.version, windows={})
    yield reader.of_frame(pinned.read(session), version)


@dataclass(frozen=True)
class _Reader:
    """Reads one slice of a table's source."""

    session: SparkSession
    workspace: Workspace
    table: ResolvedTable
    source: TableSource
    window: str
    contract: Contract | None

    @property
    def where(self) -> str:
        """What is read, for messages."""
        return f"{self.table.ref} from {self.source}"

    def of_asset(self, store: EventStore, locations: Locations) -> Delivery:
        """Return what an asset of the user's own published last: of the window, else all of it."""
        ref = TableRef.parse(self.source.asset or "")
        if self.window == STATIC:
            pinned = pin_published(store, ref) or pin(store, ref, None)
        else:
            pinned = pin(store, ref, [self.window])
        frame = pinned.read(self.session, locations)
        return self.of_frame(frame.drop(WINDOW_COLUMN), pinned.version, bounded=False)

    def of_frame(
        self, frame: DataFrame, version: InputVersion, *, bounded: bool = True
    ) -> Delivery:
        """Return rows that Spark reads itself. Costs a count or two beside the build."""
        types = {field.name: field.dataType.simpleString() for field in frame.schema}
        wanted = self._wanted(types)
        agreed = self._agreed({name: types[name] for name in wanted})
        bounds = self._bounds(types, agreed) if bounded else None
        without_time = 0
        if bounds is not None:
            time = F.col(quote(bounds.column))
            without_time = self._count(frame.where(time.isNull()))
            frame = frame.where(within(time, bounds))
        records = self._count(frame)
        there, lacks = divided(agreed, types)
        rows = frame.select(
            *(F.col(quote(name)).cast(kind).alias(name) for name, kind in there.types.items())
        )
        rows = _in_order(with_missing(rows, lacks), agreed)
        return self._delivery(rows, agreed, records, without_time, (version,))

    @contextmanager
    def of_database(self, connection: PostgresConnection) -> Iterator[Delivery]:
        """Yield rows that this process has read into a file; it is removed after the block."""
        with staged_file(self.workspace.state_folder) as path:
            with open_postgres(
                connection,
                self.source.table or "",
                columns=self.source.columns,
                where=self.where,
            ) as opened:
                types = {column.name: column.spark for column in opened.columns}
                agreed = self._agreed(types)
                bounds = self._bounds(types, agreed)
                fetched = opened.fetch(path, bounds=bounds, limit_rows=connection.limit_rows)
            there, lacks = divided(agreed, types)
            rows = parquet_rows(
                self.session,
                LandingFile(path, Form.PARQUET, zipped=False),
                there,
                # Another machine's server does not see this one's state folder.
                by_path=isinstance(self.workspace.environment.engine, LocalEngine)
                and Locations(self.workspace.environment, self.workspace.root).by_path,
            )
            rows = _in_order(with_missing(rows, lacks), agreed)
            yield self._delivery(rows, agreed, fetched.records, fetched.without_time, ())

    def _count(self, frame: DataFrame) -> int:
        # Delta answers from its log where no file holds other rows.
        return int(one_row(frame.agg(F.count("*")), what=f"rows of {self.where}")[0])

    def _wanted(self, types: Types) -> list[str]:
        for column in self.source.columns:
            self._check_there(column, types, key="columns")
        return list(self.source.columns or types)

    def _agreed(self, types: Types) -> Contract:
        if self.contract is None:
            check_names(self.table.ref, list(types))
            return contract_of(self.table.ref, types)
        longer = grown(self.table, self.contract, types)
        check_found(longer, types, where=self.where, widen=True)
        return longer

    def _bounds(self, types: Types, agreed: Contract) -> Bounds | None:
        column, calendar = self.source.window_by, self.table.calendar
        if column is None or calendar is None:
            return None
        self._check_there(column, types, key="window_by")
        return bounds_of(
            calendar,
            self.window,
            column=column,
            found=types[column],
            agreed=agreed.types[column],
            where=self.where,
        )

    def _check_there(self, column: str, types: Types, *, key: str) -> None:
        if column not in types:
            raise SourceError(
                "there is no such column",
                where=self.where,
                found=f"'{column}'",
                nearest=nearest_name(column, types),
                next_step=f"Correct `{key}:`",
            )

    def _delivery(
        self,
        rows: DataFrame,
        agreed: Contract,
        records: int,
        without_time: int,
        inputs: tuple[InputVersion, ...],
    ) -> Delivery:
        return Delivery(
            frame=rows,
            contract=agreed,
            contract_is_new=self.contract is None,
            contract_grew=self.contract is not None and agreed != self.contract,
            records=records,
            inputs=inputs,
            without_time=without_time,
        )


def _in_order(rows: DataFrame, agreed: Contract) -> DataFrame:
    return rows.select(*(F.col(quote(name)) for name in agreed.types))

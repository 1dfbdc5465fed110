"""Where tables lie: folders below a warehouse, or names in a catalog, as the environment says."""

from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.spec.environment import CatalogTables, Environment
from mlops_dagster.spec.refs import TableRef

# What `DESCRIBE HISTORY` and a read of a folder that holds no Delta table answer.
_NO_TABLE = (
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_PATH_DOES_NOT_EXIST",
    "DELTA_TABLE_ONLY_OPERATION",
    "PATH_NOT_FOUND",
)


@dataclass(frozen=True)
class PathLocation:
    """A Delta table in a folder."""

    path: str

    def __str__(self) -> str:
        return self.path

    @property
    def sql_name(self) -> str:
        """The table as SQL statements name it."""
        return f"delta.{quote(self.path)}"

    def read(self, session: SparkSession, version: int | None = None) -> DataFrame:
        """Return the table's rows, of the newest version or of a given one."""
        reader = session.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path)

    def exists(self, session: SparkSession) -> bool:
        """Tell whether the folder holds a Delta table."""
        try:
            _ = session.sql(f"DESCRIBE DETAIL {self.sql_name}").schema
        except AnalysisException as error:
            if (error.getCondition() or "").startswith(_NO_TABLE):
                return False
            raise
        return True

    def prepare(self, session: SparkSession) -> None:
        """Do nothing: folders appear with the first write."""

    def write(self, writer: DataFrameWriter) -> None:
        """Run a prepared write against this table."""
        writer.save(self.path)


@dataclass(frozen=True)
class CatalogLocation:
    """A Delta table by its name in a catalog; no path is ever used."""

    catalog: str
    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The table as SQL statements name it."""
        return quote(self.catalog, self.schema, self.name)

    def read(self, session: SparkSession, version: int | None = None) -> DataFrame:
        """Return the table's rows, of the newest version or of a given one."""
        reader = session.read
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.table(self.sql_name)

    def exists(self, session: SparkSession) -> bool:
        """Tell whether the catalog knows the table."""
        return bool(session.catalog.tableExists(self.sql_name))

    def prepare(self, session: SparkSession) -> None:
        """Create the schema when it is missing."""
        session.sql(f"CREATE SCHEMA IF NOT EXISTS {quote(self.catalog, self.schema)}")

    def write(self, writer: DataFrameWriter) -> None:
        """Run a prepared write against this table."""
        writer.saveAsTable(self.sql_name)


TableLocation = PathLocation | CatalogLocation


@dataclass(frozen=True)
class Locations:
    """The place of every table of an environment.

    Args:
        environment: Says whether tables are folders or names.
        root: The project's root; a relative warehouse lies below it.
    """

    environment: Environment
    root: Path

    def of(self, ref: TableRef) -> TableLocation:
        """Return where a table lies.

        In a catalog the schema comes from the template. A part that the template leaves out goes
        into the table's name instead, so that `bronze.weather` and `silver.weather` never meet.
        """
        tables = self.environment.tables
        if isinstance(tables, CatalogTables):
            template = tables.schema_template
            schema = template.replace("{use_case}", ref.owner).replace("{layer}", ref.layer)
            name = ref.name
            if "{layer}" not in template:
                name = f"{ref.layer}__{name}"
            if "{use_case}" not in template:
                name = f"{ref.owner}__{name}"
            return CatalogLocation(tables.catalog, schema, name)
        warehouse = tables.warehouse
        if "://" not in warehouse:
            warehouse = str(self.root / warehouse)
        return PathLocation("/".join((warehouse.rstrip("/"), ref.owner, ref.layer, ref.name)))

    @property
    def by_path(self) -> bool:
        """Whether the server may read and write paths; in a catalog it may not."""
        return not isinstance(self.environment.tables, CatalogTables)

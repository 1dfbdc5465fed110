"""What users write about where rows come from that are no files: sources, and their connections.

A use case names a connection and a table behind it; only the environment says what the connection
is. So the same use case reads a folder of samples in dev and a database in production.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mlops_dagster.spec.base import PATTERN_WORDS, Column, Name, SpecModel, Text

VARIABLE_PATTERN = r"^[A-Z][A-Z0-9_]*$"
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE_PATTERN)]
PATTERN_WORDS[VARIABLE_PATTERN] = "the name of an environment variable such as 'SPARK_REMOTE'"
CATALOG_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
CatalogName = Annotated[str, StringConstraints(pattern=CATALOG_PATTERN)]
PATTERN_WORDS[CATALOG_PATTERN] = "the name of a catalog such as 'main'"
# Parts are quoted wherever they are used; one that leads out of a folder could not be.
TABLE_PATTERN = r"^[^./\\\x00-\x1f\x7f]{1,63}\.[^./\\\x00-\x1f\x7f]{1,63}$"
PATTERN_WORDS[TABLE_PATTERN] = "a schema and a table such as 'sales.orders'"
ASSET_PATTERN = r"^[^./\s]+\.[^./\s]+\.[^./\s]+$"
PATTERN_WORDS[ASSET_PATTERN] = "the three parts of an asset's key such as 'shop.gold.costs'"


class TableSource(SpecModel):
    """Rows of a table that something else keeps: behind a connection, or an asset of your own."""

    connection: Name | None = Field(default=None, description="of the environment")
    table: Annotated[str, StringConstraints(pattern=TABLE_PATTERN)] | None = Field(
        default=None, description="'schema.table' behind the connection"
    )
    asset: Annotated[str, StringConstraints(pattern=ASSET_PATTERN)] | None = Field(
        default=None, description="'owner.layer.name' of an asset that publishes through `delta`"
    )
    columns: list[Column] = Field(default_factory=list, description="empty: all")
    window_by: Column | None = Field(
        default=None,
        description="a time whose rows of a window are read; `window` for an asset's partitions",
    )

    def __str__(self) -> str:
        return self.asset or f"{self.connection}:{self.table}"


class DeltaConnection(SpecModel):
    """Delta tables in folders `<path>/<schema>/<table>`."""

    kind: Literal["delta"]
    path: Text


class CatalogConnection(SpecModel):
    """Delta tables by their names in a catalog of the engine."""

    kind: Literal["catalog"]
    catalog: CatalogName


class PostgresConnection(SpecModel):
    """A PostgreSQL database; the variable holds its address with user and password."""

    kind: Literal["postgresql"]
    address_variable: VariableName
    limit_rows: Annotated[int, Field(ge=1)] = 20_000_000


Connection = Annotated[
    DeltaConnection | CatalogConnection | PostgresConnection, Field(discriminator="kind")
]

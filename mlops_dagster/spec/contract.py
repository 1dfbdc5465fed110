"""Contracts: the columns a table promises. Written by the first run, reviewed, committed."""

from typing import Annotated

from pydantic import StringConstraints

from mlops_dagster.spec.base import Column, SpecModel, SpecVersion

# Spark's simple type names, such as bigint, double, string, timestamp, decimal(10,2), array<string>.
SparkType = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\(\d+(,\d+)?\))?(<.+>)?$")]


class ContractColumn(SpecModel):
    """One column: its name, Spark type and whether it may be null."""

    name: Column
    type: SparkType
    nullable: bool = True


class Contract(SpecModel):
    """`contracts/<layer>.<name>.yaml`: all columns of a table in their order, without `window`."""

    spec_version: SpecVersion
    table: str
    columns: list[ContractColumn]

    @property
    def types(self) -> dict[str, str]:
        """Column types by name."""
        return {column.name: column.type for column in self.columns}

"""Contracts: the columns a table promises. Written by the first run, reviewed, committed."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from mlops_dagster.errors import SpecError
from mlops_dagster.spec.base import ChoiceError, Column, SpecModel, SpecVersion
from mlops_dagster.spec.positions import read_bounded
from mlops_dagster.spec.problems import ProblemList
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.source import read_source
from mlops_dagster.spec.spark_types import TYPE_NAMES, is_spark_type
from mlops_dagster.spec.yaml_text import scalar_text

_TYPE_WORDS = "a Spark type such as 'bigint', 'decimal(10,2)' or 'array<string>'"


def _known_type(value: str) -> str:
    if not is_spark_type(value):
        raise ChoiceError(_TYPE_WORDS, TYPE_NAMES)
    return value


# Spark's simple type names, such as bigint, double, string, timestamp, decimal(10,2).
SparkType = Annotated[str, AfterValidator(_known_type)]


class ContractColumn(SpecModel):
    """One column: its name, Spark type, whether it may be null, and be missing from a delivery."""

    name: Column
    type: SparkType
    nullable: bool = True
    optional: bool = Field(
        default=False, description="a delivery may lack it, and is null there then"
    )


class Contract(SpecModel):
    """`contracts/<layer>.<name>.yaml`: all columns of a table in their order, without `window`."""

    spec_version: SpecVersion
    table: str
    columns: list[ContractColumn]

    @property
    def types(self) -> dict[str, str]:
        """Column types by name."""
        return {column.name: column.type for column in self.columns}


def contract_path(folder: Path, ref: TableRef) -> Path:
    """Return where the contract of a table lies below its owner's folder (shared: the root)."""
    return folder / "contracts" / f"{ref.layer}.{ref.name}.yaml"


def read_contract(path: Path) -> Contract:
    """Read a contract.

    Raises:
        SpecError: The file cannot be read or is no contract; the message lists every mistake.
    """
    problems = ProblemList()
    try:
        content = read_bounded(path)
    except (OSError, ValueError) as error:
        raise SpecError("the contract cannot be read", where=str(path), found=str(error)) from error
    contract = read_source(content, Contract, file=str(path), problems=problems).model
    problems.raise_if_any()
    if contract is None:
        raise SpecError("the contract is empty", where=str(path))
    return contract


def write_contract(path: Path, contract: Contract) -> None:
    """Write a contract as YAML in one step; equal contracts give equal bytes."""
    found = f"# The columns of {contract.table} as a run found them."
    lines = [
        f"{found} Review them, then commit this file:",
        "# from then on a batch with other columns is refused.",
        "spec_version: 1",
        f"table: {scalar_text(contract.table)}",
        "columns:" if contract.columns else "columns: []",
    ]
    lines += [f"  - {_column(column)}" for column in contract.columns]
    _write(path, "\n".join(lines) + "\n")


def add_columns(path: Path, contract: Contract) -> None:
    """Add to a contract's file the columns that it lacks, below what people wrote there.

    A file whose columns do not stand at its end, one a line, is written anew.
    """
    known = read_contract(path)
    added = [column for column in contract.columns if column.name not in known.types]
    if not added:
        return
    grown = known.model_copy(update={"columns": [*known.columns, *added]})
    text = path.read_text(encoding="utf-8").rstrip("\n")
    indent = re.match(r" *- ", text.rpartition("\n")[2])
    if indent is not None:
        text += "".join(f"\n{indent[0]}{_column(column)}" for column in added) + "\n"
        if read_source(text.encode(), Contract, file="", problems=ProblemList()).model == grown:
            _write(path, text)
            return
    write_contract(path, grown)


def _column(column: ContractColumn) -> str:
    nullable = "true" if column.nullable else "false"
    optional = ", optional: true" if column.optional else ""
    name, kind = scalar_text(column.name), scalar_text(column.type)
    return f"{{name: {name}, type: {kind}, nullable: {nullable}{optional}}}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)

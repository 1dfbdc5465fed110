"""Contracts that grow by what is delivered, and deliveries that lack what was added later."""

from collections.abc import Collection, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import check_names, with_added, without_row_number
from mlops_dagster.data.inference import infer_contract
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.parquet_files import parquet_types
from mlops_dagster.data.records import scan_file
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.workspace import ResolvedTable


def grown_contract(
    table: ResolvedTable, contract: Contract, files: Sequence[LandingFile]
) -> Contract:
    """Return a contract with the columns that files have and it lacks, with the types they suggest.

    Only new columns are added: one that is missing or of another type stays a difference. Where
    something is missing as well, a column may have been renamed, so nothing is added.
    Cost: a look at the files, and one more reading of them where there is something new.

    Raises:
        SourceError: A file cannot be read.
        ContractViolation: A new column has a name that is taken, or differs in its case alone.
    """
    promised = without_row_number(contract, table.spec.row_number)
    new: set[str] = set()
    for file in files:
        names = _names(file)
        gone = [c for c in promised.columns if c.name not in names and not c.optional]
        if names and not gone:
            new |= names - promised.types.keys()
    new.discard(table.spec.row_number or "")
    if not new:
        return contract
    found = infer_contract(table.ref, files, nulls=table.spec.nulls).types
    return grown(table, contract, {name: kind for name, kind in found.items() if name in new})


def grown(table: ResolvedTable, contract: Contract, found: Mapping[str, str]) -> Contract:
    """Return a contract with the columns of `found` that it lacks, where the table may grow.

    Raises:
        ContractViolation: As `grown_contract`.
    """
    if table.spec.evolve is None:
        return contract
    longer = with_added(contract, found)
    try:
        check_names(table.ref, list(longer.types))
    except ContractViolation as error:
        raise ContractViolation(
            error.problem,
            where=str(table.ref),
            found=error.found,
            next_step="Rename the new column where it is made",
            differences=(f"new column: {error.problem}",),
        ) from error
    return longer


def divided(contract: Contract, found: Collection[str]) -> tuple[Contract, dict[str, str]]:
    """Return the part of a contract that a delivery may be read by, and optional columns it lacks.

    Args:
        contract: The contract.
        found: Names of the delivery's columns.
    """
    lacks = {c.name: c.type for c in contract.columns if c.optional and c.name not in found}
    there = [column for column in contract.columns if column.name not in lacks]
    return contract.model_copy(update={"columns": there}), lacks


def with_missing(rows: DataFrame, lacks: Mapping[str, str]) -> DataFrame:
    """Return rows with columns of nulls, by name and type."""
    if not lacks:
        return rows
    nulls = [F.lit(None).cast(kind).alias(name) for name, kind in lacks.items()]
    return rows.select(*(F.col(quote(name)) for name in rows.columns), *nulls)


def _names(file: LandingFile) -> set[str]:
    if file.form is Form.PARQUET:
        return set(parquet_types(file))
    return set(scan_file(file).columns)

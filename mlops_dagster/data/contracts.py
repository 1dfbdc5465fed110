"""Holding what was found against a contract: every difference at once, with the nearest names."""

from collections.abc import Iterable, Mapping, Sequence

from mlops_dagster.data.delivery import PREFIX
from mlops_dagster.data.parquet_files import VOID
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation, nearest_name
from mlops_dagster.spec.contract import Contract, ContractColumn, read_contract
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.table_columns import ROW_NUMBER_TYPE, TIME_TYPES
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.tables.slices import WINDOW_COLUMN

# Widening that loses nothing; any other change of type is a difference.
_WIDER = {
    "tinyint": {"smallint", "int", "bigint"},
    "smallint": {"int", "bigint"},
    "int": {"bigint"},
    "float": {"double"},
    "timestamp_ntz": {"timestamp"},
}


def known_contract(table: ResolvedTable) -> Contract | None:
    """Return a table's contract, also one that a run wrote after the workspace was loaded."""
    may_have_grown = table.contract is None or table.spec.evolve is not None
    if may_have_grown and table.contract_path.exists():
        return read_contract(table.contract_path)
    return table.contract


def check_found(
    contract: Contract, found: Mapping[str, str | None], *, where: str, widen: bool = False
) -> None:
    """Raise unless the columns found are the contract's; their order does not matter.

    Args:
        contract: What was promised.
        found: Types by name; None where files hold texts that have no type yet.
        where: The table or file.
        widen: Take a narrower number where the contract has a wider one, and nulls as any type.

    Raises:
        ContractViolation: Lists all differences.
    """
    differences = tuple(differences_of(contract, found, widen=widen))
    if differences:
        number = "1 difference" if len(differences) == 1 else f"{len(differences)} differences"
        raise ContractViolation(
            f"{number} from the contract of {contract.table}: {'; '.join(differences)}",
            where=where,
            next_step="Correct the source, or change the contract file and review what reads it",
            differences=differences,
        )


def with_added(contract: Contract, found: Mapping[str, str]) -> Contract:
    """Return a contract with the columns of `found` that it lacks, as optional ones at its end."""
    added = [
        ContractColumn(name=name, type=kind, optional=True)
        for name, kind in found.items()
        if name not in contract.types
    ]
    return contract.model_copy(update={"columns": [*contract.columns, *added]})


def differences_of(
    contract: Contract, found: Mapping[str, str | None], *, widen: bool = False
) -> list[str]:
    """Return one sentence for each column that is missing, extra or of another type."""
    expected = contract.types
    extra = [name for name in found if name not in expected]
    sentences = []
    for column in contract.columns:
        name, kind = column.name, column.type
        if name not in found:
            if column.optional:
                continue
            nearest = nearest_name(name, extra)
            renamed = f" (renamed to '{nearest}'?)" if nearest else ""
            sentences.append(f"column '{name}' is missing{renamed}")
            continue
        other = found[name]
        if other is None or other == kind or (widen and _holds(kind, other)):
            continue
        sentences.append(f"column '{name}' should be {kind}, is {other}")
    sentences += [f"column '{name}' is not in the contract" for name in extra]
    return sentences


def check_declared(table: ResolvedTable, contract: Contract) -> None:
    """Raise unless a table's key and times are columns of it, and the times are times.

    `check` has told so already where the columns were known before the first run.

    Raises:
        ContractViolation: Names the place in the use case's file and the nearest column.
    """
    spec, types = table.spec, contract.types
    file, line = table.position
    times = {"event_time": spec.event_time, "known_at": spec.known_at}
    declared = [*(("key", name) for name in spec.key), *times.items()]
    for key, column in declared:
        where = f"{file}:{line}: {table.ref}.{key}"
        if column is not None and column not in types:
            raise ContractViolation(
                "there is no such column",
                where=where,
                expected=f"one of {', '.join(types)}",
                found=column,
                nearest=nearest_name(column, types),
            )
        if key in times and column is not None and types[column] not in TIME_TYPES:
            raise ContractViolation(
                f"column {column} is no time",
                where=where,
                expected="timestamp, timestamp_ntz or date",
                found=types[column],
                next_step=(
                    "Texts in files are times when they are written as 2024-01-31 or "
                    "2024-01-31T12:00:00Z; make one from any other in a table of SQL"
                ),
            )


def _holds(kind: str, narrower: str) -> bool:
    return narrower == VOID or kind in _WIDER.get(narrower, ())


def contract_of(ref: TableRef, columns: Mapping[str, str]) -> Contract:
    """Return a contract that promises these columns, all of them nullable."""
    return Contract(
        spec_version=1,
        table=str(ref),
        columns=[ContractColumn(name=name, type=kind) for name, kind in columns.items()],
    )


def with_row_number(contract: Contract, name: str | None) -> Contract:
    """Return a contract made from files with the column of row numbers before theirs."""
    if name is None:
        return contract
    number = ContractColumn(name=name, type=ROW_NUMBER_TYPE)
    rest = [column for column in contract.columns if column.name.lower() != name.lower()]
    return contract.model_copy(update={"columns": [number, *rest]})


def without_row_number(contract: Contract, name: str | None) -> Contract:
    """Return what a contract promises of the files themselves."""
    columns = [column for column in contract.columns if column.name != name]
    return contract.model_copy(update={"columns": columns})


def check_row_number(name: str | None, found: Iterable[str], *, where: str) -> None:
    """Raise when files have a column of the name that row numbers are to have.

    Raises:
        ContractViolation: Names the column.
    """
    own = [column for column in found if name is not None and column.lower() == name.lower()]
    if own:
        raise ContractViolation(
            f"the file has a column '{own[0]}' of its own",
            where=where,
            expected=f"a name for row_number that no column of the file has, unlike '{name}'",
            next_step="Write another name as `row_number:`, or leave it out and use the column",
        )


def ddl_of(contract: Contract) -> str:
    """Return a contract's columns as Spark writes a schema in one text."""
    return ", ".join(f"{quote(column.name)} {column.type}" for column in contract.columns)


def check_names(ref: TableRef, names: Sequence[str]) -> None:
    """Raise when a table's column has a name that is ours, or two differ in case only.

    Raises:
        ContractViolation: Names the column.
    """
    lowered: dict[str, str] = {}
    for name in names:
        key = name.lower()
        if key == WINDOW_COLUMN or key.startswith(PREFIX):
            raise ContractViolation(
                f"the name '{name}' is taken",
                where=str(ref),
                expected=f"any name but '{WINDOW_COLUMN}' and those that start with '{PREFIX}'",
                next_step="Rename the column",
            )
        if key in lowered:
            raise ContractViolation(
                "two columns have one name",
                where=str(ref),
                found=f"'{lowered[key]}' and '{name}'",
                next_step="Rename one of them",
            )
        lowered[key] = name

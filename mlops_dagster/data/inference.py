"""The contract that all landing files of a table suggest, so that a later month still fits."""

from collections.abc import Sequence
from itertools import islice

from mlops_dagster.data.contracts import check_names, contract_of
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.parquet_files import VOID, parquet_types
from mlops_dagster.data.records import read_records, scan_file
from mlops_dagster.data.typed import TypeGuess
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.refs import TableRef

# Records looked at before the column types are asked again.
_CHUNK = 10_000


def infer_contract(
    ref: TableRef, files: Sequence[LandingFile], *, nulls: Sequence[str]
) -> Contract:
    """Return a contract that every file fits: columns of all, types that hold all their texts.

    Text columns become bigint, double, date, timestamp (ISO 8601), boolean or string; Parquet
    columns keep their types. Reads every file once.

    Raises:
        SourceError: A file cannot be read, or the files' types cannot be one.
    """
    types: dict[str, str] = {}
    texts = [file for file in files if file.form is not Form.PARQUET]
    if texts:
        types |= _text_types(texts, frozenset(("", *nulls)))
    for file in files:
        if file.form is Form.PARQUET:
            _merge(types, parquet_types(file), file)
    check_names(ref, list(types))
    known = {name: "string" if kind == VOID else kind for name, kind in types.items()}
    return contract_of(ref, known)


def _text_types(files: Sequence[LandingFile], missing: frozenset[str]) -> dict[str, str]:
    guesses: dict[str, TypeGuess] = {}
    for file in files:
        columns = scan_file(file).columns
        for name in columns:
            guesses.setdefault(name, TypeGuess())
        records = read_records(file, columns)
        while chunk := list(islice(records, _CHUNK)):
            whole = [record.values for record in chunk if record.raw is None]
            for name, values in zip(columns, zip(*whole, strict=True), strict=False):
                guesses[name].see(v for v in values if v is not None and v not in missing)
    return {name: guess.type for name, guess in guesses.items()}


def _merge(types: dict[str, str], found: dict[str, str], file: LandingFile) -> None:
    for name, kind in found.items():
        known = types.setdefault(name, kind)
        if kind in (known, VOID):
            continue
        if known == VOID:
            types[name] = kind
        elif {known, kind} <= {"tinyint", "smallint", "int", "bigint"}:
            types[name] = "bigint"
        elif {known, kind} <= {"tinyint", "smallint", "int", "bigint", "float", "double"}:
            types[name] = "double"
        else:
            raise SourceError(
                f"column '{name}' has another type than in the files before",
                where=str(file),
                expected=known,
                found=kind,
                next_step="Deliver it with one type, or write the contract by hand",
            )

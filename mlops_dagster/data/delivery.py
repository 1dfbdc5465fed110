"""What a table's files, source, SQL or hook deliver, before any rule has looked at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from mlops_dagster.data.file_digests import DeliveredFile
from mlops_dagster.spec.contract import Contract
from mlops_dagster.state.fence import InputVersion

# Columns of our own beside a table's; the prefix is refused in tables.
PREFIX = "__mlops_"
IS_UNREADABLE = f"{PREFIX}unreadable"
RAW = f"{PREFIX}raw"
ROW_ID = f"{PREFIX}row_id"
ORIGINAL = f"{PREFIX}original"


@dataclass(frozen=True)
class Delivery:
    """The rows of one slice of a table, and where they come from.

    Attributes:
        frame: The contract's columns in their order. Rows of text files also have `IS_UNREADABLE`
            (boolean) and `RAW` (the record as it was, where it is unreadable). Where single rows
            are followed, these have `ROW_ID` and `ORIGINAL` (the content as delivered).
        contract: The table's columns.
        contract_is_new: No contract file was there; this one was made from what was found.
        records: Records in the files, or rows that a source counted; None for derived tables.
        inputs: What was read of other tables.
        lineage: Per column the (input, column) pairs it comes from.
        references: The rows of inputs that rules look into, by the inputs' names.
        texts: The records of text files before they had types.
        unfinished: Names of text files whose last line has no end.
        contract_grew: The contract has columns that its file lacks.
        files: The files that it was made of, copies included.
        without_time: Rows of a source that lie in no window, because they say no time.
        unique_by: Columns (in lower case) by which the rows differ as they were made, if known.
    """

    frame: DataFrame
    contract: Contract
    contract_is_new: bool
    records: int | None = None
    inputs: tuple[InputVersion, ...] = ()
    lineage: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    references: Mapping[str, DataFrame] = field(default_factory=dict)
    texts: DataFrame | None = None
    unfinished: tuple[str, ...] = ()
    contract_grew: bool = False
    files: tuple[DeliveredFile, ...] = ()
    without_time: int = 0
    unique_by: frozenset[str] | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the contract's columns in their order."""
        return [column.name for column in self.contract.columns]

    @property
    def has_records(self) -> bool:
        """Whether rows come from text records, which may be unreadable."""
        return IS_UNREADABLE in self.frame.columns

    @property
    def has_followed(self) -> bool:
        """Whether single rows are followed by their ids."""
        return ROW_ID in self.frame.columns

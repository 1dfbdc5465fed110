"""Events of data: what became of each batch, and which slices of the quarantine may hold rows."""

from typing import ClassVar

from pydantic import Field

from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.event import Event


class BatchJudged(Event):
    """A batch of a slice was measured and judged; appended before anything is written.

    Attributes:
        token: The claim under which it was judged; that of the publication, if there is one.
        rows_in: Rows delivered.
        valid: Rows to be published.
        quarantined: Rows to be quarantined.
        dropped: Rows dropped.
        discarded: Rows left out because somebody had decided so.
        refused: Whether its rules refused it.
        forced: Whether its run was told to write rows that were published already.
        failed_rules: Failing rows of each rule that did not pass; None where rows are not counted.
        statistics: Numbers of valid rows that rules hold against those of earlier batches, by text.
    """

    kind: ClassVar[str] = "batch_judged"

    token: str
    rows_in: int
    valid: int
    quarantined: int
    dropped: int
    refused: bool
    failed_rules: dict[str, int | None]
    forced: bool = False
    discarded: int = 0
    statistics: dict[str, float] = Field(default_factory=dict)


class QuarantineReplaced(Event):
    """The quarantine of a slice holds this many rows of a batch.

    Appended before rows are written and after they are removed, so `rows` above 0 means that there
    may be some.
    """

    kind: ClassVar[str] = "quarantine_replaced"

    token: str
    rows: int


def batch_stream(ref: TableRef, window: str) -> str:
    """Return the stream of what became of a slice's batches."""
    return f"batch/{ref}/{window}"

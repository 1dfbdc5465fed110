"""Events of data: what became of each batch, and which slices of the quarantine may hold rows."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.state.event import Event


class RuleOutcome(BaseModel):
    """What one rule said of a batch, with what it was then.

    Attributes:
        name: Its name, unique in its table.
        kind: Its key in YAML; `built_in` for rules that nobody writes.
        text: What it demands.
        version: Changes whenever the rule does.
        status: `error` means that it could not be computed.
        severity: As shown; at most a warning between `warn_if` and `fail_if`.
        on_fail: What becomes of failing rows, or of the batch.
        refuses: Whether it refused the batch.
        failed_rows: Rows that fail; None for rules about the data set and for errors.
        value: The number that a rule about the data set looks at.
        low: The smallest value that passes.
        high: The largest value that passes.
        warn_if: More failing rows than this fail the check.
        fail_if: More than this refuse the batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    text: str
    version: str
    status: Literal["passed", "failed", "error"]
    severity: Severity
    on_fail: OnFail
    refuses: bool = False
    failed_rows: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    warn_if: str | None = None
    fail_if: str | None = None


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
        statistics: Numbers of valid rows that rules look at, by text; some rules hold them against
            those of earlier batches.
        rule_set: The version of the table's rules.
        results: What each rule said; empty in events of releases that did not tell.
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
    rule_set: str = ""
    results: tuple[RuleOutcome, ...] = ()


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

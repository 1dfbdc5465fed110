"""The verdict on a batch: from counts to results of rules and to publish or refuse. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mlops_dagster.errors import BatchRefused
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.tables import OnFail


@dataclass(frozen=True)
class RuleResult:
    """How one rule came out.

    Attributes:
        name: The rule's name, unique in its table.
        text: The rule as written; a sentence for built-in rules.
        about: Rows or the data set.
        status: `error` means that the rule could not be computed.
        severity: As declared.
        on_fail: What becomes of failing rows, or of the batch.
        failed_rows: Rows that fail; None for rules about the data set and for errors.
        rows: Rows that were delivered.
        refuses: Whether this result alone refuses the batch.
        message: One sentence for people.
    """

    name: str
    text: str
    about: Literal["rows", "data_set"]
    status: Literal["passed", "failed", "error"]
    severity: Severity
    on_fail: OnFail
    failed_rows: int | None
    rows: int
    refuses: bool
    message: str

    @property
    def rate(self) -> float | None:
        """Share of failing rows; None for rules about the data set, 0 for an empty batch."""
        if self.failed_rows is None:
            return None
        return self.failed_rows / self.rows if self.rows else 0.0


class RefusedBatch(BatchRefused):
    """A batch that its rules refused, with the result of every rule."""

    def __init__(
        self, problem: str, *, where: str, rule_results: tuple[RuleResult, ...], next_step: str
    ) -> None:
        self.rule_results = rule_results
        super().__init__(problem, where=where, next_step=next_step)

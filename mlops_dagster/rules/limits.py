"""Limits on failing rows: `> 1 %`, `>= 100`."""

import re
from dataclasses import dataclass
from typing import Literal

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules.places import Span, error_at

_FORM = re.compile(
    r"\s*(?P<operator>>=|>)\s*(?P<number>[0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(?P<percent>%)?\s*"
)
_EXPECTED = "'> 1 %' (a share of the rows) or '> 100' (a number of rows), with > or >="


@dataclass(frozen=True)
class Limit:
    """How many rows may fail. `value` is a share from 0 to 1 for rates, a number of rows else."""

    kind: Literal["rate", "count"]
    operator: Literal[">", ">="]
    value: float

    def exceeded_by(self, failed: int, total: int) -> bool:
        """Tell whether `failed` of `total` rows are too many; no rows have a failure rate of 0."""
        measured: float = failed
        if self.kind == "rate":
            measured = failed / total if total else 0.0
        return measured > self.value or (self.operator == ">=" and measured == self.value)

    def __str__(self) -> str:
        """Return the written form."""
        if self.kind == "rate":
            return f"{self.operator} {self.value * 100:.10g} %"
        return f"{self.operator} {self.value:.15g}"


def parse_limit(text: str) -> Limit:
    """Read a limit such as `> 1 %`.

    Raises:
        ExpressionError: not of the form, a share above 100 %, or part of a row.
    """
    match = _FORM.fullmatch(text[:200])
    if match is None or len(text) > 200:
        raise _refused(text, "not a limit")
    number = float(match["number"])
    operator: Literal[">", ">="] = ">=" if match["operator"] == ">=" else ">"
    if match["percent"]:
        if number > 100:
            raise _refused(text, "a share cannot be above 100 %")
        return Limit("rate", operator, number / 100)
    if not number.is_integer():
        raise _refused(text, "a number of rows is a whole number")
    return Limit("count", operator, number)


def _refused(text: str, problem: str) -> ExpressionError:
    return error_at(text[:200], Span(0, min(len(text), 200)), problem, expected=_EXPECTED)

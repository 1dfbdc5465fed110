"""The verdict on a batch: from counts to a result for each rule, and to publish or refuse. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlops_dagster.data.builtin import RuleFacts, builtin_rules
from mlops_dagster.data.figures import NO_FIGURE, Figure, figure_of
from mlops_dagster.data.numbers import (
    against_failures,
    against_history,
    against_input,
    against_spread,
)
from mlops_dagster.errors import BatchRefused
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.rule_checks import Agrees, FailsAsUsual, History, SpreadAsIn
from mlops_dagster.spec.tables import OnFail, UnknownPolicy

__all__ = ["Counts", "Found", "RefusedBatch", "RuleResult", "Verdict", "builtin_rules", "judge"]

# A message names this many rules.
_SHOWN = 5


@dataclass(frozen=True)
class RuleResult:
    """How one rule came out.

    Attributes:
        name: The rule's name, unique in its table.
        kind: Its key in YAML; `built_in` for rules that nobody writes.
        text: The rule as written; a sentence for built-in rules.
        about: Rows or the data set.
        status: `error` means that the rule could not be computed.
        severity: As declared; at most a warning between `warn_if` and `fail_if`.
        on_fail: What becomes of failing rows, or of the batch.
        failed_rows: Rows that fail; None for rules about the data set and for errors.
        rows: Rows that were delivered.
        refuses: Whether this result alone refuses the batch.
        message: One sentence for people.
        figure: The number that a rule about the data set looks at, with its bounds.
    """

    name: str
    kind: str
    text: str
    about: Literal["rows", "data_set"]
    status: Literal["passed", "failed", "error"]
    severity: Severity
    on_fail: OnFail
    failed_rows: int | None
    rows: int
    refuses: bool
    message: str
    figure: Figure = NO_FIGURE

    @property
    def rate(self) -> float | None:
        """Share of failing rows; None for rules about the data set, 0 for an empty batch."""
        if self.failed_rows is None:
            return None
        return self.failed_rows / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Found:
    """What was found for a rule about the data set.

    Attributes:
        value: Truth of a condition, or the number of a statistic; None is unknown.
        parts: The statistics in a condition, as texts by what was written.
        numbers: Those of them that are numbers.
    """

    value: bool | float | None
    parts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """What was counted in a batch.

    Attributes:
        rows_in: Rows delivered.
        valid: Rows that will be published.
        quarantined: Rows that fail a rule which sends them to quarantine.
        dropped: Rows that fail a rule which drops them, and none that quarantines.
        failed: Failing rows of each rule about rows, by name.
        found: What was found for each rule about the data set, by name.
        errors: Why a rule could not be computed, by name.
        theirs: The numbers of inputs that rules compare with, by name.
        earlier: The numbers of earlier batches that rules compare with, by name, newest first.
        contract: Truth and explanation of each rule about columns alone, by name.
        surveyed: The same of each rule that took a query of its own.

    Raises:
        ValueError: The routes do not add up to the rows delivered.
    """

    rows_in: int
    valid: int
    quarantined: int
    dropped: int
    failed: Mapping[str, int]
    found: Mapping[str, Found]
    errors: Mapping[str, str]
    theirs: Mapping[str, float | None] = field(default_factory=dict)
    earlier: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    contract: Mapping[str, tuple[bool | None, str]] = field(default_factory=dict)
    surveyed: Mapping[str, tuple[bool | None, str]] = field(default_factory=dict)

    def failing_share(self, rule: str) -> float | None:
        """Return the share of rows that fail a rule; None where it could not be computed."""
        if rule not in self.failed:
            return None
        return self.failed[rule] / self.rows_in if self.rows_in else 0.0

    def __post_init__(self) -> None:
        if self.rows_in != self.valid + self.quarantined + self.dropped:
            raise ValueError(
                f"{self.rows_in} rows came in, but {self.valid} are valid, "
                f"{self.quarantined} quarantined and {self.dropped} dropped"
            )


@dataclass(frozen=True)
class Verdict:
    """The results of all rules and whether the batch may be published."""

    results: tuple[RuleResult, ...]

    @property
    def refused(self) -> bool:
        """Whether any rule refuses the batch."""
        return any(result.refuses for result in self.results)


class RefusedBatch(BatchRefused):
    """A batch that its rules refused, with the result of every rule."""

    def __init__(self, where: str, verdict: Verdict) -> None:
        self.rule_results = verdict.results
        reasons = [result.message for result in verdict.results if result.refuses]
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        super().__init__(
            f"refused by its rules: {'; '.join(reasons[:_SHOWN])}{more}",
            where=where,
            next_step="What was published before stays readable. Correct the source or the rule, "
            "then run the table again",
        )


def judge(rules: tuple[RuleFacts, ...], counts: Counts) -> Verdict:
    """Return the verdict on a batch.

    A rule about rows passes when no row fails, or no more than `warn_if` allows. It refuses the
    batch beyond `fail_if`; without `fail_if` only if it is to stop at a failing row. A rule about
    the data set passes when it is true, and refuses when it is to stop. What cannot be computed
    refuses.
    """
    return Verdict(tuple(_result(rule, counts) for rule in rules))


def judge_columns(rules: tuple[RuleFacts, ...], counts: Counts) -> Verdict:
    """Return the verdict of the rules about columns alone, for which no row was read."""
    return judge(tuple(rule for rule in rules if rule.name in counts.contract), counts)


def _result(rule: RuleFacts, counts: Counts) -> RuleResult:
    if rule.name in counts.errors:
        message = f"{rule.name} cannot be computed: {counts.errors[rule.name]}"
        return _outcome(rule, counts, status="error", failed=None, refuses=True, message=message)
    if rule.about == "data_set":
        return _data_set_result(rule, counts)
    return _rows_result(rule, counts)


def _rows_result(rule: RuleFacts, counts: Counts) -> RuleResult:
    failed = counts.failed[rule.name]
    if rule.warn_if is None:
        passed = failed == 0
    else:
        passed = not rule.warn_if.exceeded_by(failed, counts.rows_in)
    if rule.fail_if is not None:
        refuses = rule.fail_if.exceeded_by(failed, counts.rows_in)
    else:
        refuses = rule.on_fail is OnFail.STOP and failed > 0
    message = f"{rule.name}: no row fails"
    if failed:
        share = 100 * failed / counts.rows_in
        message = f"{rule.name}: {failed} of {counts.rows_in} rows fail ({share:.3g} %)"
        message += f", {_FATE[rule.on_fail]}"
    if refuses and rule.fail_if is not None:
        message += f"; the batch is refused at {rule.fail_if}"
    return _outcome(
        rule,
        counts,
        status="passed" if passed and not refuses else "failed",
        failed=failed,
        refuses=refuses,
        message=message,
        warns=rule.warn_if is not None and rule.fail_if is not None and not refuses,
    )


_FATE = {
    OnFail.RECORD: "recorded",
    OnFail.DROP: "dropped",
    OnFail.QUARANTINE: "quarantined",
    OnFail.STOP: "which stops the batch",
}


def _data_set_result(rule: RuleFacts, counts: Counts) -> RuleResult:
    truth, explained = _answer(rule, counts)
    passed = rule.unknown is UnknownPolicy.PASS if truth is None else truth
    return _outcome(
        rule,
        counts,
        status="passed" if passed else "failed",
        failed=None,
        refuses=not passed and rule.on_fail is OnFail.STOP,
        message=f"{rule.name}: {explained}",
        figure=_figure(rule, counts),
    )


def _figure(rule: RuleFacts, counts: Counts) -> Figure:
    earlier = counts.earlier.get(rule.name, ())
    if isinstance(rule.check, FailsAsUsual):
        share = counts.failing_share(rule.check.demand.rule)
        return figure_of(rule.check, value=share, numbers={}, earlier=earlier)
    found = counts.found.get(rule.name)
    if found is None:
        return NO_FIGURE
    number = None if found.value is None or isinstance(found.value, bool) else found.value
    return figure_of(
        rule.check,
        value=number,
        numbers=found.numbers,
        earlier=earlier,
        theirs=counts.theirs.get(rule.name),
    )


def _answer(rule: RuleFacts, counts: Counts) -> tuple[bool | None, str]:
    """Return the truth of a rule about the data set, and the sentence that explains it."""
    told = {**counts.contract, **counts.surveyed}
    if rule.name in told:
        truth, said = told[rule.name]
        return truth, f"'{rule.text}' is {_WORDS[truth]}" + (f": {said}" if said else "")
    earlier = counts.earlier.get(rule.name, ())
    if isinstance(rule.check, FailsAsUsual):
        demand = rule.check.demand
        return against_failures(demand, counts.failing_share(demand.rule), earlier)
    found = counts.found[rule.name]
    number = None if found.value is None else float(found.value)
    match rule.check:
        case History(demand=statistic):
            return against_history(statistic, number, earlier)
        case Agrees(demand=agreement):
            return against_input(agreement, number, counts.theirs[rule.name])
        case SpreadAsIn(demand=spread):
            return against_spread(spread, number)
    truth = None if found.value is None else bool(found.value)
    parts = ", ".join(f"{text} is {value}" for text, value in found.parts.items())
    said = f"'{rule.text}' is {_WORDS[truth]} for {counts.valid} valid rows"
    return truth, f"{said}: {parts}" if parts else said


_WORDS = {True: "true", False: "false", None: "unknown"}


def _outcome(
    rule: RuleFacts,
    counts: Counts,
    *,
    status: Literal["passed", "failed", "error"],
    failed: int | None,
    refuses: bool,
    message: str,
    warns: bool = False,
    figure: Figure = NO_FIGURE,
) -> RuleResult:
    severity = rule.severity
    if warns and severity.rank > Severity.WARNING.rank:
        severity = Severity.WARNING
    return RuleResult(
        name=rule.name,
        kind=rule.kind,
        text=rule.text,
        about=rule.about,
        status=status,
        severity=severity,
        on_fail=rule.on_fail,
        failed_rows=failed,
        rows=counts.rows_in,
        refuses=refuses,
        message=message,
        figure=figure,
    )

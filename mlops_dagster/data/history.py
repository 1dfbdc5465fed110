"""Statistics of earlier batches: read from the events of batches, no table is scanned."""

import math
from collections.abc import Iterator, Mapping

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.events import BatchJudged, batch_stream
from mlops_dagster.data.judged import judged_batch
from mlops_dagster.data.verdict import Counts
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.rule_checks import Agrees, FailsAsUsual, History
from mlops_dagster.spec.rule_demands import Change, Forecast, Usual, UsualFailures
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable
from mlops_dagster.state.store import EventStore

# Rows are counted in every batch; other statistics are known since a rule looks at them.
ROW_COUNT = "row_count"
Numbers = Mapping[str, float]
Demand = Change | Usual | Forecast | UsualFailures


def statistic_name(rule: ResolvedRule) -> str:
    """Return the name of a history rule's statistic in events: its text and its condition."""
    if isinstance(rule.check, FailsAsUsual):
        return f"failing {rule.check.demand.rule}"
    if not isinstance(rule.check, History):
        raise TypeError(f"{rule.name} is not about history")
    return _named(rule.check.statistic.text, rule)


def earlier_values(
    store: EventStore,
    batch: Batch,
    *,
    known: Mapping[str, Numbers] | None = None,
    token: str | None = None,
) -> Mapping[str, tuple[float, ...]]:
    """Return the statistics of earlier published batches for each rule about history, newest first.

    Earlier batches of a table with windows are those of the windows before, or of those of the same
    weekday before; of a static table, what was published of it before.

    Args:
        store: The event store.
        batch: The batch that is held against them.
        known: Numbers of windows by their names, where others than the recorded ones count.
        token: The claim under which the batch has been judged before, if it has.
    """
    rules = {
        rule.name: rule for rule in batch.declared if isinstance(rule.check, History | FailsAsUsual)
    }
    if not rules:
        return {}
    if batch.table.windowed:
        told = dict(known or {})
        return {name: tuple(_earlier(store, batch, rule, told)) for name, rule in rules.items()}
    before = _before(_judged(store, batch.table.ref, batch.window), token)
    return {name: tuple(_values(rule, before)) for name, rule in rules.items()}


def measured_statistics(batch: Batch, counts: Counts) -> dict[str, float]:
    """Return the numbers that rules look at, by their names in events.

    Later batches are held against them, also by rules that are not there yet. A batch without rows
    has no mean and no share of failing rows, so it is none of the batches that rules about these
    ask for; its rows are 0, and it is one of those that rules about `row_count` ask for.
    """
    numbers: dict[str, float | None] = {}
    for rule in batch.declared:
        if isinstance(rule.check, FailsAsUsual):
            share = counts.failing_share(rule.check.demand.rule)
            numbers[statistic_name(rule)] = share if counts.rows_in else None
            continue
        # Of a batch that was refused for its columns nothing was computed.
        if rule.name not in counts.found:
            continue
        found = counts.found[rule.name]
        if isinstance(rule.check, History | Agrees):
            numbers[_named(rule.check.statistic.text, rule)] = found.value
        for text, number in found.numbers.items():
            numbers[_named(text, rule)] = number
    return {
        name: float(value)
        for name, value in numbers.items()
        if value is not None and math.isfinite(value)
    }


def earlier_windows(table: ResolvedTable, window: str, demand: Demand) -> Iterator[str]:
    """Yield the windows that a rule about history looks at, newest first."""
    if table.calendar is None:
        return
    same = demand.same if isinstance(demand, Change | Usual) else None
    for steps in range(1, _reach(demand) + 1):
        if same is None:
            key = table.calendar.shift(window, -steps)
        else:
            key = table.calendar.weeks_before(window, steps)
        if key is None:
            return
        yield key


def _earlier(
    store: EventStore, batch: Batch, rule: ResolvedRule, told: dict[str, Numbers]
) -> Iterator[float]:
    """Yield the numbers of a rule's statistic in windows before; `told` keeps what was read."""
    name, demand = statistic_name(rule), _demand(rule)
    for window in earlier_windows(batch.table, batch.window, demand):
        if window not in told:
            told[window] = _published_numbers(store, batch.table.ref, window)
        if name in told[window]:
            yield told[window][name]
        elif isinstance(demand, Forecast):
            # It needs every number up to the newest: it ends at the first that is missing.
            return


def _values(rule: ResolvedRule, before: list[BatchJudged]) -> Iterator[float]:
    """Yield the numbers of a rule's statistic in the accepted batches of a static table."""
    name, demand = statistic_name(rule), _demand(rule)
    accepted = [one for one in before if not one.refused]
    for one in reversed(accepted[-_reach(demand) :]):
        numbers = _numbers(one)
        if name in numbers:
            yield numbers[name]
        elif isinstance(demand, Forecast):
            return


def _before(judged: list[BatchJudged], token: str | None) -> list[BatchJudged]:
    tokens = [one.token for one in judged]
    return judged[: tokens.index(token)] if token in tokens else judged


def _published_numbers(store: EventStore, ref: TableRef, window: str) -> Numbers:
    """Return the numbers of a window's published batch; none where there is none."""
    batch = judged_batch(store, ref, window)
    return {} if batch is None else _numbers(batch.judged)


def _numbers(judged: BatchJudged) -> Numbers:
    return {**judged.statistics, ROW_COUNT: float(judged.valid)}


def _demand(rule: ResolvedRule) -> Demand:
    if not isinstance(rule.check, History | FailsAsUsual):
        raise TypeError(f"{rule.name} is not about history")
    return rule.check.demand


def _reach(demand: Demand) -> int:
    return 1 if isinstance(demand, Change) else demand.last.count


def _named(text: str, rule: ResolvedRule) -> str:
    return text if rule.when is None else f"{text} when {rule.when.text}"


def _judged(store: EventStore, ref: TableRef, window: str) -> list[BatchJudged]:
    found = store.read(batch_stream(ref, window))
    return [one.event for one in found if isinstance(one.event, BatchJudged)]

"""The table `quality_results`: what every rule said of every published batch, folded from events.

A projection for people and BI. Rules about history, sensors and lists read the events themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mlops_dagster.data.events import RuleOutcome
from mlops_dagster.data.judged import JudgedBatch
from mlops_dagster.monitoring.metric_tables import MetricColumn, MetricTable
from mlops_dagster.tables.measure import Measure, measure_local

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, object]

QUALITY_RESULTS = MetricTable(
    "quality_results",
    (
        MetricColumn("window", "string", "key of the window that was closed; `static` without any"),
        MetricColumn("schema_version", "int", "version of this schema, 1"),
        MetricColumn("use_case", "string", "the use case"),
        MetricColumn("table", "string", "the table, `layer.name`, or `project.name` if shared"),
        MetricColumn("table_window", "string", "window of the batch; `static` of a static table"),
        MetricColumn("entry", "string", "rule, statistic or count"),
        MetricColumn(
            "name", "string", "name of the rule, text of the statistic, or what is counted"
        ),
        MetricColumn("kind", "string", "kind of the rule; null for others"),
        MetricColumn("text", "string", "what the rule demands"),
        MetricColumn("severity", "string", "info, warning, error or critical, as shown"),
        MetricColumn("on_fail", "string", "record, drop, quarantine or stop"),
        MetricColumn("verdict", "string", "passed, failed, or error: it could not be computed"),
        MetricColumn("failed_rows", "bigint", "rows that fail; null for rules about the batch"),
        MetricColumn("rows", "bigint", "rows of the batch that rules looked at"),
        MetricColumn("rate", "double", "share of failing rows, 0..1"),
        MetricColumn("value", "double", "number of the statistic, the count, or behind the rule"),
        MetricColumn("low", "double", "smallest value that passes"),
        MetricColumn("high", "double", "largest value that passes"),
        MetricColumn("warn_if", "string", "more failing rows than this fail the check"),
        MetricColumn("fail_if", "string", "more failing rows than this refuse the batch"),
        MetricColumn("refusals", "bigint", "earlier batches of the window that the rule refused"),
        MetricColumn("rule_version", "string", "changes whenever the rule does"),
        MetricColumn("rule_set", "string", "changes whenever any rule of the table does"),
        MetricColumn("batch", "string", "the batch, as the quarantine names it"),
        MetricColumn("as_of", "timestamp", "instant at which the batch was judged"),
        MetricColumn("run_id", "string", "run that judged it"),
    ),
)

_COUNTS = ("rows_in", "valid", "quarantined", "dropped", "discarded")
# What is another in each run that comes to the same.
_OF_A_RUN = ("batch", "as_of", "run_id")
# Sums of doubles depend, in their last digits, on the order of rows.
_DIGITS = 9


def result_rows(batches: Iterable[JudgedBatch], *, use_case: str, window: str) -> tuple[Row, ...]:
    """Return the rows of QUALITY_RESULTS for a window, in the order of tables and rules.

    A rule of a batch that a release before this table judged has no row.
    """
    return tuple(row for batch in batches for row in _rows(batch, use_case, window))


def result_frame(rows: Iterable[Row]) -> "pd.DataFrame":
    """Return rows as pandas, with the columns of QUALITY_RESULTS."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(QUALITY_RESULTS.column_names), dtype=object)
    # Naive and in UTC, as it crosses to Spark.
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).dt.tz_localize(None)
    return frame


def result_measure(rows: Iterable[Row]) -> Measure:
    """Count and digest what rows say, whichever run says it."""
    told = [{name: _steady(value) for name, value in row.items()} for row in rows]
    return measure_local(result_frame(told).drop(columns=list(_OF_A_RUN)), ddl=QUALITY_RESULTS.ddl)


def _rows(batch: JudgedBatch, use_case: str, window: str) -> Iterator[Row]:
    judged = batch.judged
    looked_at = judged.rows_in - judged.discarded
    shared: dict[str, object] = {
        **dict.fromkeys(QUALITY_RESULTS.column_names),
        "window": window,
        "schema_version": QUALITY_RESULTS.version,
        "use_case": use_case,
        "table": _name(batch, use_case),
        "table_window": batch.window,
        "rows": looked_at,
        "rule_set": judged.rule_set,
        "batch": judged.token,
        "as_of": batch.as_of,
        "run_id": batch.run_id,
    }
    for outcome in judged.results:
        yield {
            **shared,
            **_rule(outcome, looked_at),
            "refusals": batch.refusals.get(outcome.name, 0),
        }
    for text, number in judged.statistics.items():
        yield {**shared, "entry": "statistic", "name": text, "value": number}
    for name in _COUNTS:
        yield {**shared, "entry": "count", "name": name, "value": float(getattr(judged, name))}


def _rule(outcome: RuleOutcome, rows: int) -> dict[str, object]:
    rate = None
    if outcome.failed_rows is not None:
        rate = outcome.failed_rows / rows if rows else 0.0
    return {
        "entry": "rule",
        "name": outcome.name,
        "kind": outcome.kind,
        "text": outcome.text,
        "severity": outcome.severity.value,
        "on_fail": outcome.on_fail.value,
        "verdict": outcome.status,
        "failed_rows": outcome.failed_rows,
        "rate": rate,
        "value": outcome.value,
        "low": outcome.low,
        "high": outcome.high,
        "warn_if": outcome.warn_if,
        "fail_if": outcome.fail_if,
        "rule_version": outcome.version,
    }


def _name(batch: JudgedBatch, use_case: str) -> str:
    ref = batch.ref
    return f"{ref.layer}.{ref.name}" if ref.owner == use_case else f"{ref.owner}.{ref.name}"


def _steady(value: object) -> object:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value

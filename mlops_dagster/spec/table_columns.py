"""What is known of a table's columns, and whether key and times are among them."""

from datetime import timedelta

from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted

# The literal column that every table with windows has; it is added, never declared.
WINDOW_COLUMN = "window"
ROW_NUMBER_TYPE = "bigint"
# What `keep: history` adds to its input's columns.
VALID_TO, IS_CURRENT = "valid_to", "is_current"
HISTORY_COLUMNS = (VALID_TO, IS_CURRENT)
# Dagster looks at freshness by the minute.
SHORTEST_FRESHNESS = timedelta(minutes=1)
TIME_TYPES = frozenset({"date", "timestamp", "timestamp_ntz"})


def learn_columns(draft: Draft) -> None:
    """Fill in a draft's columns from its contract, else its SELECT; check one against the other."""
    contract = draft.owner.contracts.get(f"{draft.ref.layer}.{draft.ref.name}")
    outputs = draft.sql.output_columns if draft.sql is not None else None
    if outputs is not None and WINDOW_COLUMN in outputs and draft.sql_file is not None:
        draft.source.report(
            *draft.path(),
            problem=f"{draft.sql_file.shown} makes a column 'window', a name that is taken",
            at_key=True,
        )
    if draft.contract is None or contract is None:
        draft.columns = None if outputs is None else dict.fromkeys(outputs)
        return
    sound = contract.sound("columns")
    seen: set[str] = set()
    for number, column in enumerate(draft.contract.columns):
        if column.name == WINDOW_COLUMN:
            sound = False
            contract.report(
                "columns", number, "name", problem="the column 'window' is added, never declared"
            )
        elif column.name.lower() in seen:
            sound = False
            contract.report(
                "columns", number, "name", problem=f"the column '{column.name}' stands twice"
            )
        seen.add(column.name.lower())
    if not sound:
        draft.columns = None if outputs is None else dict.fromkeys(outputs)
        return
    draft.columns = dict(draft.contract.types)
    outputs = None if outputs is None else tuple(o for o in outputs if o != WINDOW_COLUMN)
    if outputs is not None and {o.lower() for o in outputs} != seen and draft.sql_file is not None:
        # Either may be right: names that one of them has are not told again.
        draft.columns = dict.fromkeys(outputs) | draft.columns
        missing = [name for name in outputs if name.lower() not in seen]
        gone = [n for n in draft.contract.types if n.lower() not in {o.lower() for o in outputs}]
        contract.report(
            "columns",
            expected=f"the columns of {draft.sql_file.shown}",
            found=", and ".join(
                text
                for text in (
                    f"{quoted(gone)}, which it does not make" if gone else "",
                    f"no {quoted(missing)}" if missing else "",
                )
                if text
            ),
            at_key=True,
        )


def check_key_and_times(draft: Draft) -> None:
    """Check that key, times and row number are columns of the table and have their types."""
    spec, source = draft.spec, draft.source
    if spec.row_number is not None and draft.kind == "files":
        found = check_column(draft, spec.row_number, *draft.path("row_number"))
        if found not in (None, ROW_NUMBER_TYPE):
            source.report(
                *draft.path("row_number"),
                expected=f"a column of type {ROW_NUMBER_TYPE} in the contract",
                found=found,
            )
    for number, column in enumerate(spec.key):
        check_column(draft, column, *draft.path("key", number))
        if column in spec.key[:number]:
            source.report(*draft.path("key", number), problem=f"the column '{column}' stands twice")
    for name, time in (("event_time", spec.event_time), ("known_at", spec.known_at)):
        if time is None:
            continue
        found = check_column(draft, time, *draft.path(name))
        if found is not None and found not in TIME_TYPES:
            source.report(
                *draft.path(name), expected="a column of type timestamp or date", found=found
            )
    timed = spec.event_time is not None or not source.sound(*draft.path("event_time"))
    if spec.known_at is not None and not timed:
        source.report(
            *draft.path("known_at"), problem="known_at needs an event_time beside it", at_key=True
        )
    if spec.valid_for is not None and not timed:
        source.report(
            *draft.path("valid_for"), problem="valid_for needs an event_time beside it", at_key=True
        )
    if spec.forecast:
        _check_forecast(draft)


def _check_forecast(draft: Draft) -> None:
    """Report what a table of forecasts lacks: the two times, and how near a forecast must be."""
    for key in ("event_time", "known_at", "valid_for"):
        if getattr(draft.spec, key) is None and draft.source.sound(*draft.path(key)):
            draft.source.report(
                *draft.path("forecast"), problem=f"forecast needs {key} beside it", at_key=True
            )
    if draft.spec.valid_for is not None and not draft.spec.valid_for.count:
        draft.source.report(
            *draft.path("valid_for"),
            expected="more than 0 for a forecast",
            found=f"'{draft.spec.valid_for}'",
        )


def check_freshness(draft: Draft) -> None:
    """Check that a table's promise can be kept: a span that Dagster measures, a warning before."""
    freshness = draft.spec.freshness
    if freshness is None:
        return
    spans = {"within": freshness.within, "warn_after": freshness.warn_after}
    for key, span in spans.items():
        if span is not None and span.elapsed < SHORTEST_FRESHNESS:
            draft.source.report(
                *draft.path("freshness", key), expected="at least 1 minute", found=f"'{span}'"
            )
    if (
        freshness.warn_after is not None
        and freshness.warn_after.elapsed >= freshness.within.elapsed
    ):
        draft.source.report(
            *draft.path("freshness", "warn_after"),
            expected=f"less than within, '{freshness.within}'",
            found=f"'{freshness.warn_after}'",
        )


def check_ordered(draft: Draft, column: str, *path: str | int, at_key: bool = False) -> None:
    """Report a column that the table does not have, or whose values have no order."""
    found = check_column(draft, column, *path, at_key=at_key)
    if found is not None and kind_of_type(found) not in (Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP):
        draft.source.report(
            *path,
            expected="a column of numbers or times",
            found=f"{column}, {found}",
            at_key=at_key,
        )


def check_column(
    draft: Draft,
    column: str,
    *path: str | int,
    at_key: bool = False,
    of: Draft | None = None,
) -> str | None:
    """Return a column's type when known; report, at a path of its file, one it does not have.

    Args:
        draft: The table that should have the column.
        column: The column.
        path: Where its name stands.
        at_key: Whether it stands there as a key.
        of: The table whose file the path is in, if not the same.
    """
    if draft.columns is not None and column not in draft.columns:
        (of or draft).source.report(
            *path,
            expected=f"a column of {draft.ref}",
            found=f"'{column}'",
            names=draft.columns,
            nearest_to=column,
            at_key=at_key,
        )
        return None
    return None if draft.columns is None else draft.columns[column]

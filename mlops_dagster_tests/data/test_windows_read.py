from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.data.windows_read import looks_back, reach
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import Table
from mlops_dagster.spec.workspace import ResolvedInput, ResolvedTable
from mlops_dagster.windows import Duration, DurationUnit, Grain, WindowCalendar

SOURCE = TableRef("shop", "silver", "sales")
DAYS = WindowCalendar(Grain.DAY, "2024-03-01", "Europe/Berlin", "2024-04-30")


def table(*inputs: ResolvedInput, calendar: WindowCalendar = DAYS) -> ResolvedTable:
    return ResolvedTable(
        ref=TableRef("shop", "features", "days"),
        spec=Table(),
        kind="sql",
        windowed=True,
        calendar=calendar,
        inputs={one.name: one for one in inputs},
        sql=None,
        hook=None,
        rules=(),
        contract=None,
        contract_path=Path("contract.yaml"),
        code_version="v1",
        position=(Path("use_case.yaml"), 1),
    )


@given(
    day=st.integers(0, 60),
    back=st.none() | st.builds(Duration, st.integers(0, 30), st.sampled_from(DurationUnit)),
    until_start=st.booleans(),
)
def test_a_reach_holds_exactly_the_windows_that_its_time_touches(
    day: int, back: Duration | None, until_start: bool
) -> None:
    key = DAYS.shift(DAYS.first, day)
    assert key is not None
    own = DAYS.window(key)
    one = ResolvedInput("sales", SOURCE, back, until_start)
    found = reach(table(one), one, key)
    every = DAYS.between("2024-03-01", "2024-04-30")
    end = own.start if until_start else own.end
    if back is None:
        start = own.start
    elif back.is_windows:
        start = every[max(0, day - back.count)].start
    else:
        start = own.start - back.elapsed
    touched = [w.key for w in every if w.start < end and w.end > start]
    assert list(found.windows) == touched
    if touched:
        assert (found.start, found.end) == (start, end)


def test_a_table_looks_back_when_any_input_does() -> None:
    plain = ResolvedInput("a", SOURCE, None, False)
    assert not looks_back(table(plain))
    assert looks_back(table(plain, replace(plain, name="b", until_start=True)))
    assert looks_back(table(replace(plain, back=Duration.parse("1 hour"))))

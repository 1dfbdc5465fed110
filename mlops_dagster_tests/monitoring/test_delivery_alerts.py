"""What is told of deliveries is derived from what was recorded, briefly, never what is in them."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_dagster.monitoring.alerts import Alert
from mlops_dagster.monitoring.delivery_alerts import LONGEST_TEXT, delivery_alerts
from mlops_dagster.monitoring.delivery_occurrences import (
    Occurrence,
    What,
    occurrences,
    untold,
)
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.refs import STATIC
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.state.store import open_store
from mlops_dagster_tests.monitoring.deliveries import (
    AS_OF,
    FEBRUARY,
    JANUARY,
    ORDERS,
    Deliveries,
    file,
)

BOTH = {AlertKind.DELIVERY_REFUSED, AlertKind.LATE_DATA}
A, B, C = file("a.csv"), file("b.csv"), file("c.csv")
SEE = "; see `mlops-dagster deliveries --table shop.bronze.orders`"


@pytest.fixture
def shop(tmp_path: Path) -> Deliveries:
    return Deliveries(open_store(tmp_path / "events.db"))


def alerts_of(shop: Deliveries, wanted: set[AlertKind] = BOTH) -> list[Alert]:
    found = untold(occurrences(shop.store, ORDERS, wanted), ())
    told = delivery_alerts(ORDERS, found)
    assert {as_of for _, as_of in told} <= {AS_OF}
    return [alert for alert, _ in told]


@pytest.mark.parametrize(
    ("record", "severity", "text"),
    [
        (
            lambda shop: shop.refuse(A),
            Severity.ERROR,
            f"refused whole: the file cannot be read as CSV (orders/a.csv){SEE}",
        ),
        (
            lambda shop: shop.refuse(A, differences=("no 'id'", "column 'x' is new")),
            Severity.ERROR,
            f"refused whole: the file cannot be read as CSV (no 'id', column 'x' is new){SEE}",
        ),
        (
            lambda shop: (shop.ingest(A), shop.come_too_late(B)),
            Severity.WARNING,
            f"came too late and is not taken in: orders/b.csv{SEE}",
        ),
        (
            lambda shop: (shop.ingest(A), shop.ingest(A, B)),
            Severity.INFO,
            "came late and is taken in now: orders/b.csv",
        ),
        (
            # For this window nothing had come.
            lambda shop: (shop.ingest(), shop.ingest(A)),
            Severity.INFO,
            "came late and is taken in now: orders/a.csv",
        ),
    ],
)
def test_what_is_refused_or_late_is_told_in_one_sentence(
    shop: Deliveries, record: Callable[[Deliveries], object], severity: Severity, text: str
) -> None:
    record(shop)
    (alert,) = alerts_of(shop)
    assert (alert.severity, alert.text) == (severity, text)
    assert (alert.table, alert.model, alert.window) == ("shop.bronze.orders", "", JANUARY)


@pytest.mark.parametrize(
    "record",
    [
        lambda shop: None,
        lambda shop: shop.ingest(A),
        lambda shop: (shop.ingest(A, B), shop.ingest(A), shop.ingest(A, B)),
        # A copy is nothing new, and neither is what a whole table gets.
        lambda shop: (shop.ingest(A), shop.ingest(A, file("c.csv", digest="a.csv"))),
        lambda shop: (shop.ingest(A, window=STATIC), shop.ingest(A, B, window=STATIC)),
    ],
)
def test_an_ordinary_delivery_is_not_told(
    shop: Deliveries, record: Callable[[Deliveries], object]
) -> None:
    record(shop)
    assert alerts_of(shop) == []


def test_what_puts_a_refused_delivery_right_is_not_late(shop: Deliveries) -> None:
    shop.refuse(A)
    shop.ingest(B)
    assert [alert.kind for alert in alerts_of(shop)] == [AlertKind.DELIVERY_REFUSED]


def test_what_was_recorded_when_nobody_asked_is_never_told(tmp_path: Path) -> None:
    before = Deliveries(open_store(tmp_path / "events.db"), tell=False)
    before.ingest(A)
    before.ingest(A, B)
    before.refuse(C)
    before.come_too_late(C, window=FEBRUARY)
    since = Deliveries(before.store)
    since.ingest(A, B, C)
    (alert,) = alerts_of(since)
    assert alert.text == "came late and is taken in now: orders/c.csv"
    assert alerts_of(since, {AlertKind.DELIVERY_REFUSED}) == []


def test_files_that_came_late_together_are_one_alert_that_names_their_windows(
    shop: Deliveries,
) -> None:
    for window in (JANUARY, FEBRUARY):
        shop.ingest(A, window=window)
        shop.ingest(A, B, window=window)
        shop.come_too_late(A, C, window=window)
    too_late, late = alerts_of(shop)
    assert late.text == "came late and re-opens 2 windows (2013-01, 2013-02): orders/b.csv"
    assert (late.window, late.windows) == (FEBRUARY, (JANUARY, FEBRUARY))
    assert too_late.text == (
        "came too late for 2 windows (2013-01, 2013-02) and is not taken in: "
        f"orders/a.csv, orders/c.csv{SEE}"
    )


def test_many_windows_are_counted_and_the_first_named(shop: Deliveries) -> None:
    for number in range(1, 21):
        shop.come_too_late(B, window=f"2013-01-{number:02}")
    (alert,) = alerts_of(shop)
    assert "for 20 windows (2013-01-01, 2013-01-02" in alert.text
    assert "2013-01-12 and 8 more) and is not taken in: orders/b.csv" in alert.text
    assert len(alert.windows) == 20


def test_what_an_alert_tells_of_is_not_told_again(shop: Deliveries) -> None:
    shop.refuse(A)
    shop.refuse(A)
    (first,) = alerts_of(shop)
    shop.refuse(file("renamed.csv", digest="a.csv"))
    shop.refuse(file("a.csv", digest="other"))
    found = occurrences(shop.store, ORDERS, BOTH)
    assert len(found) == 4
    (other,) = untold(found, first.tells_of)
    assert other.files == (file("a.csv", digest="other"),)


# No digits: those are in what the file is said to hold.
TEXTS = st.lists(st.text("ab/ ,.é<\n\t", max_size=300), max_size=50)


@given(TEXTS, TEXTS, st.lists(st.text("0-", min_size=1, max_size=15), max_size=30))
def test_a_text_is_one_line_of_bounded_length(
    names: list[str], differences: list[str], windows: list[str]
) -> None:
    files = tuple(file(name, digest=str(number)) for number, name in enumerate(names))
    found = [
        Occurrence(What.REFUSED, JANUARY, files, AS_OF, "cannot be read", tuple(differences)),
        *(
            Occurrence(what, window, (one,), AS_OF)
            for what in (What.LATE, What.TOO_LATE)
            for window in windows
            for one in files
        ),
    ]
    for alert, _ in delivery_alerts(ORDERS, untold(found, ())):
        assert len(alert.text) <= LONGEST_TEXT
        assert "\n" not in alert.text


def test_a_text_quotes_nothing_of_what_was_delivered(shop: Deliveries) -> None:
    shop.refuse(A)
    (alert,) = alerts_of(shop)
    assert "4711" not in alert.text


def test_the_instant_of_an_alert_about_several_windows_is_that_of_the_last() -> None:
    later = datetime(2013, 5, 1, tzinfo=timezone.utc)
    found = [
        Occurrence(What.LATE, window, (A,), as_of)
        for window, as_of in ((FEBRUARY, later), (JANUARY, AS_OF))
    ]
    ((_, as_of),) = delivery_alerts(ORDERS, found)
    assert as_of == later

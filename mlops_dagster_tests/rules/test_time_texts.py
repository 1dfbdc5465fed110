"""Texts of days and instants: Spark, plain Python and the numbers they were written from agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.correction_values import read
from mlops_dagster.data.typed import TypeGuess, read_text
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.rules import parse_rule
from mlops_dagster.rules.oracle import evaluate
from mlops_dagster.rules.time_texts import day_of, instant_of, local_time_of

EPOCH = datetime(1970, 1, 1)
FIRST, LAST = datetime(1, 1, 1), datetime.max
DAYS = (
    *((2013, 2, 1), (2012, 2, 29), (2000, 2, 29), (1969, 12, 31), (1582, 10, 10)),
    *((1, 1, 1), (9999, 12, 31), (2024, 3, 31)),
)
CLOCKS = ("00:00", "12:00", "23:59")
# Digits of a second and what they are in microseconds.
SECONDS = {
    "": 0,
    ":00": 0,
    ":59": 59_000_000,
    ":01.5": 1_500_000,
    ":00.000001": 1,
    ":00.123456789": 123_456,
}
# Offsets and how many minutes they are ahead of UTC.
OFFSETS = {
    "": 0,
    "Z": 0,
    "UTC": 0,
    "+00:00": 0,
    "-00:00": 0,
    "+02:00": 120,
    "+0530": 330,
    "-09:30": -570,
    "+18:00": 1080,
    "-1800": -1080,
}
# What Spark's own cast reads, reads as something else, or what looks like an instant.
OTHERS = (
    *("", " ", "x", "T", "2013", "2013-02", "2013-2-1", "12:00", "T12:00", "20130201"),
    *("0000-01-01", "2013-02-29", "1900-02-29", "2013-13-01", "2013-00-10", "2013-04-31"),
    *("2013-02-01T", "2013-02-01 12", "2013-02-01T1:00", "2013-02-01T24:00", "2013-02-01T12:60"),
    *("2013-02-01T12:00:60", "2013-02-01T12:00:00.", "2013-02-01T12:00:00.1234567890"),
    *("2013-02-01Z", "2013-02-01+02:00", "2013-02-01T12:00+02", "2013-02-01T12:00:00+2"),
    *("2013-02-01T12:00:00+18:01", "2013-02-01T12:00:00+19:00", "2013-02-01T12:00:00+02:60"),
    *("2013-02-01T12:00:00 Europe/Berlin", "2013-02-01T12:00:00CET", "2013-02-01T12:00:00GMT"),
    *("2013-02-01T12:00:00z", "2013-02-01t12:00", "2013-02-01T12:00:00UTC+1", "now", "epoch"),
    *("2013-02-01\n", "\t2013-02-01", "2013-02-01T12:00Z\n", "2013-02-01T12:00:00  Z"),
    *("+12013-02-01", "-2013-02-01", "٢٠١٣-02-01", "9999-12-31T23:59Z9"),
)


@dataclass(frozen=True)
class Written:
    """A text and what it was written from; None where it must not be read as this."""

    text: str
    instant: datetime | None
    local: datetime | None
    day: date | None


def written() -> list[Written]:
    """Return texts of all combinations, and those that are none."""
    found = [
        Written(f"{y:04}-{m:02}-{d:02}", datetime(y, m, d), datetime(y, m, d), date(y, m, d))
        for y, m, d in DAYS
    ]
    for (y, m, d), mark, clock, (second, micros), (offset, ahead), space in product(
        DAYS, "T ", CLOCKS, SECONDS.items(), OFFSETS.items(), ("", " ")
    ):
        hour, minute = map(int, clock.split(":"))
        local = datetime(y, m, d, hour, minute) + timedelta(microseconds=micros)
        try:
            instant = local - timedelta(minutes=ahead)
        except OverflowError:
            instant = None
        text = f"{y:04}-{m:02}-{d:02}{mark}{clock}{second}{space if offset else ''}{offset}"
        found.append(Written(text, instant, None if offset else local, None))
    return [*found, *(Written(text, None, None, None) for text in OTHERS)]


def micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def test_every_text_is_read_as_what_it_was_written_from_or_not_at_all(spark: SparkSession) -> None:
    cases = written()
    assert len(cases) > 5_000
    for case in cases:
        instant = instant_of(case.text)
        assert instant is None or instant.tzinfo is timezone.utc
        ours = None if instant is None else instant.replace(tzinfo=None)
        assert (ours, local_time_of(case.text), day_of(case.text)) == (
            case.instant,
            case.local,
            case.day,
        ), case.text
    read = read_by_spark(spark, [case.text for case in cases])
    for case, found in zip(cases, read, strict=True):
        assert found == (micros(case.instant), micros(case.local), case.day), case.text


def read_by_spark(
    spark: SparkSession, texts: Sequence[str]
) -> list[tuple[int | None, int | None, date | None]]:
    """Return for each text its instant and local time in microseconds, and its day."""
    frame = spark.createDataFrame(list(enumerate(texts)), "n int, text string")
    text = F.col("text")
    local = read_text(text, "timestamp_ntz").cast("timestamp")
    # As texts: whole numbers beside nulls would become floats.
    rows = rows_to_client(
        frame.select(
            "n",
            F.unix_micros(read_text(text, "timestamp")).cast("string").alias("instant"),
            F.unix_micros(local).cast("string").alias("local"),
            read_text(text, "date").cast("string").alias("day"),
        ),
        what="instants",
    ).sort_values("n")
    columns = ("instant", "local", "day")
    found = rows.astype(object).where(rows.notna(), None)[[*columns]].to_dict("records")
    return [
        (
            None if row["instant"] is None else int(row["instant"]),
            None if row["local"] is None else int(row["local"]),
            None if row["day"] is None else date.fromisoformat(row["day"]),
        )
        for row in found
    ]


PIECES = st.sampled_from(
    [*"0123456789TZ:+-. \t\nzx", "2013-02-01", "0001-01-01", "T12:00", ":30", "UTC", "+02:00"]
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.lists(PIECES, max_size=6).map("".join),
            st.builds(
                lambda case, place, piece: case.text[:place] + piece + case.text[place:],
                st.sampled_from(written()),
                st.integers(0, 30),
                PIECES,
            ),
        ),
        min_size=200,
        max_size=400,
    )
)
def test_whatever_a_text_is_spark_reads_it_as_python_does(
    spark: SparkSession, texts: list[str]
) -> None:
    for text, (instant, local, day) in zip(texts, read_by_spark(spark, texts), strict=True):
        # Blanks around a value do not count in files.
        bare = text.strip(" ")
        moment = instant_of(bare)
        assert instant == micros(None if moment is None else moment.replace(tzinfo=None)), text
        assert (local, day) == (micros(local_time_of(bare)), day_of(bare)), text


def test_files_corrections_and_rules_read_the_same_texts() -> None:
    is_timestamp, is_date = parse_rule("is_timestamp(a)"), parse_rule("is_date(a)")
    for case in written():
        guess = TypeGuess()
        guess.see([case.text])
        is_time = case.instant is not None and case.day is None
        assert (guess.type == "timestamp") is is_time, case.text
        assert (guess.type == "date") is (case.day is not None), case.text
        assert evaluate(is_timestamp, {"a": case.text}) is is_time, case.text
        assert evaluate(is_date, {"a": case.text}) is (case.day is not None), case.text
        assert accepts(lambda text: read(text, "timestamp"), case) is (case.instant is not None)
        assert accepts(lambda text: read(text, "timestamp_ntz"), case) is (case.local is not None)


def accepts(reader: Callable[[str], object], case: Written) -> bool:
    try:
        reader(case.text)
    except ValueError:
        return False
    return True

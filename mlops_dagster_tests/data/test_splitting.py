"""Files of any name: each window takes its rows of every file, and nothing is lost between them."""

import gzip
import io
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.contracts import contract_of
from mlops_dagster.data.delivery_events import slice_deliveries
from mlops_dagster.data.file_digests import delivered
from mlops_dagster.data.file_index import FileIndex
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.reading_files import parquet_rows
from mlops_dagster.data.splitting import Share, own_rows, shares_of
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract, write_contract
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import Claim
from mlops_dagster.tables.folding import fold
from mlops_dagster_tests.data.worlds import Project

REF = TableRef.parse("shop.bronze.orders")
TABLE = "bronze.orders: {files: incoming/, window_by: at, event_time: at, key: [id]}"
WINDOWS = ("2013-01", "2013-02", "2013-03")


@pytest.fixture
def berlin(spark: SparkSession, tmp_path: Path) -> Project:
    zone = "{every: month, first: 2013-01, last: 2013-03, time_zone: Europe/Berlin}"
    project = Project(spark, tmp_path, windows=zone)
    project.declare(TABLE)
    return project


def build_all(project: Project) -> dict[str, tuple[int, int, int]]:
    found = {window: project.build("bronze.orders", window) for window in WINDOWS}
    return {window: (b.rows_in, b.valid, b.quarantined) for window, b in found.items()}


def ids(project: Project) -> dict[str, list[object]]:
    rows = project.rows("bronze.orders", "window", "id")
    return {window: [row[1] for row in rows if row[0] == window] for window in WINDOWS}


def test_each_window_takes_its_rows_and_the_newest_those_without_a_place(berlin: Project) -> None:
    contract = contract_of(REF, {"id": "bigint", "at": "timestamp"})
    write_contract(berlin.root / "use_cases/shop/contracts/bronze.orders.yaml", contract)
    berlin.write(
        "landing/incoming/x.csv",
        "id,at\n1,2013-01-05T00:00:00Z\n2,2013-01-31T23:30:00Z\n3,\n4,soon\n5,2014-01-01\n6\n",
    )
    berlin.write("landing/incoming/y.csv.gz", gzip.compress(b"id,at\n7,2013-03-01\n"))
    lines = [
        '{"id": 8, "at": "2013-01-31T22:59:59Z"}',
        '{"at": "2013-02-01T12:00:00+02:00", "id": 9}',
    ]
    berlin.write("landing/incoming/z.jsonl", "\n".join([*lines, "7\n"]))
    assert build_all(berlin) == {"2013-01": (2, 2, 0), "2013-02": (7, 2, 5), "2013-03": (1, 1, 0)}
    assert ids(berlin) == {"2013-01": [1, 8], "2013-02": [2, 9], "2013-03": [7]}
    read = FileIndex.of(berlin.store, REF).files.values()
    assert sum(sum(one.records.values()) + one.homeless for one in read) == 10
    # Known files are not read again to find out where their rows belong.
    assert len(berlin.store.read(f"file/{REF}")) == 3


def test_rows_of_parquet_files_say_their_windows_too(berlin: Project) -> None:
    instants = ["2013-01-31T22:30", "2013-01-31T23:30", "2013-03-05T00:00", "NaT"]
    times = pd.to_datetime(instants)
    contents = {
        "date": [None if pd.isna(one) else one.date() for one in times],
        "zone": list(times.tz_localize("UTC").tz_convert("Asia/Kathmandu")),
        "us": times.astype("datetime64[us]"),
        "ns": times.astype("datetime64[ns]"),
    }
    table, landing = berlin.table("bronze.orders"), berlin.workspace().landing
    pieces = []
    for name, column in contents.items():
        content = io.BytesIO()
        pd.DataFrame({"id": [1, 2, 3, 4], "at": column}).to_parquet(content)
        berlin.write(f"landing/incoming/{name}.parquet", content.getvalue())
        file = LandingFile(landing / f"incoming/{name}.parquet", Form.PARQUET, zipped=False)
        kind = "date" if name == "date" else "timestamp"
        agreed = contract_of(REF, {"id": "bigint", "at": kind})
        rows = parquet_rows(berlin.session, file, agreed, by_path=True)
        for window in WINDOWS:
            for share in shares(berlin, file, window, agreed).values():
                own = own_rows(rows, table, share, window, agreed=agreed)
                mine = F.concat_ws(" ", F.lit(name), F.lit(window), "id").alias("mine")
                pieces.append((own.select(mine), share.records))
    found = [row.mine for row in fold(DataFrame.unionByName, [p for p, _ in pieces]).collect()]
    assert sorted(found) == sorted(
        [f"date {WINDOWS[0]} 1", f"date {WINDOWS[0]} 2", f"date {WINDOWS[2]} 3"]
        + [f"{name} {WINDOWS[at]} {at + 1}" for name in ("zone", "us", "ns") for at in range(3)]
        # Without a time: to the newest window that the file has rows of.
        + [f"{name} {WINDOWS[2]} 4" for name in contents]
    )
    assert len(found) == sum(records for _, records in pieces)


def shares(
    project: Project, file: LandingFile, window: str, agreed: Contract
) -> dict[LandingFile, Share]:
    """Return what a window takes of a file, as a run of it finds out."""
    return shares_of(
        project.table("bronze.orders"),
        [(file, delivered(file, project.workspace().landing))],
        window,
        agreed=agreed,
        store=project.store,
        held=Claim("slice", 1, "token", datetime(2013, 4, 1, tzinfo=timezone.utc), "run"),
    )


def test_late_rows_in_a_new_file_are_taken_in_by_a_run_of_their_window(berlin: Project) -> None:
    both = WINDOWS[:2]
    berlin.write("landing/incoming/1.csv", "id,at\n1,2013-01-05\n2,2013-02-05\n")
    first = {window: berlin.build("bronze.orders", window) for window in both}
    berlin.write("landing/incoming/2.csv", "id,at\n3,2013-01-07\n")
    berlin.write("landing/incoming/copy of 1.csv", "id,at\n1,2013-01-05\n2,2013-02-05\n")
    again = {window: berlin.build("bronze.orders", window) for window in both}
    assert [first[window].rows_in for window in both] == [1, 1]
    assert [again[window].rows_in for window in both] == [2, 1]
    assert again["2013-02"].published.digest == first["2013-02"].published.digest
    seen = slice_deliveries(berlin.store, REF)
    assert {w: sorted(f.path for f in seen[w].seen or ()) for w in both} == {
        "2013-01": ["incoming/1.csv", "incoming/2.csv", "incoming/copy of 1.csv"],
        "2013-02": ["incoming/1.csv", "incoming/copy of 1.csv"],
    }


def test_a_file_that_has_no_row_in_any_window_is_set_aside(berlin: Project) -> None:
    berlin.write("landing/incoming/2.csv", "id,at\n2,2031-01-05\n3,\n")
    with pytest.raises(SourceError, match="no record of the file has a time in a window"):
        berlin.build("bronze.orders", "2013-01")
    waiting = slice_deliveries(berlin.store, REF)["2013-01"].waiting
    assert waiting is not None
    assert len(waiting.kept) == 1


def test_another_calendar_reads_files_again(berlin: Project) -> None:
    path = berlin.write("landing/incoming/1.csv", "id,at\n1,2013-01-31T23:30:00Z\n")
    file = LandingFile(path, Form.CSV, zipped=False)
    agreed = contract_of(REF, {"id": "bigint", "at": "timestamp"})
    assert shares(berlin, file, "2013-01", agreed) == {}
    assert shares(berlin, file, "2013-02", agreed)[file].records == 1
    assert len(berlin.store.read(f"file/{REF}")) == 1
    berlin.windows = "{every: month, first: 2013-01, last: 2013-03}"
    berlin.declare(TABLE)
    assert shares(berlin, file, "2013-01", agreed)[file].records == 1

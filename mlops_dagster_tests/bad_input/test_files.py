"""Every fault of the corpus through the real job: refused or quarantined, then put right."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import DataFrame, SparkSession

from mlops_dagster.data.batches import BatchCounts
from mlops_dagster.data.delivery import RAW
from mlops_dagster.data.landing import Form, LandingFile
from mlops_dagster.data.reading_files import text_rows
from mlops_dagster.data.records import read_records, scan_file
from mlops_dagster.errors import SourceError
from mlops_dagster.tables.folding import fold
from mlops_dagster_tests.assets.inline_project import write_project
from mlops_dagster_tests.bad_input.deliveries import FIRST, NAMES, SOURCES, use_case
from mlops_dagster_tests.bad_input.file_faults import FILE_FAULTS, FileFault
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project


@dataclass(frozen=True)
class Told:
    """What a run of the job said of one table: its error, or what became of its rows."""

    error: str | None
    batch: BatchCounts | None


@dataclass(frozen=True)
class Life:
    """All faults, each in a window of its own.

    Attributes:
        faulty: What was told of each fault, by its name.
        before: Digests of the first window before any fault.
        between: Digests of all slices after all faults.
        readable: Rows by table and window then, as Spark reads them.
        corrected: What was told of each fault's window after the file was put right.
        places: Table and window of each fault.
        digests: Digests at the end.
    """

    faulty: Mapping[str, Told]
    before: Mapping[str, str]
    between: Mapping[str, str]
    readable: Mapping[tuple[str, str], int]
    corrected: Mapping[str, Told]
    places: Mapping[str, tuple[str, str]]
    digests: Mapping[str, str]


def placed() -> dict[str, tuple[str, str]]:
    """Return a table and window for each fault; a window has a fault in every table, if it can."""
    used = dict.fromkeys(SOURCES, 1)
    places = {}
    for fault in FILE_FAULTS:
        tables = [name for name, source in SOURCES.items() if source.form == fault.form]
        table = min(tables, key=lambda name: used[name])
        used[table] += 1
        places[fault.name] = (table, f"2024-01-{used[table]:02}")
    return places


@pytest.fixture(scope="module")
def life(
    spark_address: str, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Life]:
    engine = f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    root = write_project(tmp_path_factory.mktemp("faults"), {"shop": use_case()}, engine=engine)
    places = placed()
    windows = sorted({window for _, window in places.values()})
    for name in SOURCES:
        for window in (FIRST, *windows):
            deliver(root, name, window, SOURCES[name].whole(window))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        with live_project(root) as project:
            assert project.close(FIRST).success
            before = digests_of(project)
            for fault in FILE_FAULTS:
                table, window = places[fault.name]
                beside = fault.beside(window) if fault.beside else None
                deliver(root, table, window, fault.content(window), beside)
            faulty = run_all(project, places, windows)
            between, readable = digests_of(project), rows_of(project, spark)
            for table, window in places.values():
                deliver(root, table, window, SOURCES[table].whole(window))
            corrected = run_all(project, places, windows)
            yield Life(faulty, before, between, readable, corrected, places, digests_of(project))


def deliver(
    root: Path, table: str, window: str, content: bytes | None, beside: str | None = None
) -> None:
    """Write a table's file of a window, or take it away, and its digest."""
    file = SOURCES[table].place(root / "landing", window)
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = file.with_name(f"{file.name}.sha256")
    for path, data in ((file, content), (digest, beside.encode() if beside else None)):
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)


def run_all(
    project: LiveProject, places: Mapping[str, tuple[str, str]], windows: list[str]
) -> dict[str, Told]:
    """Run the job of each window; return what was told of each fault's table."""
    told = {}
    for window in windows:
        result = project.close(window)
        errors = failures_of(result)
        for name, (table, own) in places.items():
            if own == window:
                batch = None if table in errors else project.batch(f"bronze.{table}", window)
                told[name] = Told(errors.get(table), batch)
    return told


def failures_of(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return what each failed table said, by its name; an error that nobody foresaw in full."""
    failed = {}
    for event in result.all_events:
        if event.is_step_failure and event.step_key is not None:
            data = event.step_failure_data
            known = data.user_failure_data
            described = known.description if known is not None else None
            failed[event.step_key.rpartition("__")[2]] = described or str(data.error)
    return failed


def digests_of(project: LiveProject) -> dict[str, str]:
    return {
        name.removeprefix("slice/shop.bronze."): published.digest
        for name, published in project.published().items()
        if "bronze" in name
    }


def rows_of(project: LiveProject, spark: SparkSession) -> dict[tuple[str, str], int]:
    frames = [
        project.locations.of(project.ref(f"bronze.{name}"))
        .read(spark)
        .selectExpr(f"'{name}' AS name", "window")
        for name in SOURCES
    ]
    counted = fold(DataFrame.unionByName, frames).groupBy("name", "window").count().collect()
    return {(row["name"], row["window"]): row["count"] for row in counted}


FAULTS = pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: fault.name)


@FAULTS
def test_a_fault_is_told_or_its_rows_are_accounted_for(life: Life, fault: FileFault) -> None:
    told, (table, window) = life.faulty[fault.name], life.places[fault.name]
    if fault.says is None:
        assert told.error is None
        assert told.batch is not None
        batch = told.batch
        assert (batch.rows_in, batch.valid, batch.quarantined) == fault.rows
        assert tuple(sorted(batch.failed_rules)) == fault.rules
    else:
        assert told.error is not None, told.batch
        assert fault.says.replace("{table}", table) in told.error
        assert window in told.error or f"bronze.{table}" in told.error
        assert ". " in told.error, "no next step"
        assert "Traceback" not in told.error


@FAULTS
def test_nothing_of_a_refused_file_is_published_and_all_else_stays(
    life: Life, fault: FileFault
) -> None:
    table, window = life.places[fault.name]
    published = f"{table}/{window}" in life.between
    assert published == (fault.says is None)
    valid = fault.rows[1] if fault.rows else 0
    assert life.readable.get((table, window), 0) == valid
    assert life.between[f"{table}/{FIRST}"] == life.before[f"{table}/{FIRST}"]
    assert life.readable[table, FIRST] == 4


@FAULTS
def test_the_file_put_right_is_published_by_the_same_job(life: Life, fault: FileFault) -> None:
    told, (table, window) = life.corrected[fault.name], life.places[fault.name]
    assert told.error is None
    assert told.batch is not None
    assert (told.batch.rows_in, told.batch.valid, told.batch.failed_rules) == (4, 4, {})
    assert f"{table}/{window}" in life.digests


def test_all_forms_of_one_window_have_one_digest_in_the_end(life: Life) -> None:
    for window in {window for _, window in life.places.values()}:
        assert len({life.digests[f"{table}/{window}"] for table in SOURCES}) == 1


def test_spark_and_the_client_read_the_same_records(spark: SparkSession, tmp_path: Path) -> None:
    forms = {"csv": (Form.CSV, False), "gzip": (Form.CSV, True)}
    frames, expected = [], []
    for number, fault in enumerate(FILE_FAULTS):
        data = fault.content(FIRST)
        if fault.form == "parquet" or data is None or fault.says == "Spark cannot read the file":
            continue
        form, zipped = forms.get(fault.form, (Form.JSON, False))
        path = tmp_path / f"{number}.{'csv.gz' if zipped else fault.form}"
        path.write_bytes(data)
        file = LandingFile(path, form, zipped)
        try:
            scan = scan_file(file)
        except SourceError:
            continue
        columns = [name for name in NAMES if name in scan.columns]
        rows = text_rows(spark, scan, columns, by_path=True)
        texts = [f"coalesce({name}, '')" if name in columns else "''" for name in NAMES]
        frames.append(rows.selectExpr(f"{number} AS file", f"{RAW} IS NULL AS whole", *texts))
        for record in read_records(file, NAMES):
            values = [value or "" for value in record.values]
            expected.append((number, record.raw is None, *values))
    read = [tuple(row) for row in fold(DataFrame.union, frames).collect()]
    whole = [row for row in read if row[1]]
    assert len(frames) > 15
    assert sorted(whole) == sorted(row for row in expected if row[1])
    assert sorted(row[:2] for row in read) == sorted(row[:2] for row in expected)

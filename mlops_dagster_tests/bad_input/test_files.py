"""Every fault of the corpus through the real job: refused or quarantined, then put right."""

from collections.abc import Mapping
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
from mlops_dagster_tests.bad_input.deliveries import DAY, NAMES, SOURCES, use_case
from mlops_dagster_tests.bad_input.file_faults import FILE_FAULTS, FileFault
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.end_to_end.live_project import LiveProject, live_project

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Told:
    """One delivery of one table.

    Attributes:
        table: The table.
        error: What its step said when it failed.
        batch: What became of its rows when it did not.
        before: The digest of what was published before the delivery.
        after: The digest of what was published after it.
    """

    table: str
    error: str | None
    batch: BatchCounts | None
    before: str
    after: str


@dataclass(frozen=True)
class Life:
    """One window: delivered whole, then with one fault after the other, then whole again.

    Attributes:
        whole: What was published of each table at first.
        faulty: What was told of each fault, by its name.
        readable: Rows of each table after all faults, as Spark reads them.
        corrected: What was told when the window was delivered whole, by the same job.
    """

    whole: Mapping[str, str]
    faulty: Mapping[str, Told]
    readable: Mapping[str, int]
    corrected: Mapping[str, Told]


def rounds() -> list[dict[str, FileFault]]:
    """Return which table meets which fault in which run of the job."""
    queues: dict[str, list[FileFault]] = {name: [] for name in SOURCES}
    for fault in FILE_FAULTS:
        tables = [name for name, source in SOURCES.items() if source.form == fault.form]
        queues[min(tables, key=lambda name: len(queues[name]))].append(fault)
    most = max(map(len, queues.values()))
    return [
        {name: queue[number] for name, queue in queues.items() if number < len(queue)}
        for number in range(most)
    ]


@pytest.fixture(scope="module")
def life(spark_address: str, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Life:
    engine = f"{{kind: remote, address_variable: {REMOTE_VARIABLE}}}"
    root = write_project(tmp_path_factory.mktemp("faults"), {"shop": use_case()}, engine=engine)
    deliver_whole(root)
    faulty: dict[str, Told] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(REMOTE_VARIABLE, spark_address)
        with live_project(root) as project:
            assert project.close(DAY).success
            whole = digests_of(project)
            for faults in rounds():
                for table in SOURCES:
                    # A table without a fault in this round is not delivered either.
                    fault = faults.get(table)
                    content = fault.content(DAY) if fault else None
                    deliver(
                        root, table, content, fault.beside(DAY) if fault and fault.beside else None
                    )
                told = run(project)
                faulty |= {fault.name: told[table] for table, fault in faults.items()}
            readable = rows_of(project, spark)
            deliver_whole(root)
            corrected = run(project)
    return Life(whole, faulty, readable, corrected)


def deliver_whole(root: Path) -> None:
    """Write the file of every table without a fault."""
    for table, source in SOURCES.items():
        deliver(root, table, source.whole(DAY))


def deliver(root: Path, table: str, content: bytes | None, beside: str | None = None) -> None:
    """Write a table's file, or take it away, and its digest."""
    file = SOURCES[table].place(root / "landing", DAY)
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = file.with_name(f"{file.name}.sha256")
    for path, data in ((file, content), (digest, beside.encode() if beside else None)):
        if data is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(data)


def run(project: LiveProject) -> dict[str, Told]:
    """Run the job of the window; return what was told of each table."""
    before = digests_of(project)
    errors = failures_of(project.close(DAY))
    after = digests_of(project)
    return {
        table: Told(
            table,
            errors.get(table),
            None if table in errors else project.batch(f"bronze.{table}", DAY),
            before[table],
            after[table],
        )
        for table in SOURCES
    }


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
    """Return the digest of what is published of each table."""
    return {
        name.split("/")[1].rpartition(".")[2]: published.digest
        for name, published in project.published().items()
        if "bronze" in name
    }


def rows_of(project: LiveProject, spark: SparkSession) -> dict[str, int]:
    """Return the rows of each table as Spark reads them."""
    frames = [
        project.locations.of(project.ref(f"bronze.{name}"))
        .read(spark)
        .selectExpr(f"'{name}' AS name")
        for name in SOURCES
    ]
    counted = fold(DataFrame.unionByName, frames).groupBy("name").count().collect()
    return {row["name"]: row["count"] for row in counted}


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_or_its_rows_are_accounted_for(life: Life, fault: FileFault) -> None:
    told = life.faulty[fault.name]
    if fault.says is None:
        assert told.error is None
        assert told.batch is not None
        batch = told.batch
        assert (batch.rows_in, batch.valid, batch.quarantined) == fault.rows
        assert tuple(sorted(batch.failed_rules)) == fault.rules
    else:
        assert told.error is not None, told.batch
        assert fault.says.replace("{table}", told.table) in told.error
        assert DAY in told.error or f"bronze.{told.table}" in told.error
        assert ". " in told.error, "no next step"
        assert "Traceback" not in told.error


@pytest.mark.parametrize(
    "fault", [f for f in FILE_FAULTS if f.says is not None], ids=lambda fault: fault.name
)
def test_nothing_of_a_refused_file_is_published(life: Life, fault: FileFault) -> None:
    told = life.faulty[fault.name]
    assert told.after == told.before


def test_what_was_published_last_is_readable_after_all_faults(life: Life) -> None:
    expected = dict.fromkeys(SOURCES, 4)
    for faults in rounds():
        for table, fault in faults.items():
            if fault.rows is not None:
                expected[table] = fault.rows[1]
    assert life.readable == {table: rows for table, rows in expected.items() if rows}


def test_the_file_put_right_is_published_by_the_same_job(life: Life) -> None:
    for table, told in life.corrected.items():
        assert told.error is None
        assert told.batch is not None
        assert (told.batch.rows_in, told.batch.valid, told.batch.failed_rules) == (4, 4, {})
        assert told.after == life.whole[table]


def test_every_form_has_the_same_digest(life: Life) -> None:
    assert len(set(life.whole.values())) == 1


def test_spark_and_the_client_read_the_same_records(spark: SparkSession, tmp_path: Path) -> None:
    forms = {"csv": (Form.CSV, False), "gzip": (Form.CSV, True)}
    frames, expected = [], []
    for number, fault in enumerate(FILE_FAULTS):
        data = fault.content(DAY)
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
        if not columns:
            continue
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

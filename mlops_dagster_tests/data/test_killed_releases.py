"""Fixing and releasing rows, killed at named points and done again, comes to the same."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from mlops_dagster.crash_points import CrashPoint
from mlops_dagster.data.slice_counts import SliceCounts, slice_counts
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import published
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.crashes.killed import run_killed
from mlops_dagster_tests.data.killed_step import TABLE, WINDOW, take
from mlops_dagster_tests.data.worlds import USE_CASE, Project

TABLES = """
bronze.sales:
  files: "sales/{window}.csv"
  key: [id]
  rules: [{rule: amount < 1000, name: amount_sane}]
"""
# The second row is let through by the rules of the release, the third stays.
SALES = "id,amount\n1,5000\n2,2000\n3,9000\n4,7\n"
CHANGED = TABLES.replace("< 1000", "< 3000")
REF = TableRef(USE_CASE, "bronze", "sales")
RISKIEST = (("fix", CrashPoint.ROWS_DECIDED), ("build", CrashPoint.QUARANTINE_PUBLISHED))
EVERY = (
    ("fix", CrashPoint.ROWS_DECIDED),
    ("build", CrashPoint.SLICE_CLAIMED),
    ("build", CrashPoint.VERDICT_RECORDED),
    ("build", CrashPoint.ROWS_SETTLED),
    ("build", CrashPoint.QUARANTINE_PUBLISHED),
    ("build", CrashPoint.SLICE_COMMITTED),
    ("build", CrashPoint.PUBLICATION_RECORDED),
)


@dataclass(frozen=True)
class Came:
    """What a life came to.

    Attributes:
        digest: Of the published rows.
        counts: Where the rows of the published batch are.
        rows: Id, status and history of every row that is or was in quarantine.
        stored: Rows in the quarantine table.
        attempts: How many published batches each row failed; one more where a run was killed after
            its publication.
    """

    digest: str
    counts: SliceCounts | None
    rows: tuple[tuple[object, ...], ...]
    stored: int
    attempts: tuple[int, ...] = field(compare=False)


def life(session: SparkSession, root: Path, kills: Sequence[tuple[str, CrashPoint]]) -> Came:
    project = Project(session, root)
    project.declare(TABLES)
    project.write(f"landing/sales/{WINDOW}.csv", SALES)
    take(project, "build", "")
    row = next(row.row_id for row in project.listed() if '"id":1' in row.payload)
    for step in ("fix", "build"):
        if step == "build":
            project.declare(CHANGED)
        for killed, point in kills:
            if killed == step:
                _kill(root, step, row, point)
        take(project, step, row)
    publication = published(project.store, REF, WINDOW)
    assert publication is not None
    listed = project.listed()
    return Came(
        publication.digest,
        slice_counts(project.store, REF, WINDOW),
        tuple(
            (one.row_id, one.status.value, tuple(entry.what for entry in one.history))
            for one in listed
        ),
        project.stored_quarantine(),
        tuple(sorted(one.attempts for one in listed)),
    )


def _kill(root: Path, step: str, row: str, point: CrashPoint) -> None:
    about = "" if point in (CrashPoint.ROWS_DECIDED, CrashPoint.ROWS_SETTLED) else TABLE
    module = "mlops_dagster_tests.data.killed_step"
    run_killed(module, str(root), step, row, root=root, point=point, about=about)


@pytest.fixture(scope="module")
def undisturbed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Came:
    return life(spark, tmp_path_factory.mktemp("undisturbed"), ())


def check(came: Came) -> None:
    """Two rows are released, by a correction and by a changed rule; one failed twice and stays."""
    assert came.counts is not None
    assert (came.counts.valid, came.counts.quarantined, came.stored) == (3, 1, 1)
    assert sorted(row[1:] for row in came.rows) == [
        ("open", ()),
        ("released", ("fixed: amount = 5", "released")),
        ("released", ("released",)),
    ]


@pytest.mark.long
def test_killed_where_most_is_at_stake_a_release_comes_to_its_end(
    spark: SparkSession, spark_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    came = life(spark, tmp_path, RISKIEST)
    check(came)
    assert came.attempts == (0, 0, 2)


@pytest.mark.verify
@pytest.mark.parametrize("kill", EVERY, ids=lambda kill: kill[1].name.lower())
def test_killed_at_any_point_it_comes_to_the_same(
    kill: tuple[str, CrashPoint],
    undisturbed: Came,
    spark: SparkSession,
    spark_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    check(undisturbed)
    assert life(spark, tmp_path, [kill]) == undisturbed

"""The project in a notebook: docs/notebook.ipynb cell by cell, and what a reader gets to see."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import DataFrame

from mlops_dagster import open_workspace
from mlops_dagster.errors import ReadOnlySession, SourceError, TransferTooLarge
from mlops_dagster.notebook.workspace import OpenedWorkspace
from mlops_dagster.tables.measure import measure
from mlops_dagster_tests.docs.pages import ROOT
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.test_loop import sound

pytestmark = pytest.mark.long

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
MODEL = "energy_demand.daily_use"

PROGRAM = """
import json, sys

cells = [cell for cell in json.load(open(sys.argv[1]))["cells"] if cell["cell_type"] == "code"]
notebook = {"__name__": "__main__"}
for number, cell in enumerate(cells, start=1):
    exec(compile("".join(cell["source"]), f"cell {number}", "exec"), notebook)
held_out = notebook["held_out"]
print(json.dumps({
    "cells": len(cells),
    "model": notebook["model"],
    "decisions": [decision.window for decision in notebook["decisions"]],
    "counted": int(notebook["counted"]["count"].sum()),
    "error": float((notebook["predicted"]["prediction"] - held_out["label"]).abs().mean()),
    "scored": notebook["scored"],
}))
"""


@pytest.fixture(scope="module")
def looked(lived: Lived) -> Iterator[OpenedWorkspace]:
    """The project, opened below its root; what readers see must not depend on later tests."""
    with open_workspace(root=lived.project.workspace.root / "use_cases") as opened:
        yield opened


def digest(frame: DataFrame) -> str:
    return measure(frame).digest


def published(lived: Lived, table: str, window: str) -> str:
    return lived.after.digests[f"slice/energy_demand.{table}/{window}"]


def test_every_cell_of_the_notebook_runs_in_order(lived: Lived) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(NOTEBOOK)],
        cwd=lived.project.workspace.root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["cells"] > 8
    assert found["model"] == MODEL
    assert found["decisions"][:5] == list(DAYS[:5])
    trained = lived.project.ledger("daily_use").by_version("1")
    assert trained is not None
    assert trained.trained is not None
    assert found["counted"] >= trained.trained.rows
    assert 0 < found["error"] < 3
    assert found["scored"][DAYS[3]] == len(sound(2))


def test_the_notebook_keeps_no_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_a_table_holds_the_published_rows_of_the_windows_asked_for(
    lived: Lived, looked: OpenedWorkspace
) -> None:
    assert looked.windows("bronze.readings")[:5] == DAYS[:5]
    one = looked.table("bronze.readings", window=DAYS[3])
    assert digest(one.drop("window")) == published(lived, "bronze.readings", DAYS[3])
    two = looked.table("bronze.readings", window=DAYS[2:4])
    counts = {row["window"]: row["count"] for row in two.groupBy("window").count().collect()}
    assert counts == {
        day: len(sound(number)) for number, day in enumerate(DAYS) if day in DAYS[2:4]
    }


def test_a_table_as_of_an_instant_ends_with_the_windows_that_had_closed(
    lived: Lived, looked: OpenedWorkspace
) -> None:
    third_closed = lived.project.calendar.as_of_close(DAYS[2])
    rows = looked.table("bronze.readings", as_of=third_closed)
    assert sorted(row[0] for row in rows.select("window").distinct().collect()) == list(DAYS[:3])
    before = third_closed - timedelta(seconds=1)
    assert looked.windows("bronze.readings", as_of=before) == DAYS[:2]
    with pytest.raises(SourceError, match=f"nothing was published then for {DAYS[2]}"):
        looked.table("bronze.readings", as_of=before, window=DAYS[2])
    with pytest.raises(SourceError, match="as the first instant that was decided"):
        looked.table("bronze.readings", as_of="2020-01-01T00:00:00Z")


def test_shared_and_own_names_of_tables_work(looked: OpenedWorkspace) -> None:
    assert looked.table("project.calendar").count() > 0
    names = set(looked.tables)
    assert {"bronze.readings", "project.calendar", "serving.daily_use_predictions"} <= names
    assert "monitoring.quality_metrics" in names


def test_refused_rows_are_those_of_the_published_batches(
    lived: Lived, looked: OpenedWorkspace
) -> None:
    rows = looked.to_pandas(looked.quarantine("energy_demand"))
    readings = rows[rows["table"] == "energy_demand.bronze.readings"]
    for day in DAYS[:5]:
        expected = lived.project.batch("bronze.readings", day).quarantined
        assert (readings["window"] == day).sum() == expected
    assert readings["reasons"].map(len).min() > 0


def test_a_training_set_is_the_one_that_the_version_was_trained_on(
    lived: Lived, looked: OpenedWorkspace
) -> None:
    expected = published(lived, "model.daily_use_training_set", DAYS[2])
    for rows in (
        looked.training_set("daily_use", version="1"),
        looked.training_set("daily_use", window=DAYS[2]),
    ):
        assert digest(rows) == expected
    with pytest.raises(SourceError, match=f"no training set of this cutoff.*those of {DAYS[2]}"):
        looked.training_set("daily_use", window=DAYS[0])


def test_a_model_is_the_one_that_scored_the_window(lived: Lived, looked: OpenedWorkspace) -> None:
    model = looked.load_model("daily_use", window=DAYS[3])
    assert model.info.cutoff_window == DAYS[2]
    assert model.digest == looked.load_model("daily_use", version="1").digest
    predicted = looked.to_pandas(
        looked.table("serving.daily_use_predictions", window=DAYS[3]).orderBy("household")
    )
    again = model.predict(predicted)
    pd.testing.assert_series_equal(again["prediction"], predicted["prediction"])


def test_decisions_are_those_known_at_the_instant(lived: Lived, looked: OpenedWorkspace) -> None:
    closed = lived.project.calendar.as_of_close(DAYS[2])
    told = looked.decisions("daily_use", as_of=closed)
    assert told == lived.after.decisions[MODEL][:3]


def test_nothing_can_be_written_and_too_much_is_not_fetched(
    looked: OpenedWorkspace, tmp_path: Path
) -> None:
    rows = looked.table("bronze.readings")
    with pytest.raises(ReadOnlySession):
        rows.write.format("delta").save(str(tmp_path / "copy"))
    with pytest.raises(TransferTooLarge, match="raise `limit_rows`"):
        looked.to_pandas(rows, limit_rows=10)


def test_after_closing_the_next_rows_come_through_a_new_session(looked: OpenedWorkspace) -> None:
    first = looked.session
    looked.close()
    assert looked.session is not first
    assert looked.table("bronze.readings").limit(1).count() == 1

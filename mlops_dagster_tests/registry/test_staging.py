import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from mlops_dagster.registry.bundle import save_bundle
from mlops_dagster.registry.golden import Golden
from mlops_dagster.registry.staging import StagingResult, run_staging_tests
from mlops_dagster.registry.staging_child import examine
from mlops_dagster.spec.models import Task
from mlops_dagster_tests.registry.test_bundle import rewritten
from mlops_dagster_tests.registry.worlds import RECIPES, Recipe, info_of, saved, trained


def test_a_sound_version_passes_and_is_measured(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")

    result = run_staging_tests(written.folder, written.digest)

    assert (result.passed, result.problem) == (True, "")
    assert [test.name for test in result.tests] == ["load", "golden_rows", "odd_rows"]
    assert int(result.measured["bundle_bytes"]) == written.bytes
    assert float(result.measured["one_row_milliseconds"]) > 0
    assert result.details["golden_rows"] == "predicted as when trained"


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_kind_of_model_passes(recipe: Recipe, tmp_path: Path) -> None:
    written = saved(tmp_path / "b", recipe)
    assert examine(written.folder, written.digest).problem == ""


def test_a_changed_file_fails_the_first_test(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    (written.folder / "golden.json").write_text("{}")
    result = run_staging_tests(written.folder, written.digest)
    assert not result.passed
    assert result.problem.startswith("load: ")
    assert "a file of the bundle was changed" in result.problem


def test_other_predictions_of_the_golden_rows_fail(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    path = written.folder / "golden.json"
    golden = Golden.model_validate_json(path.read_bytes())
    scores = golden.predictions["score"]
    path.write_bytes(
        golden.model_copy(update={"predictions": {"score": (0.123, *scores[1:])}}).to_bytes()
    )
    import hashlib

    entry = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
    }
    files = {name: json.loads(e.model_dump_json()) for name, e in written.manifest.files.items()}
    digest = rewritten(written, files={**files, "golden.json": entry})

    result = examine(written.folder, digest)
    assert result.problem.startswith("golden_rows: 1 differ: row 0: score is ")


def test_a_model_that_cannot_take_nulls_fails(tmp_path: Path) -> None:
    recipe = Recipe("ridge", Task.REGRESSION)
    golden = trained(recipe).golden
    numbers = [f for f in trained(recipe).features if f.type != "string"]
    info = info_of(recipe)
    info = info.model_copy(update={"columns": tuple(c for c in info.columns if c.kind == "number")})
    rows = np.arange(3.0 * len(numbers)).reshape(3, -1)
    model = Ridge().fit(rows, [1.0, 2.0, 3.0])
    example = golden[[f.name for f in numbers]].fillna(0.0)
    written = save_bundle(tmp_path / "b", model=model, info=info, example=example)
    result = examine(written.folder, written.digest)
    assert "golden_rows" not in result.problem
    assert "odd_rows: ValueError: Input X contains NaN" in result.problem


def test_the_child_sees_no_secret_and_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "spy"
    spy.write_text(
        f"#!{sys.executable}\nimport os, json, sys\nsys.stderr.write(json.dumps(dict(os.environ)))"
    )
    spy.chmod(0o755)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hush")
    monkeypatch.setenv("DATABRICKS_TOKEN", "hush")
    monkeypatch.setattr(sys, "executable", str(spy))
    result = run_staging_tests(tmp_path, "0" * 64)
    shown = result.problem
    assert shown.startswith("process: it ended with code 0: {")
    assert "hush" not in shown
    assert str(Path.home()) + '"' not in shown


def test_a_child_that_hangs_has_failed(tmp_path: Path) -> None:
    written = saved(tmp_path / "b")
    result = run_staging_tests(written.folder, written.digest, timeout_seconds=0.01)
    assert result.problem == "process: no answer within 0.01 s"


def test_no_tests_are_not_a_pass() -> None:
    assert not StagingResult(tests=()).passed

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from mlops_dagster.addresses import without_secrets
from mlops_dagster.errors import TrackingRefused, TrackingUnavailable, is_transient
from mlops_dagster.registry import tracking
from mlops_dagster.registry.bundle import load_bundle
from mlops_dagster.registry.mlflow_facts import RunFacts
from mlops_dagster.registry.tracking import MlflowTracker, RegisteredVersion, open_tracker
from mlops_dagster.spec.environment import Environment, LocalEngine, PathTables, TrackingServer
from mlops_dagster.spec.models import Task
from mlops_dagster.state.fence import InputVersion
from mlops_dagster_tests.registry.worlds import Recipe, rows_of, saved, trained

MODEL = "shop.buys"
ENVIRONMENT = Environment(
    spec_version=1,
    name="test",
    engine=LocalEngine(kind="local"),
    landing="landing/",
    tables=PathTables(kind="paths", warehouse="warehouse/"),
)
INPUTS = (
    InputVersion(ref="shop.silver.visits", delta_version=4, windows={"2024-01": "x"}),
    InputVersion(ref="shop.features.history", delta_version=9, windows={"2024-01": "y"}),
)
FACTS = RunFacts(
    params={"learning_rate": 0.1, "family": "hist_gradient_boosting"},
    metrics={"roc_auc": 0.75, "undefined": None},
    tags={"reason": "drift"},
    inputs=INPUTS,
)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> MlflowTracker:
    """One tracker for all tests that do not damage it: its tables take a second to make."""
    folder = tmp_path_factory.mktemp("tracking") / "state with space"
    return open_tracker(ENVIRONMENT, folder)


def log(tracker: MlflowTracker, folder: Path, cutoff_window: str) -> RegisteredVersion:
    return tracker.log_training(saved(folder, cutoff_window=cutoff_window), FACTS)


def test_a_training_that_its_gates_keep_out_is_a_run_once_and_no_version(
    tracker: MlflowTracker, tmp_path: Path
) -> None:
    written = saved(tmp_path / "b", cutoff_window="2023-12")
    run_id = tracker.log_rejected(written, FACTS)
    assert tracker.log_rejected(written, FACTS) == run_id
    client = client_of(tracker)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"roc_auc": 0.75}
    assert len(client.get_metric_history(run_id, "roc_auc")) == 1
    assert run.inputs is not None
    assert len(run.inputs.dataset_inputs) == len(INPUTS)
    assert [file.path for file in client.list_artifacts(run_id)] == ["bundle"]
    assert tracker.find_version(written.info.model, written.digest) is None


def client_of(tracker: MlflowTracker) -> MlflowClient:
    return MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)


def test_a_training_is_logged_with_its_facts_and_data_versions(
    tracker: MlflowTracker, tmp_path: Path
) -> None:
    version = log(tracker, tmp_path / "b", "2024-01")

    run = client_of(tracker).get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"learning_rate": "0.1", "family": "hist_gradient_boosting"}
    assert run.data.metrics == {"roc_auc": 0.75}
    assert run.data.tags["reason"] == "drift"
    assert run.inputs is not None
    datasets = {found.dataset.name: found.dataset for found in run.inputs.dataset_inputs}
    assert set(datasets) == {"shop.silver.visits@v4", "shop.features.history@v9"}
    assert json.loads(datasets["shop.silver.visits@v4"].source) == INPUTS[0].model_dump()


def test_logging_a_bundle_again_finds_its_version(tracker: MlflowTracker, tmp_path: Path) -> None:
    first = log(tracker, tmp_path / "a", "2024-02")
    assert log(tracker, tmp_path / "b", "2024-02") == first
    assert log(tracker, tmp_path / "c", "2024-03").version != first.version

    digest = saved(tmp_path / "a", cutoff_window="2024-02").digest
    assert tracker.find_version(MODEL, digest) == first
    assert tracker.find_version(MODEL, "0" * 64) is None


def test_what_was_cut_off_is_finished_under_the_same_run(
    tracker: MlflowTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tracking, "save_mlflow_model", dies)
        with pytest.raises(KeyboardInterrupt):
            log(tracker, tmp_path / "a", "2024-04")
    digest = saved(tmp_path / "a", cutoff_window="2024-04").digest
    assert tracker.find_version(MODEL, digest) is None

    version = log(tracker, tmp_path / "a", "2024-04")

    client = client_of(tracker)
    experiment = client.get_experiment_by_name(MODEL)
    assert experiment is not None
    runs = client.search_runs(
        [experiment.experiment_id], f"tags.`mlops_dagster.bundle_digest` = '{digest}'"
    )
    assert [run.info.run_id for run in runs] == [version.run_id]


def test_a_registered_bundle_loads_against_its_digest(
    tracker: MlflowTracker, tmp_path: Path
) -> None:
    version = log(tracker, tmp_path / "b", "2024-05")
    digest = saved(tmp_path / "b", cutoff_window="2024-05").digest

    folder = tracker.download_bundle(MODEL, version.version, tmp_path / "downloads")

    assert load_bundle(folder, expected_digest=digest).info.cutoff_window == "2024-05"
    assert not (tmp_path / "downloads").exists()


@pytest.mark.parametrize("task", Task)
def test_serving_by_mlflow_gives_the_same_answer(
    tracker: MlflowTracker, tmp_path: Path, task: Task
) -> None:
    import mlflow.pyfunc
    import numpy as np
    from mlflow.artifacts import download_artifacts

    recipe = Recipe("hist_gradient_boosting", task)
    window = f"2024-0{6 + list(Task).index(task)}"
    written = saved(tmp_path / "b", recipe, cutoff_window=window)
    version = tracker.log_training(written, RunFacts())
    path = download_artifacts(version.model_uri, tracking_uri=tracker.uri, dst_path=str(tmp_path))

    rows = trained(recipe).golden
    served = mlflow.pyfunc.load_model(path).predict(rows)  # noqa: TID251 - what a server does
    expected = trained(recipe).fitted.predict(rows)
    if task is Task.MULTICLASS:
        np.testing.assert_array_equal(served, np.stack(expected["scores"].to_list()))
    elif task is Task.BINARY:
        np.testing.assert_array_equal(served[:, 1], expected["score"])
    else:
        np.testing.assert_array_equal(served, expected["prediction"])


def test_the_model_file_in_mlflow_is_that_of_the_bundle(
    tracker: MlflowTracker, tmp_path: Path
) -> None:
    from mlflow.artifacts import download_artifacts

    version = log(tracker, tmp_path / "b", "2024-09")
    path = Path(
        download_artifacts(version.model_uri, tracking_uri=tracker.uri, dst_path=str(tmp_path))
    )
    assert (path / "model.skops").read_bytes() == (tmp_path / "b" / "model.skops").read_bytes()
    requirements = (path / "requirements.txt").read_text()
    assert "scikit-learn==" in requirements
    assert "skops==" in requirements


def test_an_alias_is_set_moved_and_taken_away(tracker: MlflowTracker, tmp_path: Path) -> None:
    first = log(tracker, tmp_path / "a", "2024-10")
    second = log(tracker, tmp_path / "b", "2024-11")

    tracker.set_alias(MODEL, first.version)
    assert tracker.alias_version(MODEL) == first.version
    tracker.set_alias(MODEL, second.version)
    assert tracker.alias_version(MODEL) == second.version
    tracker.set_alias(MODEL, None)
    assert tracker.alias_version(MODEL) is None
    tracker.set_alias(MODEL, None)
    assert tracker.alias_version("shop.unknown") is None


def test_an_unknown_version_is_refused_for_good(tracker: MlflowTracker, tmp_path: Path) -> None:
    with pytest.raises(TrackingRefused, match=r"refused the request.*not found") as refused:
        tracker.download_bundle(MODEL, "999", tmp_path)
    assert not is_transient(refused.value)


def test_looking_creates_nothing(tmp_path: Path) -> None:
    tracker = open_tracker(ENVIRONMENT, tmp_path / "state")
    assert tracker.find_version(MODEL, "0" * 64) is None
    assert tracker.alias_version(MODEL) is None
    assert list(tmp_path.iterdir()) == []


def test_opening_a_tracker_imports_no_mlflow() -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from mlops_dagster.registry.tracking import MlflowTracker\n"
        "MlflowTracker('sqlite:///x.db').alias_version('m')\n"
        "assert not {'mlflow', 'sklearn', 'skops', 'pyspark'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_server_that_is_away_is_told_soon_and_as_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("TRACKING", f"http://user:hush@127.0.0.1:{port}")
    environment = ENVIRONMENT.model_copy(
        update={"tracking": TrackingServer(address_variable="TRACKING")}
    )
    tracker = open_tracker(environment, tmp_path)
    with pytest.raises(TrackingUnavailable, match=f"127.0.0.1:{port}: MLflow did not answer") as e:
        tracker.find_version(MODEL, "0" * 64)
    assert is_transient(e.value)
    assert "hush" not in str(e.value)
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ


def test_a_missing_address_is_told_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKING", raising=False)
    environment = ENVIRONMENT.model_copy(
        update={"tracking": TrackingServer(address_variable="TRACKING")}
    )
    with pytest.raises(TrackingRefused, match="expected the variable TRACKING"):
        open_tracker(environment, tmp_path)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://u:p@host:5000/x", "http://host:5000/x"),
        ("http://host:5000", "http://host:5000"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("databricks", "databricks"),
    ],
)
def test_addresses_are_shown_without_secrets(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_rows_not_seen_in_training_are_scored_alike_after_registration(
    tracker: MlflowTracker, tmp_path: Path
) -> None:
    recipe = Recipe("hist_gradient_boosting", Task.BINARY)
    version = log(tracker, tmp_path / "b", "2024-12")
    digest = saved(tmp_path / "b", cutoff_window="2024-12").digest
    folder = tracker.download_bundle(MODEL, version.version, tmp_path / "downloads")
    loaded = load_bundle(folder, expected_digest=digest)
    rows = rows_of(recipe)
    assert loaded.predict(rows).equals(trained(recipe).fitted.predict(rows))

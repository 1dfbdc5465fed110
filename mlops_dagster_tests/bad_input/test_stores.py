"""Places of state and models that cannot be used: said with the place and what to do."""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from mlops_dagster.automation.instance import prepare_instance
from mlops_dagster.errors import MlopsDagsterError
from mlops_dagster.registry.tracking import open_tracker
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import Workspace
from mlops_dagster.state import fence
from mlops_dagster.state.store import open_environment_store
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.bad_input.store_faults import STORE_FAULTS, VARIABLE, StoreFault


@pytest.mark.parametrize("fault", STORE_FAULTS, ids=lambda fault: fault.name)
def test_a_store_that_cannot_be_used_is_told_with_place_and_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: StoreFault
) -> None:
    root = write_project(tmp_path / "project", {"churn": CHURN})
    if fault.address is not None:
        key = {"state": "state", "mlflow": "tracking"}[fault.store]
        with (root / "environments" / "dev.yaml").open("a") as file:
            file.write(f"{key}: {{address_variable: {VARIABLE}}}\n")
        monkeypatch.setenv(VARIABLE, fault.address())
    workspace = load_workspace(root, "dev")
    if fault.prepare is not None:
        fault.prepare(workspace.state_folder)
    before = sorted(root.rglob("*"))
    with pytest.raises(fault.error) as told:
        _USE[fault.store](workspace)
    assert isinstance(told.value, MlopsDagsterError)
    assert fault.says in str(told.value)
    assert "secret" not in str(told.value)
    assert told.value.where is not None
    assert told.value.next_step is not None
    assert sorted(root.rglob("*")) == before


def first_event(workspace: Workspace) -> None:
    """Write the first event of a run, as every stage does before it reads anything."""
    store = open_environment_store(workspace.environment, workspace.state_folder)
    as_of = datetime(2024, 1, 1, tzinfo=timezone.utc)
    table = TableRef("churn", "bronze", "customers")
    fence.claim(store, table, "static", token="t", as_of=as_of, run_id="r")


def first_look(workspace: Workspace) -> None:
    """Ask MLflow for a version."""
    tracker = open_tracker(workspace.environment, workspace.state_folder)
    tracker.find_version("churn.leaves", "0" * 64)


_USE: Mapping[str, Callable[[Workspace], object]] = {
    "state": first_event,
    "instance": prepare_instance,
    "mlflow": first_look,
}

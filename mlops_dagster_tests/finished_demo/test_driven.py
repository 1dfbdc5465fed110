"""Months driven through webserver, daemon and sensor end as those of `make demo` did.

Needs a finished `make demo` in this folder; about four minutes.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlops_dagster.automation.instance import prepare_instance, process_environment
from mlops_dagster.engine.files import EngineFiles
from mlops_dagster.engine.server import stop_server
from mlops_dagster.monitoring.events import history
from mlops_dagster.registry.ledger import read_ledger
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.state.store import EventStore, open_store
from mlops_dagster_tests.finished_demo.tables import REPOSITORY, STATE
from mlops_dagster_tests.finished_demo.webserver import webserver_and_daemon

MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04")
STREAM = "flight_delays.departure_delay"
CLOSE, TRAIN = "flight_delays_close", "flight_delays_departure_delay_train"


def project(root: Path) -> Path:
    for name in ("use_cases", "environments"):
        shutil.copytree(REPOSITORY / name, root / name)
    shutil.copy(REPOSITORY / "project.yaml", root / "project.yaml")
    (root / "landing").symlink_to(REPOSITORY / "landing")
    # The daemon would go on with the months after April by itself.
    environment = root / "environments" / "dev.yaml"
    text = environment.read_text("utf-8")
    environment.write_text(text + "automation: {schedules: false, sensors: true}\n", "utf-8")
    return root


def digests(store: EventStore) -> Mapping[str, str]:
    """Return the digest of each slice of the months; April's quality is still provisional."""
    found = {}
    for name, stored in store.last_of_kind("slice/", SlicePublished.kind).items():
        assert isinstance(stored.event, SlicePublished)
        window = next((part for part in name.split("/") if part.startswith("2013-")), None)
        provisional = "quality_metrics" in name and window == MONTHS[-1]
        if (window is None or window in MONTHS) and not provisional:
            found[name] = stored.event.digest
    return found


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_months_driven_by_daemon_and_sensor_equal_those_of_the_demo(tmp_path: Path) -> None:
    workspace = load_workspace(project(tmp_path / "project"), "dev")
    home = prepare_instance(workspace)
    try:
        with webserver_and_daemon(home, process_environment(workspace), tmp_path) as webserver:
            for month in MONTHS:
                webserver.launch(CLOSE, month)
                assert webserver.wait(CLOSE, month, seconds=400) == "SUCCESS"
                if month == MONTHS[2]:
                    # Nobody launches this: the sensor sees the recorded decision.
                    assert webserver.wait(TRAIN, month, seconds=400) == "SUCCESS"
    finally:
        stop_server(EngineFiles.of(workspace.state_folder), force=True)
    driven, demo = open_store(workspace.state_folder / "events.db"), open_store(STATE / "events.db")
    assert digests(driven) == digests(demo)
    ours, theirs = history(driven, STREAM), history(demo, STREAM)
    for month in MONTHS:
        assert ours.decisions[month] == theirs.decisions[month]
        assert ours.drift.get(month) == theirs.drift.get(month)
    (attempt,) = read_ledger(driven, STREAM).trainings
    (first,) = (a for a in read_ledger(demo, STREAM).trainings if a.cutoff_window == MONTHS[2])
    assert attempt.bundle_digest == first.bundle_digest
    assert attempt.state is first.state

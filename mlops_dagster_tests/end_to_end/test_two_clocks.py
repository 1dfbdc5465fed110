"""A replay knows no wall clock: years later it gives the same tables and decisions."""

from datetime import datetime, timedelta, tzinfo

import pytest

from mlops_dagster import clock
from mlops_dagster_tests.end_to_end.conftest import DAYS, Lived
from mlops_dagster_tests.end_to_end.energy import write_small_project
from mlops_dagster_tests.end_to_end.live_project import Snapshot, live_project

pytestmark = pytest.mark.long

LATER = timedelta(days=1234, hours=5)
REPLAYED = DAYS[:4]
MODEL = "energy_demand.daily_use"


class LaterDatetime(datetime):
    """Clocks go ahead by some years."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "LaterDatetime":
        """Return the instant that the clocks show."""
        there = datetime.now(tz) + LATER  # noqa: TID251 - this is the clock
        return cls.fromtimestamp(there.timestamp(), tz)


@pytest.fixture(scope="module")
def later(remote: None, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """One model of the same world, replayed for four days at another time."""
    root = write_small_project(tmp_path_factory.mktemp("later"), models=1).root
    with pytest.MonkeyPatch.context() as patch, live_project(root) as project:
        patch.setattr(clock, "datetime", LaterDatetime)
        project.replay(REPLAYED)
        (last,) = project.store.read(f"decision/{MODEL}")[-1:]
        assert last.at > datetime.now(last.at.tzinfo) + timedelta(days=1000)  # noqa: TID251
        return project.snapshot()


def test_a_replay_under_another_clock_gives_equal_tables(later: Snapshot, lived: Lived) -> None:
    assert any("predictions" in name for name in later.digests)
    assert any("quality_metrics" in name for name in later.digests)
    assert later.digests == {
        name: digest for name, digest in lived.after.digests.items() if name in later.digests
    }


def test_a_replay_under_another_clock_decides_alike(later: Snapshot, lived: Lived) -> None:
    assert later.decisions[MODEL] == lived.after.decisions[MODEL][: len(REPLAYED)]


def test_a_replay_under_another_clock_trains_the_same_model(later: Snapshot, lived: Lived) -> None:
    assert later.versions[MODEL] == lived.after.versions[MODEL]
    assert later.bundles[MODEL] == lived.after.bundles[MODEL]

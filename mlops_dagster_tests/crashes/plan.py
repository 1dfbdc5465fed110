"""Which runs of four days are killed, and where, before each is run to its end."""

from dataclasses import dataclass
from typing import Literal

from mlops_dagster.crash_points import CrashPoint

Job = Literal["open", "close", "sensor", "train"]
_READINGS, _FEATURES = "bronze.readings", "features.household_days"
_TRAINING_SET = "daily_use_training_set"
_PREDICTIONS, _DRIFT = "daily_use_predictions", "drift_metrics"
_QUARANTINE, _RESULTS = "monitoring.quarantine", "monitoring.quality_results"


@dataclass(frozen=True)
class Crash:
    """A run that is killed once its point is reached; the fewest are tried on every change.

    Attributes:
        day: The window's place, from 1.
        job: Which of its jobs.
        point: Where the process is killed.
        about: Part of the slice's or model's name.
        always: Tried on every change, not only by `make verify`.
    """

    day: int
    job: Job
    point: CrashPoint
    about: str = ""
    always: bool = False


PLAN = (
    Crash(1, "close", CrashPoint.SLICE_CLAIMED, _READINGS),
    Crash(1, "close", CrashPoint.BATCH_MEASURED, _READINGS),
    Crash(1, "close", CrashPoint.VERDICT_RECORDED, _READINGS),
    Crash(1, "close", CrashPoint.SLICE_COMMITTED, _READINGS, always=True),
    Crash(1, "close", CrashPoint.PUBLICATION_RECORDED, _READINGS),
    Crash(1, "close", CrashPoint.DECISION_RECORDED),
    Crash(2, "open", CrashPoint.SLICE_COMMITTED, _FEATURES),
    Crash(3, "close", CrashPoint.DECISION_RECORDED, always=True),
    Crash(3, "sensor", CrashPoint.TRAINING_REQUESTED, always=True),
    Crash(3, "sensor", CrashPoint.VERSION_LOGGED, always=True),
    Crash(3, "train", CrashPoint.SLICE_COMMITTED, _TRAINING_SET),
    Crash(3, "train", CrashPoint.BUNDLE_SAVED),
    Crash(3, "train", CrashPoint.TRAINING_RECORDED),
    Crash(3, "train", CrashPoint.JUDGEMENT_RECORDED),
    Crash(3, "train", CrashPoint.VERSION_LOGGED),
    Crash(3, "train", CrashPoint.VERSION_RECORDED),
    Crash(3, "train", CrashPoint.TESTS_RECORDED),
    Crash(3, "train", CrashPoint.PROMOTION_RECORDED, always=True),
    Crash(3, "train", CrashPoint.ALIAS_SET),
    Crash(4, "open", CrashPoint.SLICE_COMMITTED, _PREDICTIONS),
    Crash(4, "open", CrashPoint.PUBLICATION_RECORDED, _PREDICTIONS),
    # The first reading that a rule sends to quarantine comes on the fourth day.
    Crash(4, "close", CrashPoint.SLICE_COMMITTED, _QUARANTINE),
    Crash(4, "close", CrashPoint.QUARANTINE_PUBLISHED, _READINGS, always=True),
    Crash(4, "close", CrashPoint.SLICE_COMMITTED, _RESULTS),
    Crash(4, "close", CrashPoint.DRIFT_RECORDED),
    Crash(4, "close", CrashPoint.SLICE_COMMITTED, _DRIFT),
    Crash(4, "close", CrashPoint.QUALITY_RECORDED),
    Crash(4, "close", CrashPoint.DECISION_RECORDED),
)

# What has killed lives of its own: single rows (data/test_killed_releases.py) and what is told of
# deliveries (lifecycle/test_killed_deliveries.py).
ELSEWHERE = {CrashPoint.ROWS_DECIDED, CrashPoint.ROWS_SETTLED, CrashPoint.DELIVERY_RECORDED}

# One life with all of them takes an hour on a busy machine, and what fails last hides the rest.
LIVES = {
    "data and forecasts of days 1 and 2": tuple(crash for crash in PLAN if crash.day < 3),
    "decision and sensor of day 3": tuple(
        crash for crash in PLAN if crash.day == 3 and crash.job != "train"
    ),
    "training of day 3": tuple(crash for crash in PLAN if crash.job == "train"),
    "forecasts, quarantine and monitoring of day 4": tuple(
        crash for crash in PLAN if crash.day == 4
    ),
}

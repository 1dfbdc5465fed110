"""Named places at which a test may end the process, as kill -9 or a lost machine would.

Active only where the environment asks for it: `MLOPS_DAGSTER_CRASH_AT` names the point, optionally
with what it is about (`slice committed@silver.readings`), and `MLOPS_DAGSTER_CRASH_HIT` the file
that a hit is written to, so that a test can prove it. Elsewhere a point is one look into a mapping.
"""

import os
import signal
from enum import Enum
from pathlib import Path

AT_VARIABLE = "MLOPS_DAGSTER_CRASH_AT"
HIT_VARIABLE = "MLOPS_DAGSTER_CRASH_HIT"


class CrashPoint(str, Enum):
    """What has just been done when the process ends."""

    SLICE_CLAIMED = "slice claimed"
    BATCH_MEASURED = "batch measured"
    VERDICT_RECORDED = "verdict recorded"
    ROWS_DECIDED = "rows decided"
    QUARANTINE_PUBLISHED = "quarantine published"
    ROWS_SETTLED = "rows settled"
    SLICE_COMMITTED = "slice committed"
    PUBLICATION_RECORDED = "publication recorded"
    DELIVERY_RECORDED = "delivery recorded"
    BUNDLE_SAVED = "bundle saved"
    TRAINING_RECORDED = "training recorded"
    JUDGEMENT_RECORDED = "judgement recorded"
    VERSION_LOGGED = "version logged"
    VERSION_RECORDED = "version recorded"
    TESTS_RECORDED = "staging tests recorded"
    PROMOTION_RECORDED = "promotion recorded"
    ALIAS_SET = "alias set"
    DRIFT_RECORDED = "drift recorded"
    QUALITY_RECORDED = "quality recorded"
    DECISION_RECORDED = "decision recorded"
    TRAINING_REQUESTED = "training requested"


def crash_point(point: CrashPoint, about: object = "") -> None:
    """End this process by SIGKILL if a test asked for it at this point.

    Args:
        point: What has just been done.
        about: What it was done to: a slice, a model.
    """
    asked = os.environ.get(AT_VARIABLE)
    if not asked:
        return
    name, _, part = asked.partition("@")
    if name != point.value or part not in str(about):
        return
    with Path(os.environ[HIT_VARIABLE]).open("a", encoding="utf-8") as file:
        file.write(f"{point.value} {about}\n")
        file.flush()
        os.fsync(file.fileno())
    os.kill(os.getpid(), signal.SIGKILL)

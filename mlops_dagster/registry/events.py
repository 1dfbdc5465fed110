"""Events in the life of a model's versions. The stream of a model is `model/<use_case>.<model>`."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from mlops_dagster.state.event import Event

MODEL_PREFIX = "model/"


def model_stream(model: str) -> str:
    """Return the stream of a model named `<use_case>.<model>`."""
    return f"{MODEL_PREFIX}{model}"


class VersionEvent(Event):
    """An event about one attempt: the bundle that a training at a cutoff window made.

    Attributes:
        cutoff_window: The window at whose close the model was trained; `static` without windows.
        bundle_digest: Digest of the bundle. A re-run that gives the same bundle is the same
            attempt.
    """

    cutoff_window: str
    bundle_digest: str


class Trained(VersionEvent):
    """A training gave a bundle.

    `experimental` names what its run overrode of gates or data; such a version is never promoted.
    """

    kind: ClassVar[str] = "model_trained"

    code_version: str
    training_digest: str
    rows: int
    seed: int = 0
    reason: str = ""
    experimental: tuple[str, ...] = ()


class Evaluated(VersionEvent):
    """The gates judged the bundle; `report_digest` is that of the whole gate report."""

    kind: ClassVar[str] = "model_evaluated"

    outcome: Literal["pass", "fail", "inconclusive", "error"]
    explanation: str
    report_digest: str
    metrics: Mapping[str, float | None] = {}


class Registered(VersionEvent):
    """The registry holds the bundle as a version of the model."""

    kind: ClassVar[str] = "model_registered"

    version: str
    tracking_run_id: str
    model_uri: str


class Rejected(VersionEvent):
    """The bundle will not be registered."""

    kind: ClassVar[str] = "model_rejected"

    reason: str


class StagingTested(VersionEvent):
    """A registered version was tested in a clean process."""

    kind: ClassVar[str] = "model_staging_tested"

    version: str
    passed: bool
    details: Mapping[str, str] = {}


class Promoted(VersionEvent):
    """The version is champion for the windows after its cutoff."""

    kind: ClassVar[str] = "model_promoted"

    version: str
    reason: str = ""


class Retired(VersionEvent):
    """The version is withdrawn: the champion before it scores again."""

    kind: ClassVar[str] = "model_retired"

    version: str
    reason: str

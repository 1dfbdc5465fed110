"""Promotion: what a training registered is tested in a clean process and then put in charge."""

from dataclasses import dataclass

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.champion import current_champion
from mlops_dagster.registry.events import Promoted, StagingTested
from mlops_dagster.registry.ledger import Attempt, VersionState, read_ledger, record
from mlops_dagster.registry.staging import StagingResult, run_staging_tests
from mlops_dagster.spec.workspace import ResolvedModel


@dataclass(frozen=True)
class Promotion:
    """Whether the newest attempt of a window is in charge now, and why or why not."""

    promoted: bool
    reason: str
    bundle_digest: str
    version: str | None = None
    staging: StagingResult | None = None
    experimental: bool = False


def promote_candidate(
    place: Place, model: ResolvedModel, *, experimental: bool = False
) -> Promotion:
    """Test and promote the newest attempt of the place's window; one that is in charge stays so.

    What an experimental run trained is never promoted, and such a run promotes nothing else.

    The ledger decides by compare-and-swap. The alias in MLflow follows it and is set again on every
    call, so a crash in between is repaired by the next one.

    Raises:
        TransitionRefused: Something else happened to the version meanwhile.
        TrackingUnavailable: MLflow did not answer.
    """
    ledger = read_ledger(place.store, model.stream)
    attempt, tried = ledger.latest(place.window), ledger.latest_experiment(place.window)
    if tried is not None and (experimental or attempt is None):
        return _experiment(tried)
    if attempt is None:
        return Promotion(False, "nothing was trained for this window", "")
    if attempt.registered is None:
        return Promotion(False, _refusal(attempt), attempt.bundle_digest)
    version = attempt.registered.version
    staging = None
    if attempt.state is not VersionState.CHAMPION:
        staging = _test(place, model, attempt, version)
        if not staging.passed:
            reason = f"version {version} failed its staging tests: {staging.problem}"
            return Promotion(False, reason, attempt.bundle_digest, version, staging)
        promoted = Promoted(
            cutoff_window=attempt.cutoff_window,
            bundle_digest=attempt.bundle_digest,
            version=version,
            reason=attempt.evaluated.explanation if attempt.evaluated is not None else "",
        )
        record(place.store, model.stream, promoted, as_of=place.as_of, run_id=place.run_id)
        crash_point(CrashPoint.PROMOTION_RECORDED, model.stream)
    _show(place, model)
    crash_point(CrashPoint.ALIAS_SET, model.stream)
    reason = f"version {version} scores the windows after {place.window}"
    return Promotion(True, reason, attempt.bundle_digest, version, staging)


def _experiment(attempt: Attempt) -> Promotion:
    return Promotion(
        False,
        f"an experiment ({', '.join(attempt.experimental)}) is never promoted",
        attempt.bundle_digest,
        attempt.version,
        experimental=True,
    )


def _test(place: Place, model: ResolvedModel, attempt: Attempt, version: str) -> StagingResult:
    folder = place.tracker.download_bundle(
        model.stream, version, place.downloads / attempt.bundle_digest
    )
    result = run_staging_tests(folder, attempt.bundle_digest)
    tested = StagingTested(
        cutoff_window=attempt.cutoff_window,
        bundle_digest=attempt.bundle_digest,
        version=version,
        passed=result.passed,
        details=result.details,
    )
    record(place.store, model.stream, tested, as_of=place.as_of, run_id=place.run_id)
    crash_point(CrashPoint.TESTS_RECORDED, model.stream)
    return result


def _show(place: Place, model: ResolvedModel) -> None:
    """Let the alias show the champion of the windows to come."""
    champion = current_champion(read_ledger(place.store, model.stream), place.calendar(model))
    place.tracker.set_alias(model.stream, None if champion is None else champion.version)


def _refusal(attempt: Attempt) -> str:
    if attempt.rejected is not None:
        return f"the champion stays: {attempt.rejected.reason}"
    return f"the attempt is {attempt.state.value}: nothing to promote"

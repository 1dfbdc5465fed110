"""What a training leaves behind: the events of its attempt and, if its gates pass, a version."""

import hashlib
from dataclasses import dataclass
from functools import partial

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.lifecycle.kept import KeptTraining
from mlops_dagster.lifecycle.overrides import Overrides
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.registry.events import Evaluated, Registered, Rejected, Trained
from mlops_dagster.registry.ledger import record
from mlops_dagster.registry.mlflow_facts import RunFacts
from mlops_dagster.registry.tracking import RegisteredVersion
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster.training.gate_report import GateReport


@dataclass(frozen=True)
class Logged:
    """Where MLflow has a training: its run, and the version if its gates let it through."""

    run_id: str
    version: RegisteredVersion | None


def record_attempt(
    place: Place,
    model: ResolvedModel,
    *,
    training: KeptTraining,
    training_set: SlicePublished,
    gates: GateReport,
    reason: str,
    overrides: Overrides,
) -> Logged:
    """Record a training and what its gates say; register the bundle if they let it through.

    A run that ignores the gates registers it whatever they say: as an experiment.

    Each step is written before the next one begins and says nothing twice, so a training that was
    interrupted goes on where it stopped.

    Returns:
        Its run in MLflow and its version in the registry, if the gates did not keep it out.

    Raises:
        TrackingUnavailable: MLflow did not answer; training and judgement are recorded by then.
        TransitionRefused: The attempt was withdrawn meanwhile.
    """
    tell = partial(record, place.store, model.stream, as_of=place.as_of, run_id=place.run_id)
    bundle, measured = training.bundle, training.measured
    cutoff, digest = place.window, bundle.digest
    tell(
        Trained(
            cutoff_window=cutoff,
            bundle_digest=digest,
            code_version=model.code_version,
            training_digest=training_set.digest,
            rows=measured.fit_rows,
            seed=measured.seed,
            reason=reason,
            experimental=overrides.words,
        )
    )
    crash_point(CrashPoint.TRAINING_RECORDED, model.stream)
    tell(
        Evaluated(
            cutoff_window=cutoff,
            bundle_digest=digest,
            outcome=gates.outcome.value,
            explanation=gates.explanation,
            report_digest=hashlib.sha256(gates.model_dump_json().encode()).hexdigest(),
            metrics=measured.evaluation.values,
        )
    )
    crash_point(CrashPoint.JUDGEMENT_RECORDED, model.stream)
    facts = RunFacts(
        params=model.spec.train.estimator.model_dump(mode="json"),
        metrics=measured.evaluation.values,
        tags={
            "mlops_dagster.code_version": model.code_version,
            "mlops_dagster.dagster_run": place.run_id,
            "mlops_dagster.gates": gates.outcome.value,
            "mlops_dagster.reason": reason,
            "mlops_dagster.training_digest": training_set.digest,
            **overrides.tags,
        },
        inputs=training_set.inputs,
    )
    if not gates.promotable and not overrides.ignore_gates:
        run_id = place.tracker.log_rejected(bundle, facts)
        tell(Rejected(cutoff_window=cutoff, bundle_digest=digest, reason=gates.explanation))
        return Logged(run_id, version=None)
    version = place.tracker.log_training(bundle, facts)
    crash_point(CrashPoint.VERSION_LOGGED, model.stream)
    tell(
        Registered(
            cutoff_window=cutoff,
            bundle_digest=digest,
            version=version.version,
            tracking_run_id=version.run_id,
            model_uri=version.model_uri,
        )
    )
    crash_point(CrashPoint.VERSION_RECORDED, model.stream)
    return Logged(version.run_id, version)

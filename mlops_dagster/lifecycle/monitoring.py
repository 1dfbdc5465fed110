"""Monitoring a closed window: profile, drift and quality of the model in charge, recorded."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import SparkSession

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.errors import SourceError
from mlops_dagster.features.labelled import MODEL_VERSION, PREDICTIONS
from mlops_dagster.lifecycle.advice import advise_on_window
from mlops_dagster.lifecycle.fitting import BASELINE_FILE, IMPORTANCES_FILE
from mlops_dagster.lifecycle.metric_slices import publish_metrics
from mlops_dagster.lifecycle.place import Place, read_slice
from mlops_dagster.lifecycle.quality import window_quality
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.counts import Profile
from mlops_dagster.monitoring.detectors import DetectorReport
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.events import record_drift, record_quality
from mlops_dagster.monitoring.metric_tables import DRIFT_METRICS, PROFILE_METRICS, QUALITY_METRICS
from mlops_dagster.monitoring.profile import window_profile
from mlops_dagster.monitoring.quality_report import QualityReport
from mlops_dagster.monitoring.report import DriftReport
from mlops_dagster.monitoring.rows import drift_rows, profile_rows, quality_rows
from mlops_dagster.registry.champion import ChampionVersion, champion_for
from mlops_dagster.registry.ledger import ModelLedger, read_ledger
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import published_slices
from mlops_dagster.tables.slices import Part, Slice
from mlops_dagster.windows import WindowCalendar


@dataclass(frozen=True)
class WindowCompared:
    """A window's profile and its difference from the hold-out of the model in charge, `baseline`.

    `advice` is what alibi-detect says beside it, where the environment asks for it.
    """

    baseline: Baseline
    profile: Profile
    drift: DriftReport
    advice: DetectorReport | None = None


@dataclass(frozen=True)
class WindowMonitored:
    """What monitoring a window gave; nothing was compared in a window without predictions."""

    champion: ChampionVersion
    compared: WindowCompared | None = None
    quality: tuple[QualityReport, ...] = ()


def has_champion(place: Place, model: ResolvedModel, calendar: WindowCalendar) -> bool:
    """Tell whether a model is in charge of the place's window; asks the event store only."""
    ledger = read_ledger(place.store, model.stream)
    return champion_for(ledger, calendar, place.window) is not None


def monitor_window(
    session: SparkSession, place: Place, model: ResolvedModel, calendar: WindowCalendar
) -> WindowMonitored:
    """Compare a window's predictions with the champion's hold-out and measure what has matured.

    Quality is issued for every window of which rows matured since the previous close, this one
    included; until all its labels are decided a window's quality is provisional, and it is issued
    again.

    Raises:
        SourceError: No champion is in charge of the window.
        ModelRefused: The champion's files are not those that were registered.
    """
    ledger = read_ledger(place.store, model.stream)
    champion = champion_for(ledger, calendar, place.window)
    if champion is None:
        raise SourceError(
            "no model is in charge of this window",
            where=f"{model.stream} {place.window}",
            next_step="Train and promote a model on earlier windows first.",
        )
    granularity = calendar.grain.value
    return WindowMonitored(
        champion,
        _compare(session, place, model, champion, granularity=granularity),
        _measure(session, place, model, calendar, ledger),
    )


def _compare(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    champion: ChampionVersion,
    *,
    granularity: str,
) -> WindowCompared | None:
    """Profile the window's predictions, compare and record them; None when there are none."""
    target = Slice(
        model.derived("serving", PREDICTIONS), place.window, Part(MODEL_VERSION, champion.version)
    )
    found = published_slices(place.store, target.ref).get((place.window, champion.version))
    if found is None:
        return None
    predictions = read_slice(session, place, target, found)
    loaded = place.load(champion)
    baseline = Baseline.model_validate_json(loaded.files[BASELINE_FILE])
    with ThreadPoolExecutor(max_workers=1) as aside:
        # Its sample and its tests need this process for seconds, the rest needs the server.
        advised = aside.submit(
            advise_on_window,
            session,
            place,
            model,
            champion=champion,
            baseline=baseline,
            predictions=predictions,
        )
        most = place.workspace.environment.scoring.client_rows
        profile = window_profile(
            predictions, baseline, limit_rows_here=most if found.rows <= most else 0
        )
        drift = drift_report(
            baseline,
            profile,
            window=place.window,
            model_version=champion.version,
            importances=json.loads(loaded.files[IMPORTANCES_FILE]),
        )
        record_drift(place.store, model.stream, drift, as_of=place.as_of, run_id=place.run_id)
        crash_point(CrashPoint.DRIFT_RECORDED, model.stream)
        profiled = profile_rows(
            profile,
            window=place.window,
            granularity=granularity,
            model=model.name,
            model_version=champion.version,
        )
        publish_metrics(session, place, model, PROFILE_METRICS, profiled, window=place.window)
        drifted = drift_rows(
            drift, baseline=baseline, profile=profile, granularity=granularity, model=model.name
        )
        publish_metrics(session, place, model, DRIFT_METRICS, drifted, window=place.window)
    return WindowCompared(baseline, profile, drift, advised.result())


def _measure(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    calendar: WindowCalendar,
    ledger: ModelLedger,
) -> tuple[QualityReport, ...]:
    """Measure, record and publish the quality of the windows that are due."""
    reports = tuple(window_quality(session, place, model, calendar, ledger))
    for report in reports:
        record_quality(place.store, model.stream, report, as_of=place.as_of, run_id=place.run_id)
        crash_point(CrashPoint.QUALITY_RECORDED, model.stream)
        rows = quality_rows(report, granularity=calendar.grain.value, model=model.name)
        publish_metrics(session, place, model, QUALITY_METRICS, rows, window=report.window)
    return reports

"""Monitoring a closed window: profile, drift and quality of the model in charge, recorded and published."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import frame_from_pandas, rows_to_client
from mlops_dagster.errors import SourceError
from mlops_dagster.features.columns import DAY, EVENT_TIME, LABEL, LABEL_STATE
from mlops_dagster.tables.instants import local_date
from mlops_dagster.features.labelled import MODEL_VERSION, labelled_predictions
from mlops_dagster.features.maturity import windows_to_evaluate
from mlops_dagster.lifecycle.place import Place, read_slice
from mlops_dagster.lifecycle.training import BASELINE_FILE, IMPORTANCES_FILE
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.counts import Profile
from mlops_dagster.monitoring.drift import drift_report
from mlops_dagster.monitoring.events import record_drift, record_quality
from mlops_dagster.monitoring.metric_tables import (
    DRIFT_METRICS,
    PROFILE_METRICS,
    QUALITY_METRICS,
    MetricTable,
)
from mlops_dagster.monitoring.profile import window_profile
from mlops_dagster.monitoring.quality import quality_report
from mlops_dagster.monitoring.quality_report import QualityReport
from mlops_dagster.monitoring.report import DriftReport
from mlops_dagster.monitoring.rows import drift_rows, profile_rows, quality_rows
from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.champion import ChampionVersion, champion_for
from mlops_dagster.registry.ledger import ModelLedger, read_ledger
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import SlicePublished, published_slices
from mlops_dagster.tables.publish import publish_frame
from mlops_dagster.tables.slices import Part, Slice
from mlops_dagster.training.train import load_metric_hooks
from mlops_dagster.windows import WindowCalendar

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "predictions"


@dataclass(frozen=True)
class WindowMonitored:
    """What monitoring a window gave; profile and drift are None for a window without predictions."""

    champion: ChampionVersion
    profile: Profile | None = None
    drift: DriftReport | None = None
    quality: tuple[QualityReport, ...] = ()
    published: Mapping[str, SlicePublished] | None = None


def has_champion(place: Place, model: ResolvedModel, calendar: WindowCalendar) -> bool:
    """Tell whether a model is in charge of the place's window; asks the event store only."""
    ledger = read_ledger(place.store, model.stream)
    return champion_for(ledger, calendar, place.window) is not None


def monitor_window(
    session: SparkSession, place: Place, model: ResolvedModel, calendar: WindowCalendar
) -> WindowMonitored:
    """Profile a window's predictions, compare them with the champion's hold-out, measure what has matured.

    Quality is issued for every window of which rows matured since the previous close, this one included; until all
    its labels are decided a window's quality is provisional, and it is issued again.

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
    loaded = place.load(champion)
    baseline = Baseline.model_validate_json(loaded.files[BASELINE_FILE])
    frame = _predictions(session, place, model, champion.version)
    granularity = calendar.grain.value
    found: dict[str, SlicePublished] = {}
    profile = drift = None
    if frame is not None:
        profile = window_profile(frame, baseline)
        drift = drift_report(
            baseline,
            profile,
            window=place.window,
            model_version=champion.version,
            importances=json.loads(loaded.files[IMPORTANCES_FILE]),
        )
        record_drift(place.store, model.stream, drift, as_of=place.as_of, run_id=place.run_id)
        rows = profile_rows(
            profile,
            window=place.window,
            granularity=granularity,
            model=model.name,
            model_version=champion.version,
        )
        found["profile"] = _publish(session, place, model, PROFILE_METRICS, rows)
        rows = drift_rows(
            drift, baseline=baseline, profile=profile, granularity=granularity, model=model.name
        )
        found["drift"] = _publish(session, place, model, DRIFT_METRICS, rows)
    reports = tuple(_quality(session, place, model, calendar, ledger))
    for report in reports:
        record_quality(place.store, model.stream, report, as_of=place.as_of, run_id=place.run_id)
        rows = quality_rows(report, granularity=granularity, model=model.name)
        found["quality"] = _publish(
            session, place, model, QUALITY_METRICS, rows, window=report.window
        )
    return WindowMonitored(champion, profile, drift, reports, found)


def _predictions(
    session: SparkSession, place: Place, model: ResolvedModel, version: str
) -> DataFrame | None:
    """Return what the champion predicted for the window, or None when nothing is published."""
    ref = model.derived("serving", PREDICTIONS)
    target = Slice(ref, place.window, Part(MODEL_VERSION, version))
    found = published_slices(place.store, ref).get((place.window, version))
    return None if found is None else read_slice(session, place, target, found)


def _quality(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    calendar: WindowCalendar,
    ledger: ModelLedger,
) -> Iterator[QualityReport]:
    """Yield the quality of each window that is due, of the version that was in charge of it."""
    ref = model.derived("serving", PREDICTIONS)
    scored = published_slices(place.store, ref)
    due = []
    for window in windows_to_evaluate(calendar, place.window, within=model.spec.label.within):
        champion = champion_for(ledger, calendar, window)
        if champion is not None and (window, champion.version) in scored:
            due.append((window, champion))
    if not due:
        return
    labelled = labelled_predictions(
        session,
        workspace=place.workspace,
        model=model,
        windows=[window for window, _ in due],
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
    )
    hooks = load_metric_hooks(model)
    for window, champion in due:
        loaded = place.load(champion)
        rows = labelled.frame.where(
            (F.col("window") == window) & (F.col(MODEL_VERSION) == champion.version)
        )
        yield quality_report(
            _measured_rows(rows, model, loaded, calendar),
            window=window,
            model_version=champion.version,
            task=model.spec.task,
            expected=Baseline.model_validate_json(loaded.files[BASELINE_FILE]).expected_metrics,
            classes=loaded.info.classes,
            slices=model.spec.monitor.slices,
            hooks=hooks,
        )


def _measured_rows(
    rows: DataFrame, model: ResolvedModel, loaded: LoadedModel, calendar: WindowCalendar
) -> "pd.DataFrame":
    """Fetch what metrics need of labelled predictions: label, prediction, day and slices."""
    predicted = {
        Task.BINARY: "score",
        Task.MULTICLASS: "scores",
        Task.REGRESSION: "prediction",
    }[model.spec.task]
    names = dict.fromkeys((LABEL, LABEL_STATE, predicted, *model.spec.monitor.slices))
    day = local_date(F.col(EVENT_TIME), calendar.time_zone).cast("string").alias(DAY)
    return rows_to_client(rows.select(*names, day), what=f"labelled predictions of {model.stream}")


def _publish(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    table: MetricTable,
    rows: "pd.DataFrame",
    *,
    window: str | None = None,
) -> SlicePublished:
    """Replace a model's part of a window in a metric table of its use case."""
    key = place.window if window is None else window
    frame = frame_from_pandas(session, rows, schema=table.ddl)
    return publish_frame(
        session,
        frame=frame.drop("window", "model"),
        target=Slice(
            TableRef(model.use_case, "monitoring", table.name), key, Part("model", model.name)
        ),
        as_of=place.as_of,
        store=place.store,
        locations=place.locations,
        run_id=place.run_id,
        code_version=model.code_version,
    ).published

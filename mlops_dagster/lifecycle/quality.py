"""Model quality of the windows of which labels matured since the previous close."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.features.columns import DAY, EVENT_TIME, LABEL, LABEL_STATE
from mlops_dagster.features.labelled import MODEL_VERSION, PREDICTIONS, labelled_predictions
from mlops_dagster.features.maturity import windows_to_evaluate
from mlops_dagster.lifecycle.fitting import BASELINE_FILE
from mlops_dagster.lifecycle.place import Place
from mlops_dagster.monitoring.baseline import Baseline
from mlops_dagster.monitoring.quality import quality_report
from mlops_dagster.monitoring.quality_report import QualityReport
from mlops_dagster.registry.champion import ChampionVersion, champion_for
from mlops_dagster.registry.ledger import ModelLedger
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.workspace import ResolvedModel
from mlops_dagster.state.fence import published_slices
from mlops_dagster.tables.instants import local_date
from mlops_dagster.training.train import load_metric_hooks
from mlops_dagster.windows import WindowCalendar

if TYPE_CHECKING:
    import pandas as pd

# What a metric needs of a prediction.
_PREDICTED = {Task.BINARY: "score", Task.MULTICLASS: "scores", Task.REGRESSION: "prediction"}


def window_quality(
    session: SparkSession,
    place: Place,
    model: ResolvedModel,
    calendar: WindowCalendar,
    ledger: ModelLedger,
) -> Iterator[QualityReport]:
    """Yield the quality of each window that is due, of the version that was in charge of it.

    Raises:
        ModelRefused: A champion's files are not those that were registered.
        TransferTooLarge: A window has more labelled predictions than may cross to this process.
    """
    due = _due(place, model, calendar, ledger)
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
            _measured_rows(rows, model, calendar),
            window=window,
            model_version=champion.version,
            task=model.spec.task,
            expected=Baseline.model_validate_json(loaded.files[BASELINE_FILE]).expected_metrics,
            classes=loaded.info.classes,
            slices=model.spec.monitor.slices,
            hooks=hooks,
        )


def _due(
    place: Place, model: ResolvedModel, calendar: WindowCalendar, ledger: ModelLedger
) -> list[tuple[str, ChampionVersion]]:
    """Return the windows to measure that were scored by the champion in charge of them."""
    scored = published_slices(place.store, model.derived("serving", PREDICTIONS))
    due = []
    for window in windows_to_evaluate(calendar, place.window, within=model.spec.label.within):
        champion = champion_for(ledger, calendar, window)
        if champion is not None and (window, champion.version) in scored:
            due.append((window, champion))
    return due


def _measured_rows(
    rows: DataFrame, model: ResolvedModel, calendar: WindowCalendar
) -> "pd.DataFrame":
    """Fetch what metrics need of labelled predictions: label, prediction, day and slices."""
    predicted = _PREDICTED[model.spec.task]
    names = dict.fromkeys((LABEL, LABEL_STATE, predicted, *model.spec.monitor.slices))
    day = local_date(F.col(EVENT_TIME), calendar.time_zone).cast("string").alias(DAY)
    return rows_to_client(rows.select(*names, day), what=f"labelled predictions of {model.stream}")

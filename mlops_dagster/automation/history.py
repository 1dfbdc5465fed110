"""What happened to a model window by window, from the event store and the instance's runs."""

from collections.abc import Mapping

import dagster as dg
from pydantic import BaseModel, ConfigDict

from mlops_dagster.assets.tags import PARTITION_TAG
from mlops_dagster.automation.figures import Figure
from mlops_dagster.data.batches import BatchCounts, window_batches
from mlops_dagster.monitoring.events import history
from mlops_dagster.monitoring.summaries import QualitySummary
from mlops_dagster.registry.champion import champion_for
from mlops_dagster.registry.ledger import ModelLedger, read_ledger
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase
from mlops_dagster.state.fence import published_windows
from mlops_dagster.state.store import EventStore
from mlops_dagster.windows import WindowCalendar


class WindowHistory(BaseModel):
    """One window of a model: its data, the champion in charge, its reports and its decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: str
    rows: int
    quarantined: int
    champion_version: str | None
    drifted_columns: tuple[str, ...]
    data_faults: int
    figures: tuple[Figure, ...]
    decision: str | None
    reason: str | None
    trained: str | None
    run_ids: tuple[str, ...]
    table_versions: Mapping[str, int]

    def figure(self, name: str) -> Figure | None:
        """Return a metric by name, or None when it was not measured."""
        return next((figure for figure in self.figures if figure.name == name), None)


def window_history(
    *,
    instance: dg.DagsterInstance,
    store: EventStore,
    use_case: ResolvedUseCase,
    model: ResolvedModel,
    calendar: WindowCalendar,
    window: str,
) -> WindowHistory:
    """Return what is known of a window of a model. Starts nothing and reads no table.

    Args:
        instance: Where the window's runs are.
        store: The event store.
        use_case: Whose window it is.
        model: The model.
        calendar: The use case's windows.
        window: The window's key.
    """
    told = history(store, model.stream)
    ledger = read_ledger(store, model.stream)
    champion = champion_for(ledger, calendar, window)
    drift, decision = told.drift.get(window), told.decisions.get(window)
    windowed = [table.ref for table in use_case.tables.values() if table.windowed]
    batches = window_batches(store, [(ref, window) for ref in windowed])
    return WindowHistory(
        window=window,
        rows=_rows(batches, model),
        quarantined=sum(batch.quarantined for batch in batches),
        champion_version=None if champion is None else champion.version,
        drifted_columns=() if drift is None else drift.columns,
        data_faults=0 if drift is None else len(drift.faults),
        figures=_figures(told.quality.get(window)),
        decision=None if decision is None else decision.kind.value,
        reason=None if decision is None else decision.reason,
        trained=_training(ledger, window),
        run_ids=_runs(instance, use_case, window),
        table_versions={
            str(ref): found[window].delta_version
            for ref in windowed
            if window in (found := published_windows(store, ref))
        },
    )


def _runs(instance: dg.DagsterInstance, use_case: ResolvedUseCase, window: str) -> tuple[str, ...]:
    """Return the runs of the use case's jobs that made a window, oldest first."""
    made = dg.RunsFilter(tags={PARTITION_TAG: window}, statuses=[dg.DagsterRunStatus.SUCCESS])
    runs = instance.get_runs(made, ascending=True)
    ours = f"{use_case.name}_"
    return tuple(run.run_id for run in runs if run.job_name.startswith(ours))


def _rows(batches: tuple[BatchCounts, ...], model: ResolvedModel) -> int:
    return next((batch.valid for batch in batches if batch.ref == model.rows), 0)


def _training(ledger: ModelLedger, window: str) -> str | None:
    """Return what became of the training whose cutoff is this window."""
    attempt = ledger.latest(window)
    if attempt is None:
        return None
    if attempt.evaluated is not None and attempt.evaluated.outcome == "inconclusive":
        return "inconclusive against the champion, which stays"
    version = "" if attempt.version is None else f"version {attempt.version}: "
    return f"{version}{attempt.state.value}"


def _figures(quality: QualitySummary | None) -> tuple[Figure, ...]:
    """Return the primary metrics of a window as its newest quality report stated them."""
    return tuple(
        Figure(name=one.metric, value=one.value, low=one.low, high=one.high)
        for one in (() if quality is None else quality.figures)
        if one.value is not None
    )

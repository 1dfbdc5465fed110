"""The reports of a closed window: profile, drift, quality, decision, made by one step."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from mlops_dagster.assets.keys import asset_key, monitoring_key, predictions_ref
from mlops_dagster.assets.kinds import DELTA, PYTHON
from mlops_dagster.assets.monitoring_metadata import (
    advice_metadata,
    decision_metadata,
    drift_check,
    drift_metadata,
    fault_check,
    profile_metadata,
    quality_check,
    quality_metadata,
)
from mlops_dagster.assets.owners import model_owners
from mlops_dagster.assets.partitions import look_back, partitions_of
from mlops_dagster.assets.place import stage_place
from mlops_dagster.assets.stage import stage_errors, stage_run
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.spark import SparkResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedUseCase, Workspace
from mlops_dagster.windows import WindowCalendar

if TYPE_CHECKING:
    from mlops_dagster.lifecycle.monitoring import WindowMonitored
    from mlops_dagster.monitoring.events import MonitorHistory

# In the order in which they are made; the decision closes a window.
REPORTS = ("profile", "drift", "quality", "decision")

_DESCRIPTIONS = {
    "profile": "Counts of the window's rows on the cells of the model's hold-out; one scan.",
    "drift": (
        "The window against the hold-out of the model in charge: effect, significance, severity, "
        "data faults."
    ),
    "quality": (
        "Metrics of predictions whose labels have matured, against what the hold-out led to expect."
    ),
    "decision": "Train, retrain, hold or blocked, and why; a sensor launches what is asked for.",
}
_CHECKS = {
    "drift": {
        "no_data_fault": "No sign of broken data: nulls, unseen categories, constants, volume.",
        "no_drift_that_matters": "Nothing that the model uses or predicts drifted badly.",
    },
    "quality": {"quality_as_expected": "No primary metric is clearly worse than on the hold-out."},
}


def monitoring_assets(
    workspace: Workspace,
    use_case: ResolvedUseCase,
    model: ResolvedModel,
    calendar: WindowCalendar,
) -> dg.AssetsDefinition:
    """Return a model's reports as one multi-asset. Without a champion only the decision is made."""
    keys = {report: monitoring_key(model, report) for report in REPORTS}
    predictions = asset_key(predictions_ref(model))
    # A close also measures the earlier windows whose labels matured since the close before. One
    # step has one mapping to an upstream asset, so the profile has this one too.
    matured = look_back(first=-calendar.longest_steps(model.spec.label.within), last=0)
    labelled = [dg.AssetDep(predictions, partition_mapping=matured)]
    if workspace.table(model.label).windowed:
        labelled.append(dg.AssetDep(asset_key(model.label), partition_mapping=matured))

    def spec(report: str, deps: list[dg.AssetDep]) -> dg.AssetSpec:
        return dg.AssetSpec(
            keys[report],
            deps=deps,
            description=_DESCRIPTIONS[report],
            group_name=use_case.name,
            owners=model_owners(use_case, model),
            kinds={DELTA} if report != "decision" else {PYTHON},
            skippable=report != "decision",
        )

    @dg.multi_asset(
        name=f"{use_case.name}__monitoring__{model.name}",
        specs=[
            spec("profile", labelled[:1]),
            spec("drift", [dg.AssetDep(keys["profile"])]),
            spec("quality", labelled),
            spec("decision", [dg.AssetDep(keys["drift"]), dg.AssetDep(keys["quality"])]),
        ],
        check_specs=[
            dg.AssetCheckSpec(name, asset=keys[report], description=text)
            for report, checks in _CHECKS.items()
            for name, text in checks.items()
        ],
        partitions_def=partitions_of(calendar),
        # Also lets reports be left out: before the first champion there is nothing to compare with.
        can_subset=True,
    )
    def monitor(
        context: dg.AssetExecutionContext,
        mlops: WorkspaceResource,
        spark: SparkResource,
        mlflow: MlflowResource,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        for result in reports(context, mlops, spark, mlflow):
            if _is_selected(context, result):
                yield result

    def reports(
        context: dg.AssetExecutionContext,
        mlops: WorkspaceResource,
        spark: SparkResource,
        mlflow: MlflowResource,
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
        from mlops_dagster.lifecycle.alerts import alerts_of_window, tell_alerts
        from mlops_dagster.lifecycle.decision import decide_window
        from mlops_dagster.lifecycle.monitoring import has_champion, monitor_window
        from mlops_dagster.monitoring.events import history

        place = stage_place(stage_run(context, calendar), mlops, mlflow)
        with stage_errors():
            if has_champion(place, model, calendar):
                with spark.step(f"monitoring of {model.stream}") as session:
                    found = monitor_window(session, place, model, calendar)
                told = history(place.store, model.stream, as_of=place.as_of)
                yield from _window_results(keys, found, told)
            decision = decide_window(place, model, calendar)
        context.log.info(f"{decision.kind.value}: {decision.reason}")
        with stage_errors():
            alerts = alerts_of_window(place, use_case, model, decision)
            told = history(place.store, model.stream, as_of=place.as_of)
        alerted = tell_alerts(place, model, alerts, context.log)
        yield dg.MaterializeResult(
            asset_key=keys["decision"],
            metadata={
                **decision_metadata(decision, told),
                "alerts_told": alerted.delivered,
                "alerts_failed": alerted.failed,
            },
        )

    return monitor


def _window_results(
    keys: Mapping[str, dg.AssetKey], found: "WindowMonitored", history: "MonitorHistory"
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    if found.compared is not None:
        profile, drift = found.compared.profile, found.compared.drift
        yield dg.MaterializeResult(asset_key=keys["profile"], metadata=profile_metadata(profile))
        yield fault_check(keys["drift"], drift)
        yield drift_check(keys["drift"], drift)
        told = drift_metadata(found.compared)
        if found.compared.advice is not None:
            told |= advice_metadata(found.compared.advice)
        yield dg.MaterializeResult(asset_key=keys["drift"], metadata=told)
    if found.quality:
        yield quality_check(keys["quality"], found.quality)
        yield dg.MaterializeResult(
            asset_key=keys["quality"], metadata=quality_metadata(found.quality, history)
        )


def _is_selected(
    context: dg.AssetExecutionContext, result: dg.AssetCheckResult | dg.MaterializeResult[None]
) -> bool:
    """Tell whether the run asked for a result; one report rests on another, so all are made."""
    if isinstance(result, dg.AssetCheckResult):
        selected = context.selected_asset_check_keys
        return any(
            check.asset_key == result.asset_key and check.name == result.check_name
            for check in selected
        )
    return result.asset_key in context.selected_asset_keys

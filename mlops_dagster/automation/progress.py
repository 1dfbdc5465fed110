"""How far the windows of a use case have come, from what was materialized."""

from collections.abc import Iterable

import dagster as dg

from mlops_dagster.assets.keys import (
    asset_key,
    monitoring_key,
    predictions_ref,
    quality_results_ref,
)
from mlops_dagster.spec.workspace import ResolvedUseCase


def closing_keys(use_case: ResolvedUseCase) -> tuple[dg.AssetKey, ...]:
    """Return what closes a window: the decision about each model, and the results of its rules."""
    decisions = (monitoring_key(model, "decision") for model in use_case.models.values())
    return *decisions, asset_key(quality_results_ref(use_case.name))


def opening_keys(use_case: ResolvedUseCase) -> tuple[dg.AssetKey, ...]:
    """Return what opens a window: the forecasts of each model that makes them."""
    return tuple(
        asset_key(predictions_ref(model))
        for model in use_case.models.values()
        if model.spec.predict.at == "open"
    )


def done_windows(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> frozenset[str]:
    """Return the windows that every one of the assets has.

    An asset without any window is new and does not count: a model added later does not send its use
    case back to the first window.
    """
    found = [windows for key in keys if (windows := instance.get_materialized_partitions(key))]
    return frozenset(set.intersection(*found)) if found else frozenset()

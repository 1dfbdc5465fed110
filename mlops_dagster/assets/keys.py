"""How tables and models are named in Dagster."""

import dagster as dg

from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel


def asset_key(ref: TableRef) -> dg.AssetKey:
    """Return the asset key of a table: `[owner, layer, name]`."""
    return dg.AssetKey([ref.owner, ref.layer, ref.name])


def table_ref(key: dg.AssetKey) -> TableRef:
    """Return the table of an asset key.

    Raises:
        ValueError: The key does not have the three parts of a table's key.
    """
    return TableRef.parse(".".join(key.path))


def training_set_ref(model: ResolvedModel) -> TableRef:
    """Return the table that a model is trained on, one slice a cutoff window."""
    return model.derived("model", "training_set")


def model_key(model: ResolvedModel) -> dg.AssetKey:
    """Return the key of the trained, evaluated and registered model."""
    return dg.AssetKey([model.use_case, "model", model.name])


def champion_key(model: ResolvedModel) -> dg.AssetKey:
    """Return the key of the promotion that follows a training."""
    return dg.AssetKey([model.use_case, "model", f"{model.name}_champion"])


def predictions_ref(model: ResolvedModel) -> TableRef:
    """Return the table of a model's batch predictions."""
    return model.derived("serving", "predictions")


def monitoring_key(model: ResolvedModel, report: str) -> dg.AssetKey:
    """Return the key of one of a model's reports: profile, drift, quality, decision."""
    return dg.AssetKey([model.use_case, "monitoring", f"{model.name}_{report}"])


def quarantine_ref(use_case: str) -> TableRef:
    """Return the table that holds the rows a use case refused."""
    return TableRef(use_case, "monitoring", "quarantine")


def quality_results_ref(use_case: str) -> TableRef:
    """Return the table that holds what the rules of a use case said."""
    return TableRef(use_case, "monitoring", "quality_results")


def report_keys(use_case: str) -> tuple[dg.AssetKey, ...]:
    """Return the keys of the reports on a use case's tables."""
    return asset_key(quarantine_ref(use_case)), asset_key(quality_results_ref(use_case))

"""Registered models as values of assets: a user's own asset receives a checked model."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import ConfigDict

from mlops_dagster.errors import SourceError, TerminalError
from mlops_dagster.resources.mlflow import MlflowResource
from mlops_dagster.resources.workspace import WorkspaceResource
from mlops_dagster.spec.refs import STATIC

if TYPE_CHECKING:
    from mlops_dagster.registry.bundle import LoadedModel


class ModelIOManager(dg.ConfigurableIOManager):
    """Hands out the model that was trained at a partition's window, loaded by our own loader.

    `dg.AssetIn(key=[use_case, "model", name], input_manager_key="model")` gives a `LoadedModel`,
    whose `predict` takes a pandas DataFrame with the features. Registration is not an effect of
    storing a value: it needs gates, a ledger and a hold-out, so writing through this manager is
    refused.
    """

    model_config = ConfigDict(extra="forbid")

    mlops: dg.ResourceDependency[WorkspaceResource]
    mlflow: dg.ResourceDependency[MlflowResource]

    def load_input(self, context: dg.InputContext) -> "LoadedModel":
        """Return the model registered at the partition's window (without windows: the newest).

        Raises:
            SourceError: Nothing was registered there.
            ModelRefused: Its files are not those that were registered.
        """
        from mlops_dagster.registry.bundle import load_bundle
        from mlops_dagster.registry.ledger import read_ledger

        use_case, _, name = context.asset_key.path
        window = context.asset_partition_key if context.has_asset_partitions else STATIC
        stream = f"{use_case}.{name}"
        attempt = read_ledger(self.mlops.store, stream).latest(window)
        if attempt is None or attempt.registered is None:
            raise SourceError(
                "no version of this model was registered at this window",
                where=f"{stream} {window}",
                next_step="Train it there, or look at its gates if it was rejected.",
            )
        folder = self.mlflow.tracker.download_bundle(
            stream,
            attempt.registered.version,
            self.mlops.workspace.state_folder / "downloads" / attempt.bundle_digest,
        )
        return load_bundle(folder, expected_digest=attempt.bundle_digest)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse to store a model outside a training.

        Raises:
            TerminalError: Always, unless there is nothing to store.
        """
        if obj is None:
            return
        raise TerminalError(
            "models are registered by a training, not by returning them",
            where=context.asset_key.to_user_string(),
            next_step=(
                "Declare the model in the use case's YAML; an @estimator of hooks.py may build it."
            ),
        )

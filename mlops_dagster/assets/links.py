"""Where MLflow shows a training: a link to its server, or how to open the local one."""

from urllib.parse import quote

import dagster as dg

from mlops_dagster.addresses import MASK, without_secrets
from mlops_dagster.assets.metadata import Metadata
from mlops_dagster.registry.tracking import RegisteredVersion

# Where `mlops-dagster mlflow` serves the local store.
LOCAL_MLFLOW = "http://127.0.0.1:5000"


def mlflow_metadata(
    tracking_uri: str, run_id: str, registered: RegisteredVersion | None
) -> Metadata:
    """Return the run of a training and its version, if it is one, with links to both.

    The links of a local store are to the server that `mlops-dagster mlflow` starts. A store without
    a web address of its own, such as `databricks`, gets none. Names and passwords in an address are
    left out; where they cannot be told from the rest there are no links.
    """
    metadata: Metadata = {"mlflow_run_id": dg.MetadataValue.text(run_id)}
    if registered is not None:
        metadata["version"] = dg.MetadataValue.text(registered.version)
    scheme, shown = tracking_uri.partition("://")[0], without_secrets(tracking_uri)
    local = scheme == "sqlite"
    if not local and (scheme not in ("http", "https") or MASK in shown):
        return metadata
    server = LOCAL_MLFLOW if local else shown.rstrip("/")
    metadata["mlflow_run"] = dg.MetadataValue.url(f"{server}/#/runs/{quote(run_id, safe='')}")
    if registered is not None:
        model, version = quote(registered.model, safe=""), quote(registered.version, safe="")
        metadata["mlflow_version"] = dg.MetadataValue.url(
            f"{server}/#/models/{model}/versions/{version}"
        )
    if local:
        metadata["mlflow_server"] = dg.MetadataValue.md(
            "The links work while `mlops-dagster mlflow` runs."
        )
    return metadata

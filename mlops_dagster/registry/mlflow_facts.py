"""What is written about a run in MLflow: parameters, metrics, tags and the versions of its data."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from mlops_dagster.clock import utc_now
from mlops_dagster.state.fence import InputVersion

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# What MLflow accepts in one request and one field.
_BATCH = 100
_PARAM_LENGTH = 6000
_TAG_LENGTH = 5000
_DIGEST_LENGTH = 36


@dataclass(frozen=True)
class RunFacts:
    """What is written about a training's run.

    Attributes:
        params: Parameters of the training.
        metrics: Metrics on the hold-out; undefined ones are left out.
        tags: Further facts, such as the Dagster run and the code version.
        inputs: Versions of the tables that the training set was made of.
    """

    params: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[InputVersion] = ()


def log_facts(client: "MlflowClient", run_id: str, facts: RunFacts) -> None:
    """Log parameters, metrics that have a value, tags and inputs; long values are cut."""
    from mlflow.entities import Metric, Param, RunTag

    now = int(utc_now().timestamp() * 1000)
    listed_params = [Param(key, str(value)[:_PARAM_LENGTH]) for key, value in facts.params.items()]
    listed_tags = [RunTag(key, value[:_TAG_LENGTH]) for key, value in facts.tags.items()]
    listed_metrics = [
        Metric(key, value, now, 0) for key, value in facts.metrics.items() if value is not None
    ]
    most = max(len(listed_params), len(listed_tags), len(listed_metrics))
    for start in range(0, most, _BATCH):
        part = slice(start, start + _BATCH)
        client.log_batch(run_id, listed_metrics[part], listed_params[part], listed_tags[part])
    _log_inputs(client, run_id, facts.inputs)


def _log_inputs(client: "MlflowClient", run_id: str, inputs: Sequence[InputVersion]) -> None:
    """Log each table version that was read as a dataset, under a digest of its windows' digests."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    datasets = [
        DatasetInput(
            Dataset(
                name=f"{one.ref}@v{one.delta_version}",
                digest=_windows_digest(one),
                source_type="delta",
                source=one.model_dump_json(),
            ),
            [InputTag("mlflow.data.context", "training")],
        )
        for one in inputs
    ]
    if datasets:
        client.log_inputs(run_id, datasets)


def local_path(artifact_uri: str) -> Path | None:
    """Return the folder of an artifact address on this machine, None for another place."""
    parsed = urlparse(artifact_uri)
    return Path(unquote(parsed.path)) if parsed.scheme in ("file", "") else None


def _windows_digest(one: InputVersion) -> str:
    text = "\n".join(f"{window} {digest}" for window, digest in sorted(one.windows.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]

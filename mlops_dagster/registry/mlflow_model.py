"""The model in MLflow's own layout, for its pages and for serving that loads by MLflow."""

from pathlib import Path

import pandas as pd

from mlops_dagster.registry.bundle import LoadedModel
from mlops_dagster.registry.manifest import MODEL_FILE
from mlops_dagster.spec.models import Task
from mlops_dagster.workers.score import model_input


def save_mlflow_model(loaded: LoadedModel, path: Path, *, run_id: str, model_id: str) -> None:
    """Write a loaded bundle as an MLflow model in the skops format, with its signature.

    The model file is the bundle's, byte for byte. Requirements are those of the manifest: MLflow
    would otherwise find them out by loading the model in another process.

    Args:
        loaded: The model.
        path: A folder that does not exist yet.
        run_id: The run that made it.
        model_id: The logged model that it will be.
    """
    import mlflow.sklearn
    from mlflow.models import Model, infer_signature

    info = loaded.info
    answer = "predict" if info.task is Task.REGRESSION else "predict_proba"
    golden = loaded.golden
    signature = None
    if golden is not None:
        rows = pd.DataFrame({name: list(values) for name, values in golden.rows.items()})
        features = model_input(rows, info.column_kinds)
        signature = infer_signature(features, getattr(loaded.estimator, answer)(features))
    mlflow.sklearn.save_model(
        loaded.estimator,
        str(path),
        mlflow_model=Model(run_id=run_id, model_id=model_id),
        serialization_format="skops",
        skops_trusted_types=sorted(loaded.types.untrusted),
        signature=signature,
        pip_requirements=[
            f"{name}=={version}" for name, version in sorted(loaded.manifest.libraries.items())
        ],
        pyfunc_predict_fn=answer,
    )
    (path / MODEL_FILE).write_bytes(loaded.files[MODEL_FILE])

"""Small resolved tables and models for tests, without files."""

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import DataFrame

from mlops_dagster.features.columns import feature_names
from mlops_dagster.features.inputs import ModelInputs
from mlops_dagster.spec.models import Model
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import Table
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable
from mlops_dagster.windows import WindowCalendar

USE_CASE = "shop"


def utc(text: str) -> datetime:
    """Read `2024-03-01 12:00` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def ref(text: str) -> TableRef:
    """Read `layer.name` as a table of the use case."""
    return TableRef.parse(f"{USE_CASE}.{text}")


def table(
    name: str, calendar: WindowCalendar | None = None, **written: object
) -> tuple[TableRef, ResolvedTable]:
    """Return a table as its YAML keys say, under its reference."""
    resolved = ResolvedTable(
        ref=ref(name),
        spec=Table.model_validate(written),
        kind="files",
        windowed=calendar is not None,
        calendar=calendar,
        inputs={},
        sql=None,
        hook=None,
        rules=(),
        contract=None,
        contract_path=Path("contracts") / f"{name}.yaml",
        code_version="1",
        position=(Path("use_case.yaml"), 7),
    )
    return resolved.ref, resolved


def model(
    *,
    rows: str,
    label: Mapping[str, object],
    features: Mapping[str, object],
    ahead: str = "0 hours",
    task: str = "regression",
    predict_at: str = "close",
    **train: object,
) -> ResolvedModel:
    """Return a model as its YAML keys say."""
    spec = Model.model_validate(
        {
            "task": task,
            "rows": {"table": rows, "ahead": ahead},
            "label": dict(label),
            "features": dict(features),
            "predict": {"at": predict_at},
            "train": {
                "estimator": {"family": "ridge"},
                "holdout": {"by": "day", "every": 5},
                **train,
            },
        }
    )
    return ResolvedModel(
        name="demand",
        use_case=USE_CASE,
        spec=spec,
        rows=ref(rows),
        label=ref(spec.label.table),
        features={
            ref(name): None if columns == "all" else tuple(columns)
            for name, columns in spec.features.items()
        },
        gates=(),
        metric_hooks=(),
        estimator_hook=None,
        code_version="1",
    )


def inputs(
    resolved: ResolvedModel,
    tables: Mapping[TableRef, ResolvedTable],
    frames: Mapping[str, DataFrame],
    *,
    calendar: WindowCalendar | None,
    windows: tuple[str, ...] = (),
    as_of: datetime,
) -> ModelInputs:
    """Return the model's tables with these frames as what is pinned."""
    by_ref = {ref(name): frame for name, frame in frames.items()}
    types = {
        name: {field.name: field.dataType.simpleString() for field in frame.schema.fields}
        for name, frame in by_ref.items()
    }
    return ModelInputs(
        model=resolved,
        tables=tables,
        frames=by_ref,
        features=feature_names(resolved, tables, types),
        calendar=calendar,
        windows=windows,
        as_of=as_of,
    )

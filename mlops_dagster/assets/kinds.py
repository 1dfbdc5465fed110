"""The icons of the graph: what makes an asset, what keeps it and, for a table, its layer."""

from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable

# Names that Dagster has icons for; `features` is shown as a word.
DELTA = "deltalake"
MLFLOW = "mlflow"
PYTHON = "python"
_SOURCES = {"files": "file", "source": "source", "keep": "sql", "sql": "sql", "hook": PYTHON}
_FAMILIES = {"lightgbm": "lightgbm", "hook": PYTHON}


def table_kinds(table: ResolvedTable) -> set[str]:
    """Return the kinds of a declared table, its layer among them: `kind:silver` selects it."""
    layer = {table.ref.layer} if table.ref.layer != "shared" else set()
    return {_SOURCES[table.kind], DELTA, *layer}


def family_kind(model: ResolvedModel) -> str:
    """Return the library that a model's estimator comes from."""
    return _FAMILIES.get(model.spec.train.estimator.family, "scikitlearn")

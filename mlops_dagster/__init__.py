"""A machine-learning use case as one Dagster asset graph on Spark, Delta Lake and MLflow."""

__version__ = "0.1.0"

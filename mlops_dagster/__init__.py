"""The whole life of a machine-learning use case as one Dagster asset graph on Spark, Delta and MLflow."""

__version__ = "0.1.0"

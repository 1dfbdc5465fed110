"""Tags on runs that other parts of the product read."""

PARTITION_TAG = "dagster/partition"
RUN_KEY_TAG = "dagster/run_key"
DECISION_TAG = "mlops_dagster/decision"
EXPERIMENTAL_TAG = "mlops_dagster/experimental"
REQUEST_TAG = "mlops_dagster/training_request"

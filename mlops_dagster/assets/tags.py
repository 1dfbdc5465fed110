"""Tags on runs that other parts of the product read."""

PARTITION_TAG = "dagster/partition"
RUN_KEY_TAG = "dagster/run_key"
DECISION_TAG = "mlops_dagster/decision"
EXPERIMENTAL_TAG = "mlops_dagster/experimental"
REQUEST_TAG = "mlops_dagster/training_request"
WHO_TAG = "mlops_dagster/who"
WHY_TAG = "mlops_dagster/why"
# The tables for whose files a run was asked for.
FILES_TAG = "mlops_dagster/files"
# Names the files that a run was asked for, by their contents.
FILES_KEY_TAG = "mlops_dagster/files_key"

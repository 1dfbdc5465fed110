"""One thread for every fit, as in the tests of training."""

from mlops_dagster_tests.training.conftest import one_thread

__all__ = ["one_thread"]

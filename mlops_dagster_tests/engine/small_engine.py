"""An engine whose sessions and idle server end within seconds."""

from mlops_dagster.spec.base import Memory
from mlops_dagster.spec.environment import Environment, LocalEngine
from mlops_dagster_tests.conftest import environment_with

SESSION_SECONDS = 5
IDLE_SECONDS = 6.0


def small_engine(megabytes: int = 700) -> Environment:
    """Return an environment whose local server has so much heap."""
    return environment_with(
        LocalEngine(
            kind="local",
            memory=Memory(megabytes=megabytes),
            session_timeout_seconds=SESSION_SECONDS,
            idle_stop_minutes=IDLE_SECONDS / 60,
        )
    )


SMALL = small_engine()

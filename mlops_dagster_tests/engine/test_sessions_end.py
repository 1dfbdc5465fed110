"""Sessions end when they are stopped, never when the garbage collector finds them."""

import gc
import weakref

from mlops_dagster.engine.local import new_session


def test_collecting_a_stopped_session_leaves_the_calls_of_others_alone(spark_address: str) -> None:
    other = new_session(spark_address)
    stopped = new_session(spark_address)
    assert stopped.range(3).count() == 3
    stopped.stop()
    assert other.range(4).count() == 4
    pool = _release_pool()
    seen = weakref.ref(stopped)
    del stopped
    gc.collect()
    assert seen() is None
    assert _release_pool() is pool is not None
    other.stop()


def test_a_session_nobody_stopped_is_not_collected(spark_address: str) -> None:
    session = new_session(spark_address)
    seen = weakref.ref(session)
    del session
    gc.collect()
    found = seen()
    assert found is not None
    assert found.range(2).count() == 2
    found.stop()


def _release_pool() -> object:
    from pyspark.sql.connect.client.reattach import ExecutePlanResponseReattachableIterator

    return ExecutePlanResponseReattachableIterator._release_thread_pool_instance

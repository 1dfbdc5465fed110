"""How many threads a fit may use."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded_threads() -> Iterator[None]:
    """Leave one processor to the Spark server and Dagster; usable as a decorator too.

    Boosting waits for all its threads after every small step. When one of them has no processor,
    the others spin: on a busy machine with two processors, two threads took ten times as long as
    one. The fitted model does not depend on the number of threads.
    """
    from joblib import cpu_count  # type: ignore[import-untyped, unused-ignore]
    from threadpoolctl import (  # type: ignore[import-untyped, unused-ignore]
        threadpool_limits,
    )

    with threadpool_limits(limits=max(1, cpu_count() - 1)):
        yield

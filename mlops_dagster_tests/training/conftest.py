"""One thread for every fit: on a busy machine more of them mostly wait for each other."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Bound the threads of scikit-learn and LightGBM."""
    # The limits reach only libraries that are loaded.
    import lightgbm  # noqa: F401
    import sklearn.ensemble  # noqa: F401

    with threadpool_limits(limits=1):
        yield

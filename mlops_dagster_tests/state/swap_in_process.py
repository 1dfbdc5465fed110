"""Run as a process of its own: counts up a stream by compare-and-swap until the goal is reached.

Prints the numbers that this process won.
"""

import sys
from pathlib import Path

from mlops_dagster.errors import StateConflict
from mlops_dagster.state import open_store
from mlops_dagster_tests.state.events import AS_OF, Counted


def main(address: str, writer: int, wins_wanted: int) -> None:
    """Win `wins_wanted` swaps, reading anew after each loss."""
    store = open_store(address if "://" in address else Path(address))
    won: list[int] = []
    while len(won) < wins_wanted:
        seen = store.last_seq("counter")
        try:
            stored = store.append(
                "counter",
                seen,
                Counted(value=seen + 1, writer=writer),
                as_of=AS_OF,
                run_id=f"writer-{writer}",
            )
        except StateConflict:
            continue
        won.append(stored.seq)
    print(*won)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

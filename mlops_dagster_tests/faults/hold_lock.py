"""Another process that holds the event store's write lock: FILE SECONDS."""

import sqlite3
import sys
import time


def main() -> None:
    """Hold the lock for its time."""
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
    connection.execute("ROLLBACK")


if __name__ == "__main__":
    main()

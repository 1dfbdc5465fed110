"""Aggregates over rows on their way into a write."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Observation


class Tally:
    """Aggregates that a write computes of the rows that pass, known once it is done.

    This is Spark's Observation within what it does reliably: on the way into a plain write, with
    nothing between that computes rows twice (sorts by range do, for their samples), limits them or
    may drop a whole side of a join. DISTINCT and FILTER are refused by Spark. A write that was
    skipped tells nothing, and an engine may not tell at all; so whoever reads a tally holds its
    count of rows against that of the commit, and counts otherwise where they differ.
    """

    def __init__(self) -> None:
        self._observation: Observation | None = None

    def over(self, frame: DataFrame, *aggregates: Column) -> DataFrame:
        """Return the frame, to be written once; its aggregates have names."""
        self._observation = Observation()
        return frame.observe(self._observation, *aggregates)

    def found(self) -> Mapping[str, object] | None:
        """Return the aggregates by name, of the frame that was made last; None if unknown."""
        return None if self._observation is None else self._observation.get or None


def whole(value: object) -> int:
    """Return a whole number that Spark counted.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, int):
        return value
    raise TypeError(f"counted a {type(value).__name__}")

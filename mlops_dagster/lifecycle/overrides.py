"""What a run by hand may override of a training; whatever it overrides makes it an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.features.columns import EVENT_TIME


@dataclass(frozen=True)
class Overrides:
    """Less data, or gates that do not count. An experiment is registered, but never promoted.

    Attributes:
        max_rows: Train and evaluate on at most so many rows of the training set.
        ignore_gates: Register the model whatever its gates say.
    """

    max_rows: int | None = None
    ignore_gates: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What is overridden, in words; empty for an ordinary training."""
        rows = () if self.max_rows is None else (f"at most {self.max_rows} rows",)
        return (*rows, "gates ignored") if self.ignore_gates else rows

    @property
    def tags(self) -> Mapping[str, str]:
        """What MLflow shows of it."""
        return {"mlops_dagster.experimental": ", ".join(self.words)} if self.words else {}

    def rows_of(self, training_set: DataFrame, key: list[str]) -> DataFrame:
        """Return the rows to train on: all, or the same few each time, chosen by their key."""
        if self.max_rows is None:
            return training_set
        names = [*key, *(name for name in [EVENT_TIME] if name in training_set.columns)]
        columns = [F.col(quote(name)) for name in names]
        return training_set.orderBy(F.xxhash64(*columns), *columns).limit(self.max_rows)


NOTHING = Overrides()

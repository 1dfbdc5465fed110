"""What a point-in-time join may take values from, and whether that fits the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from mlops_dagster.engine.identifiers import quote
from mlops_dagster.errors import ContractViolation


@dataclass(frozen=True)
class FeatureView:
    """Rows that a join may take values from.

    Attributes:
        name: Said in errors.
        frame: The rows; for reproducible joins already limited to what was known by `as_of`.
        key: Columns of `frame` that must equal columns of the spine; a null never matches.
        columns: Pairs of a column of `frame` and its name in the result.
        spine_key: The spine's columns in the order of `key`; empty when they have the same names.
        event_time: Instant a row is about; None for a view that is always known (a static table).
        known_at: Instant a row became known; given exactly when `event_time` is.
        valid_for: A row older than this at the asked moment gives nulls; None for no limit. The
            asked moment is the prediction time, for forecasts the event time of the spine's row.
        forecast: Rows are about times after they became known; needs event_time and valid_for.
    """

    name: str
    frame: DataFrame
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    event_time: str | None = None
    known_at: str | None = None
    valid_for: timedelta | None = None
    spine_key: tuple[str, ...] = ()
    forecast: bool = False

    @property
    def matches(self) -> dict[str, str]:
        """Key columns of the spine, each with the view's column that must equal it."""
        return dict(zip(self.spine_key or self.key, self.key, strict=True))

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError(f"view {self.name} needs a key")
        if (self.event_time is None) != (self.known_at is None):
            raise ValueError(f"view {self.name} needs both event_time and known_at, or neither")
        if self.forecast and (self.event_time is None or not self.valid_for):
            raise ValueError(f"view {self.name} of forecasts needs event_time and valid_for")

    def dated_rows(self) -> DataFrame:
        """Return the rows that a join can find: with a whole key and, if they have any, times."""
        needed = [*self.key, *filter(None, (self.event_time, self.known_at))]
        frame = self.frame
        for column in needed:
            frame = frame.where(F.col(quote(column)).isNotNull())
        return frame

    def values(self) -> list[Column]:
        """Return the columns that are taken, by their places: names may hold anything."""
        return [F.col(quote(name)).alias(value_name(n)) for n, (name, _) in enumerate(self.columns)]


def value_name(place: int) -> str:
    """Return what the column at a place of `FeatureView.columns` is called within a join."""
    return f"value{place}"


def check_views(spine: DataFrame, views: Sequence[FeatureView]) -> None:
    """Refuse views whose keys or columns do not fit the spine.

    Raises:
        ContractViolation: A key column is missing or has another type in the spine; a result
            column exists already.
    """
    have = {field.name: field.dataType for field in spine.schema.fields}
    taken = {name.casefold() for name in have}
    for view in views:
        types = {field.name: field.dataType for field in view.frame.schema.fields}
        for ours, theirs in view.matches.items():
            if have.get(ours) != types[theirs]:
                raise ContractViolation(
                    f"rows cannot be joined with {view.name}",
                    where=f"key column {theirs}",
                    expected=f"{types[theirs].simpleString()} in the rows",
                    found=have[ours].simpleString() if ours in have else "no such column",
                    next_step="Make the column in the SQL of the rows' table.",
                )
        for _, name in view.columns:
            if name.casefold() in taken:
                raise ContractViolation(
                    f"column {name} of {view.name} would hide another column of the same name"
                )
            taken.add(name.casefold())

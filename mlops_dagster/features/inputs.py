"""What a model's rows are made from: its tables as pinned frames, with their times as instants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from mlops_dagster.features.columns import FeatureColumn
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedModel, ResolvedTable
from mlops_dagster.tables.instants import instant
from mlops_dagster.windows import WindowCalendar

# Columns of our own beside a table's, so that no column of a user's is hidden.
OWN_EVENT_TIME = "__event_time"
OWN_KNOWN_AT = "__known_at"


@dataclass(frozen=True)
class ModelInputs:
    """A model, its tables and their pinned rows.

    Attributes:
        model: The model.
        tables: The tables of rows, features and (for training and quality) label.
        frames: Their rows, limited to the windows that can matter.
        features: The features in their order.
        calendar: The calendar of the use case; None for one without windows.
        windows: Windows of the rows, oldest first; empty for rows without windows.
        as_of: Rows and labels that became known later do not count.
    """

    model: ResolvedModel
    tables: Mapping[TableRef, ResolvedTable]
    frames: Mapping[TableRef, DataFrame]
    features: tuple[FeatureColumn, ...]
    calendar: WindowCalendar | None
    windows: tuple[str, ...]
    as_of: datetime

    @property
    def rows(self) -> ResolvedTable:
        """The table whose rows are predicted."""
        return self.tables[self.model.rows]

    @property
    def time_zone(self) -> str:
        """Where dates and local times of the use case are meant."""
        return "UTC" if self.calendar is None else self.calendar.time_zone

    @property
    def ahead(self) -> timedelta:
        """How long before its event time a row is predicted."""
        return self.model.spec.rows.ahead.elapsed

    @property
    def own_label(self) -> bool:
        """Whether the label stands in the predicted row itself."""
        return self.model.label == self.model.rows


def known_rows(inputs: ModelInputs, table: ResolvedTable) -> DataFrame:
    """Return a table's rows known by as_of, as `with_times` gives them."""
    frame = with_times(inputs, table)
    if table.known_at is None:
        return frame
    return frame.where(F.col(OWN_KNOWN_AT) <= F.lit(inputs.as_of))


def with_times(inputs: ModelInputs, table: ResolvedTable) -> DataFrame:
    """Return a table's rows with its times, if it has any, as instants in columns of our own."""
    frame = inputs.frames[table.ref]
    if table.event_time is None or table.known_at is None:
        return frame
    return frame.withColumns(
        {
            OWN_EVENT_TIME: instant(frame, table.event_time, inputs.time_zone),
            OWN_KNOWN_AT: instant(frame, table.known_at, inputs.time_zone),
        }
    )

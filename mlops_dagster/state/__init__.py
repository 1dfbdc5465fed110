"""The event store: typed events in numbered streams, in SQLite or PostgreSQL."""

from mlops_dagster.state.event import Event, RawEvent
from mlops_dagster.state.machine import Machine
from mlops_dagster.state.store import EventStore, StoredEvent, open_environment_store, open_store

__all__ = [
    "Event",
    "EventStore",
    "Machine",
    "RawEvent",
    "StoredEvent",
    "open_environment_store",
    "open_store",
]

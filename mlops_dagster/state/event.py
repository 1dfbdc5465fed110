"""Events: the typed payloads of the store.

A module declares the kinds it owns by subclassing `Event`.
"""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mlops_dagster.errors import StateUnusable

_KINDS: dict[tuple[str, int], type["Event"]] = {}


class Event(BaseModel):
    """A fact that happened; frozen, written once, never changed.

    A subclass sets `kind` (unique in the product) and raises `event_version` when its fields change
    meaning; the class of an older version is kept beside the new one as long as such events may be
    stored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    event_version: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Register the subclass under its kind and version.

        Raises:
            TypeError: Another class has the same kind and version.
        """
        if "kind" not in cls.__dict__:
            return
        known = _KINDS.setdefault((cls.kind, cls.event_version), cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(
                f"event kind '{cls.kind}' version {cls.event_version} is declared by "
                f"{known.__module__}.{known.__qualname__} and by "
                f"{cls.__module__}.{cls.__qualname__}"
            )
        _KINDS[cls.kind, cls.event_version] = cls


class RawEvent(Event):
    """An event whose kind or version is not declared in this process: shown, never interpreted."""

    raw_kind: str
    raw_version: int
    data: Mapping[str, object]


class _Envelope(BaseModel):
    """What stands in the payload column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    data: Mapping[str, object]


def to_payload(event: Event) -> str:
    """Return the JSON text that is stored for an event.

    Raises:
        TypeError: The event is a RawEvent; those are only read.
    """
    if isinstance(event, RawEvent):
        raise TypeError("a RawEvent cannot be written: the code that owns its kind is not loaded")
    return f'{{"version":{type(event).event_version},"data":{event.model_dump_json()}}}'


def from_payload(kind: str, payload: str, *, where: str) -> Event:
    """Return the event of a kind and payload; undeclared kinds and versions become a RawEvent.

    Args:
        kind: The kind column.
        payload: The payload column.
        where: Stream and number, for the message.

    Raises:
        StateUnusable: The payload does not fit the class that declares its kind and version.
    """
    try:
        envelope = _Envelope.model_validate_json(payload)
        declared = _KINDS.get((kind, envelope.version))
        if declared is None:
            return RawEvent(raw_kind=kind, raw_version=envelope.version, data=envelope.data)
        return declared.model_validate(envelope.data)
    except ValidationError as error:
        raise StateUnusable(
            f"the stored event '{kind}' cannot be read",
            where=where,
            expected="the fields of its declared version",
            found=f"{error.error_count()} fields that do not fit: {error.errors()[0]['loc']}",
            next_step="It was written by another release or by hand; use the release that wrote it",
        ) from error

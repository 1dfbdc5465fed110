from enum import Enum
from typing import ClassVar

import pytest

from mlops_dagster.errors import TransitionRefused
from mlops_dagster.state import Event, Machine


class Opened(Event):
    kind: ClassVar[str] = "test_door_opened"


class Closed(Event):
    kind: ClassVar[str] = "test_door_closed"


class Locked(Event):
    kind: ClassVar[str] = "test_door_locked"


class Door(str, Enum):
    OPEN = "open"
    CLOSED = "closed"
    SEALED = "sealed"


DOOR: Machine[Door] = Machine(
    thing="door",
    initial=Door.CLOSED,
    transitions={
        Door.CLOSED: {Opened: Door.OPEN, Locked: Door.SEALED},
        Door.OPEN: {Closed: Door.CLOSED},
    },
)


def test_a_fold_walks_the_table() -> None:
    assert DOOR.fold([Opened(), Closed(), Opened()], where="front") is Door.OPEN
    assert DOOR.fold([], where="front") is Door.CLOSED


def test_a_refused_event_names_the_state_and_the_allowed_events() -> None:
    with pytest.raises(
        TransitionRefused,
        match=r"front: 'test_door_closed' is not allowed while the door is closed; "
        r"expected 'test_door_locked' or 'test_door_opened'",
    ):
        DOOR.fold([Closed()], where="front")


def test_a_final_state_allows_nothing() -> None:
    with pytest.raises(TransitionRefused, match="no further event, sealed is final"):
        DOOR.fold([Locked(), Opened()], where="front")


def test_two_classes_of_one_kind_and_version_are_refused() -> None:
    with pytest.raises(TypeError, match="event kind 'test_door_opened' version 1 is declared by"):

        class AnotherOpened(Event):
            kind: ClassVar[str] = "test_door_opened"


def test_a_new_version_of_a_kind_stands_beside_the_old_one() -> None:
    class OpenedWide(Event):
        kind: ClassVar[str] = "test_door_opened"
        event_version: ClassVar[int] = 2

        width: float

    assert OpenedWide(width=1).width == 1

"""State machines: a table of allowed transitions, and a fold that refuses any other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from mlops_dagster.errors import TransitionRefused
from mlops_dagster.state.event import Event

S = TypeVar("S", bound=Enum)


@dataclass(frozen=True)
class Machine(Generic[S]):
    """The states of one kind of thing, such as a model version, and the events between them.

    Attributes:
        thing: What it is, for messages.
        initial: The state before the first event.
        transitions: For each state the allowed events with the state each leads to; a state that is
            missing is final.
    """

    thing: str
    initial: S
    transitions: Mapping[S, Mapping[type[Event], S]]

    def after(self, state: S, event: type[Event], *, where: str) -> S:
        """Return the state that an event leads to.

        Args:
            state: The present state.
            event: The class of the event.
            where: Which thing, for the message.

        Raises:
            TransitionRefused: The event is not allowed in this state; the message names those that
                are.
        """
        allowed = self.transitions.get(state, {})
        if event not in allowed:
            names = " or ".join(f"'{kind}'" for kind in sorted(kind.kind for kind in allowed))
            raise TransitionRefused(
                f"'{event.kind}' is not allowed while the {self.thing} is {state.value}",
                where=where,
                expected=names or f"no further event, {state.value} is final",
            )
        return allowed[event]

    def fold(self, events: Iterable[Event], *, where: str) -> S:
        """Return the state after all events, in order.

        Raises:
            TransitionRefused: As `after`.
        """
        state = self.initial
        for event in events:
            state = self.after(state, type(event), where=where)
        return state

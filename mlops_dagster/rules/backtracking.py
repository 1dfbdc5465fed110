r"""Whether a regular expression may take time without end: loops that read a text in many ways.

Java and Python try every way in which a pattern can read a text before they say no. Where a loop
can read a text in two ways, as `(a+)+` and `(\w|\d)*` do, a text of n such pieces has 2^n ways.
A pattern has such a loop exactly when its automaton is ambiguous without bound on the way from a
state back to itself (Weber and Seidl, 1991; Weideman et al., 2016). That is decided here, on the
automaton of positions (Glushkov), with an edge for each way from one item to the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from mlops_dagster.rules.pattern_tree import Group, Item, Part, Repeated, TreeReader

# Beyond these the check itself would take long; no pattern that people read comes near.
_MOST_POSITIONS = 2_000
_MOST_STEPS = 300_000
# A repetition with a bound above this counts as one without: 20 ways to the power of 20 have no
# end either.
_UNROLLED = 3

_ADVICE = "let each repetition begin or end with something that nothing else in it matches"


def backtracking_problem(body: str, *, ignore_case: bool) -> str | None:
    """Return why a sound pattern may take time without end, or None.

    Args:
        body: A pattern of which `regex_problem` has nothing else to say, without its flags.
        ignore_case: Whether it has the flag to ignore case.
    """
    reader = TreeReader(body, ignore_case=ignore_case)
    try:
        roots = [reader.alternatives(), *reader.aside]
        for root in roots:
            place = _ambiguous_place(root)
            if place is not None:
                return (
                    f"the repetition around {place + 1} can read some texts in so many ways that "
                    f"it takes time without end; {_ADVICE}"
                )
    except (_TooLargeError, RecursionError):
        return "its repetitions make it too large to be checked; write it in a shorter way"
    return None


class _TooLargeError(Exception):
    """The check would take too long."""


_Pair = tuple[int, int]


@dataclass(frozen=True)
class _Span:
    """Where a part begins and ends in the automaton, and whether it may be left out."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    empty: bool = True


@dataclass
class _Automaton:
    """Positions with what they match, and the edges between them.

    Attributes:
        items: The item of each position.
        edges: What may follow a position.
        twice: Edges that there are in two ways.
    """

    items: list[Item] = field(default_factory=list)
    edges: dict[int, set[int]] = field(default_factory=dict)
    twice: list[tuple[int, int]] = field(default_factory=list)
    steps: int = 0

    def work(self, steps: int) -> None:
        """Count steps, and give up where there are too many."""
        self.steps += steps
        if self.steps > _MOST_STEPS:
            raise _TooLargeError

    def build(self, part: Part) -> _Span:
        """Add the positions and edges of a part."""
        match part:
            case Item(matched=0):
                return _Span()
            case Item():
                if len(self.items) == _MOST_POSITIONS:
                    raise _TooLargeError
                self.items.append(part)
                position = (len(self.items) - 1,)
                return _Span(position, position, empty=False)
            case Group(options):
                return _either([self._sequence(option) for option in options])
            case Repeated(inner, low, high):
                return self._repetition(inner, low, high)

    def _sequence(self, parts: Iterable[Part]) -> _Span:
        return self._chain(self.build(part) for part in parts)

    def _chain(self, spans: Iterable[_Span]) -> _Span:
        whole = _Span()
        for span in spans:
            self._join(whole.last, span.first)
            whole = _Span(
                whole.first + span.first if whole.empty else whole.first,
                whole.last + span.last if span.empty else span.last,
                whole.empty and span.empty,
            )
        return whole

    def _repetition(self, inner: Part, low: int, high: int | None) -> _Span:
        if high == low:
            return self._chain(self.build(inner) for _ in range(low))
        if high is not None and high <= _UNROLLED:
            # x{1,3} is x(x(x)?)?: each further one hangs on the one before.
            tail = _Span()
            for _ in range(high - low):
                head = self.build(inner)
                self._join(head.last, tail.first)
                last = head.last + tail.last
                tail = _Span(head.first, last, empty=True)
            return self._chain([*(self.build(inner) for _ in range(low)), tail])
        spans = [self.build(inner) for _ in range(max(low, 1))]
        self._join(spans[-1].last, spans[-1].first)
        whole = self._chain(spans)
        return _Span(whole.first, whole.last, whole.empty or low == 0)

    def _join(self, before: Sequence[int], after: Sequence[int]) -> None:
        self.work(len(before) * len(after))
        for edge in product(before, after):
            follow = self.edges.setdefault(edge[0], set())
            if edge[1] in follow:
                self.twice.append(edge)
            follow.add(edge[1])


def _either(spans: Sequence[_Span]) -> _Span:
    return _Span(
        tuple(position for span in spans for position in span.first),
        tuple(position for span in spans for position in span.last),
        any(span.empty for span in spans),
    )


def _ambiguous_place(root: Part) -> int | None:
    """Return the place of an item in a loop that reads some text in two ways, or None."""
    automaton = _Automaton()
    automaton.build(root)
    loops = _loops(automaton)
    for before, after in automaton.twice:
        if loops[before] == loops[after]:
            return automaton.items[after].place
    inside = {
        position: tuple(after for after in sorted(follow) if loops[after] == loops[position])
        for position, follow in automaton.edges.items()
    }
    pair = _ambiguous_pair(automaton, inside)
    return None if pair is None else automaton.items[min(pair)].place


def _ambiguous_pair(automaton: _Automaton, inside: Mapping[int, tuple[int, ...]]) -> _Pair | None:
    """Return two positions that one loop can be at after the same text, and leave as one again.

    A pair leads to the pairs of what may follow by one character. One that is reached from equal
    positions and leads back to equal ones lies on a circle, for within a loop every position leads
    to every other.
    """
    backwards: dict[_Pair, list[_Pair]] = {}
    # Positions of one loop mostly lead to the same ones: each such set is paired once.
    known: dict[tuple[tuple[int, ...], tuple[int, ...]], list[_Pair]] = {}
    waiting = [(position, position) for position in inside]
    seen = set(waiting)
    while waiting:
        pair = waiting.pop()
        ways = inside.get(pair[0], ()), inside.get(pair[1], ())
        if ways not in known:
            known[ways] = _following(automaton, ways)
        for reached in known[ways]:
            backwards.setdefault(reached, []).append(pair)
            if reached not in seen:
                seen.add(reached)
                waiting.append(reached)
    waiting = [pair for pair in seen if pair[0] == pair[1]]
    leading = set(waiting)
    while waiting:
        for pair in backwards.get(waiting.pop(), ()):
            if pair[0] != pair[1]:
                return pair
            if pair not in leading:
                leading.add(pair)
                waiting.append(pair)
    return None


def _following(automaton: _Automaton, ways: tuple[tuple[int, ...], tuple[int, ...]]) -> list[_Pair]:
    automaton.work(len(ways[0]) * len(ways[1]))
    return [
        (min(reached), max(reached))
        for reached in product(*ways)
        if automaton.items[reached[0]].matched & automaton.items[reached[1]].matched
    ]


def _loops(automaton: _Automaton) -> list[int]:
    """Return a number for each position, equal for those that lead to each other."""
    order: list[int] = []
    seen: set[int] = set()
    for start in range(len(automaton.items)):
        for position, done in _walk(start, automaton.edges, seen):
            if done:
                order.append(position)
    backwards: dict[int, set[int]] = {}
    for before, follow in automaton.edges.items():
        for after in follow:
            backwards.setdefault(after, set()).add(before)
    loops = [0] * len(automaton.items)
    seen = set()
    for start in reversed(order):
        for position, done in _walk(start, backwards, seen):
            if not done:
                loops[position] = start
    return loops


def _walk(start: int, edges: Mapping[int, set[int]], seen: set[int]) -> Iterable[tuple[int, bool]]:
    """Yield what is reached from a position and was not seen: as it is met, and as it is done."""
    if start in seen:
        return
    seen.add(start)
    yield start, False
    path = [(start, iter(sorted(edges.get(start, ()))))]
    while path:
        position, following = path[-1]
        reached = next((one for one in following if one not in seen), None)
        if reached is None:
            path.pop()
            yield position, True
        else:
            seen.add(reached)
            yield reached, False
            path.append((reached, iter(sorted(edges.get(reached, ())))))

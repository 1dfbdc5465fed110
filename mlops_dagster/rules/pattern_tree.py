"""A regular expression as a tree of items, repetitions and alternatives."""

import re
from dataclasses import dataclass

from mlops_dagster.rules.pattern_items import QUANTIFIER, in_python, item_length


@dataclass(frozen=True)
class Item:
    """One character of a set, by its place in the pattern; an anchor matches none (0)."""

    place: int
    matched: int


@dataclass(frozen=True)
class Repeated:
    """A part that stands `low` to `high` times; None is without bound."""

    part: "Part"
    low: int
    high: int | None


@dataclass(frozen=True)
class Group:
    """Alternatives, each a sequence of parts."""

    options: tuple[tuple["Part", ...], ...]


Part = Item | Repeated | Group


class TreeReader:
    """Reads a pattern into a tree; what looks ahead is kept aside and read on its own."""

    def __init__(self, body: str, *, ignore_case: bool) -> None:
        self._body = body
        self._alphabet = _Alphabet(body, ignore_case=ignore_case)
        self._index = 0
        self.aside: list[Group] = []

    def alternatives(self) -> Group:
        """Read alternatives up to the end or the parenthesis that closes them."""
        options: list[tuple[Part, ...]] = []
        parts: list[Part] = []
        while self._index < len(self._body) and self._body[self._index] != ")":
            if self._body[self._index] == "|":
                options.append(tuple(parts))
                parts = []
                self._index += 1
                continue
            parts.append(self._repeated(self._part()))
        return Group((*options, tuple(parts)))

    def _part(self) -> Part:
        start = self._index
        length = item_length(self._body, start)
        if isinstance(length, str):
            raise ValueError(f"the pattern was not checked: {length}")
        item = self._body[start : start + length]
        self._index += length
        if item.startswith("("):
            group = self.alternatives()
            self._index += 1
            if item not in ("(?=", "(?!"):
                return group
            self.aside.append(group)
            return Item(start, 0)
        return Item(start, 0 if item in ("^", "$") else self._alphabet.matched(item))

    def _repeated(self, part: Part) -> Part:
        quantifier = QUANTIFIER.match(self._body, self._index)
        if quantifier is None:
            return part
        self._index = quantifier.end()
        sign = quantifier[0][0]
        if sign != "{":
            return Repeated(part, 1 if sign == "+" else 0, 1 if sign == "?" else None)
        low = int(quantifier[1])
        if not quantifier[2]:
            return Repeated(part, low, low)
        return Repeated(part, low, int(quantifier[3]) if quantifier[3] else None)


class _Alphabet:
    r"""Characters that stand for all: two items match a common one if and only if one of these is.

    The ends of all ranges are among them, and what `\w`, `\d`, `\s` tell apart is ASCII.
    """

    def __init__(self, body: str, *, ignore_case: bool) -> None:
        near = {ord(letter) + step for letter in body for step in (-1, 0, 1)}
        codes = {*range(128), *near, 0xE9, 0x65E5, 0x85, 0x2028, 0x2029}
        self._letters = [chr(code) for code in sorted(codes) if 0 <= code < 0x110000]
        self._flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)

    def matched(self, item: str) -> int:
        """Return the characters that an item matches, one bit each."""
        pattern = re.compile(in_python(item), self._flags)
        return sum(
            1 << place
            for place, letter in enumerate(self._letters)
            if pattern.fullmatch(letter) is not None
        )

"""Which of two columns is never the larger, as the profile of a table suggests. Pure."""

from collections.abc import Iterator

from mlops_dagster.data.proposals import LEAST_ROWS, Learnt, Proposal
from mlops_dagster.data.table_profile import PartProfile
from mlops_dagster.spec.rule_texts import column_text


def relation_proposals(learnt: Learnt) -> Iterator[Proposal]:
    """Yield `a <= b` for columns that kept it in every row, and `a = b` for those always equal.

    Columns whose ranges alone would tell are left out: a temperature lies below a pressure in every
    row, which says nothing about either. So is what follows from two others.
    """
    if not learnt.parts:
        return
    orders = {pair for pair in _ordered_pairs(learnt) if _keeps(learnt, *pair)}
    for first, second in sorted(orders):
        equal = _equal(orders, first, second)
        if not _is_told(orders, first, second):
            continue
        both = sum(_both(part, first, second) for part in learnt.parts)
        yield Proposal(
            "rule",
            f"{column_text(first)} {'=' if equal else '<='} {column_text(second)}",
            (first, second),
            f"in all {both:,} rows that have both",
            unknown_passes=learnt.has_nulls(first, second),
        )


def _equal(orders: set[tuple[str, str]], one: str, other: str) -> bool:
    return (one, other) in orders and (other, one) in orders


def _is_told(orders: set[tuple[str, str]], first: str, second: str) -> bool:
    """Tell whether an order does not follow from others; of equal columns the first one speaks."""
    names = {name for pair in orders for name in pair}

    def leads(name: str) -> bool:
        return not any(_equal(orders, other, name) for other in names if other < name)

    if _equal(orders, first, second):
        return first < second and leads(first)
    between = {b for a, b in orders if a == first} & {a for a, b in orders if b == second}
    told = {b for b in between if not _equal(orders, b, first) and not _equal(orders, b, second)}
    return leads(first) and leads(second) and not told


def _ordered_pairs(learnt: Learnt) -> Iterator[tuple[str, str]]:
    for first, second in learnt.parts[0].pairs:
        yield first, second
        yield second, first


def _keeps(learnt: Learnt, first: str, second: str) -> bool:
    both = sum(_both(part, first, second) for part in learnt.parts)
    larger = sum(_larger(part, first, second) for part in learnt.parts)
    return both >= LEAST_ROWS and larger == 0 and _meet(learnt, first, second)


def _both(part: PartProfile, first: str, second: str) -> int:
    pair = part.pairs.get((first, second)) or part.pairs[second, first]
    return pair.both


def _larger(part: PartProfile, first: str, second: str) -> int:
    """Return in how many rows the first is the larger."""
    pair = part.pairs.get((first, second))
    return part.pairs[second, first].second_larger if pair is None else pair.first_larger


def _meet(learnt: Learnt, smaller: str, larger: str) -> bool:
    """Tell whether each of two columns reaches the other's median."""
    places = [
        (part.positions[smaller], part.positions[larger])
        for part in learnt.parts
        if smaller in part.positions and larger in part.positions
    ]
    return bool(places) and all(
        larger_low <= middle and high >= larger_middle
        for (_, middle, high), (larger_low, larger_middle, _) in places
    )

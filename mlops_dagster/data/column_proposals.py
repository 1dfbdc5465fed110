"""Rules that the profile of one column suggests. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR

from mlops_dagster.data.proposals import LEAST_ROWS, Learnt, Proposal, counted, rounded
from mlops_dagster.data.table_profile import is_whole
from mlops_dagster.spec.rule_texts import number_text
from mlops_dagster.spec.yaml_text import Flow

# A set of values is closed when each is common; a value in a single row says that more will come
# (Good and Turing: the share of what is unseen is about that of what was seen once).
LEAST_OF_A_VALUE = 5
# Beyond twice the way from the median to the outer thousandth lies what a faulty unit or digit
# makes; up to two thousandths of the rows may lie there, and windows differ.
REACH = 2
TAIL_ALLOWED = "> 0.4 %"
# Shares of nulls differ from window to window by more than chance: outages come in spells.
NULLS_FACTOR = 2
MOST_NULLS = 0.25
LEAST_PERCENT = 0.01
# Distances between windows say what is usual; fewer than three do not.
LEAST_WINDOWS = 3
LEAST_DISTANCE = 0.05
MOST_SHARES = 10


def column_proposals(name: str, learnt: Learnt) -> Iterator[Proposal]:
    """Yield the rules that a column suggests."""
    for make in _MAKERS:
        yield from make(name, learnt)


def _not_null(name: str, learnt: Learnt) -> Iterator[Proposal]:
    nulls = [part.columns[name].nulls for part in learnt.parts]
    if not sum(nulls):
        yield Proposal("not_null", [name], (name,), f"none of {learnt.rows:,} rows is null")
        return
    highest = max(n / part.rows for n, part in zip(nulls, learnt.parts, strict=True) if part.rows)
    if highest <= MOST_NULLS:
        allowed = max(rounded(100 * NULLS_FACTOR * highest, ROUND_CEILING), LEAST_PERCENT)
        said = f"nulls in {sum(nulls):,} of {learnt.rows:,} rows, {100 * highest:.3g} % of one part"
        warn_if = f"> {number_text(allowed)} %"
        yield Proposal("not_null", [name], (name,), said, warn_if=warn_if)


def _values(name: str, learnt: Learnt) -> Iterator[Proposal]:
    values = _closed_set(name, learnt)
    if values is None:
        return
    rarest = min(values.values())
    yield Proposal(
        "one_of",
        {name: sorted(values)},
        (name,),
        f"{counted(len(values), 'value')}, the rarest in {rarest:,} of {learnt.rows:,} rows",
        unknown_passes=learnt.has_nulls(name),
    )
    if learnt.by_window and 1 < len(values) <= MOST_SHARES and not learnt.has_nulls(name):
        yield from _distribution(name, values, learnt)


def _distribution(name: str, values: Mapping[str, int], learnt: Learnt) -> Iterator[Proposal]:
    shares = _shares(values)
    distances = []
    for part in learnt.parts:
        texts = part.columns[name].texts
        there = {} if texts is None or texts.values is None else texts.values
        if part.rows:
            apart = (abs(there.get(one, 0) / part.rows - share) for one, share in shares.items())
            distances.append(sum(apart) / 2)
    at_most = max(LEAST_DISTANCE, rounded(2 * max(distances), ROUND_CEILING))
    if len(distances) >= LEAST_WINDOWS and at_most < 1:
        yield Proposal(
            "distribution",
            {"column": name, "expected": dict(shares), "at_most": at_most},
            (name,),
            f"shares of {learnt.rows:,} rows; no window is farther off than {max(distances):.2g}",
        )


def _range(name: str, learnt: Learnt) -> Iterator[Proposal]:
    found = [one.numbers for one in learnt.of(name) if one.numbers is not None]
    filled = sum(one.filled for one in learnt.of(name))
    whole = is_whole(learnt.types[name])
    # An id or a running number has no range.
    if filled < LEAST_ROWS or (whole and learnt.almost_unique(name)):
        return
    if not found or any(one.unusable for one in found):
        return
    middle = sorted(one.middle for one in found)[len(found) // 2]
    smallest, largest = min(one.low for one in found), max(one.high for one in found)
    below = REACH * (middle - min(one.tails[0] for one in found))
    above = REACH * (max(one.tails[1] for one in found) - middle)
    if below + above <= 0:
        return
    size = max(below + above, 10.0) if whole else below + above
    low = rounded(middle - below, ROUND_FLOOR, like=size)
    high = rounded(middle + above, ROUND_CEILING, like=size)
    low = max(low, 0.0) if smallest >= 0 else low
    high = min(high, 0.0) if largest <= 0 else high
    inside = low <= smallest and largest <= high
    unknown = learnt.has_nulls(name)
    said = f"{filled:,} values from {smallest:.6g} to {largest:.6g}, the median is {middle:.6g}"
    yield Proposal(
        "between",
        {name: [low, high]},
        (name,),
        said if inside else f"{said}; a few lie outside",
        unknown_passes=unknown,
        warn_if=None if inside else TAIL_ALLOWED,
    )
    if not inside and smallest >= 0:
        said = f"none of {filled:,} values is negative"
        yield Proposal("not_negative", [name], (name,), said, unknown_passes=unknown)


def _form(name: str, learnt: Learnt) -> Iterator[Proposal]:
    """Yield how texts look that are no closed set: a format, else length and case."""
    found = [one.texts for one in learnt.of(name) if one.texts is not None]
    filled = sum(one.filled for one in learnt.of(name))
    if not found or filled < LEAST_ROWS or _closed_set(name, learnt) is not None:
        return

    def proposal(kind: str, demand: Flow) -> Proposal:
        said = f"all of {filled:,} texts"
        return Proposal(kind, demand, (name,), said, unknown_passes=learnt.has_nulls(name))

    for form in found[0].formats:
        if sum(one.formats[form] for one in found) == filled:
            yield proposal("format", {name: form.value})
            return
    if not any(one.blank for one in found):
        yield proposal("not_blank", [name])
    lengths = {length for one in found for length in one.lengths}
    if len(lengths) == 1:
        yield proposal("length", {name: lengths.pop()})
    upper, lower = sum(one.upper for one in found), sum(one.lower for one in found)
    # Texts without letters are equal in both cases.
    if upper != lower and filled in (upper, lower):
        yield proposal("case", {name: "upper" if upper == filled else "lower"})


def _unique(name: str, learnt: Learnt) -> Iterator[Proposal]:
    found = learnt.of(name)
    if not (is_whole(learnt.types[name]) or learnt.types[name] == "string"):
        return
    if found and all(one.filled >= LEAST_ROWS for one in found) and learnt.almost_unique(name):
        filled = sum(one.filled for one in found)
        said = f"about as many values as rows, {filled:,}"
        unknown = learnt.has_nulls(name)
        yield Proposal("unique", [name], (name,), said, unknown_passes=unknown)


def _closed_set(name: str, learnt: Learnt) -> Mapping[str, int] | None:
    """Return the rows of each value in all parts; None where more values are to be expected."""
    found = learnt.of(name)
    total: dict[str, int] = {}
    for one in found:
        if one.texts is None or one.texts.values is None:
            return None
        for value, rows in one.texts.values.items():
            total[value] = total.get(value, 0) + rows
    filled = sum(one.filled for one in found)
    if filled < LEAST_ROWS or sum(total.values()) != filled:
        return None
    return total if min(total.values()) >= LEAST_OF_A_VALUE else None


def _shares(values: Mapping[str, int]) -> Mapping[str, float]:
    """Return shares of three digits that add up to 1; the largest takes what rounding leaves."""
    rows = sum(values.values())
    shares = {value: round(count / rows, 3) for value, count in sorted(values.items())}
    largest = max(shares, key=lambda value: shares[value])
    rest = sum(share for value, share in shares.items() if value != largest)
    return shares | {largest: round(1 - rest, 3)}


_MAKERS: Sequence[Callable[[str, Learnt], Iterator[Proposal]]] = (
    _not_null,
    _values,
    _range,
    _form,
    _unique,
)

"""Short forms of rules as texts of the rule language: one meaning, in Spark and in tests."""

import re
from collections.abc import Callable, Iterable, Mapping

from mlops_dagster.rules.functions import BARE_AGGREGATES
from mlops_dagster.rules.tokens import RESERVED
from mlops_dagster.spec.rule_kinds import RuleKinds
from mlops_dagster.spec.rule_values import Spread, TextFormat
from mlops_dagster.windows import Duration

_PLAIN = re.compile(r"[^\W\d]\w*")
# `$` would also stand before a line feed at the end.
_END = r"(?![\s\S])"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HEX = "[0-9a-fA-F]"
# An e-mail address or URL as people mean it, not all that the RFCs (5321, 3986) allow.
PATTERNS: Mapping[TextFormat, str] = {
    TextFormat.EMAIL: r"^[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.){1,30}[A-Za-z]{2,24}" + _END,
    TextFormat.URL: r"^https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][^\s]*)?" + _END,
    TextFormat.UUID: rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}" + _END,
    TextFormat.IPV4: rf"^(?:{_BYTE}\.){{3}}{_BYTE}" + _END,
}


def column_text(name: str) -> str:
    """Return a column as it stands in a rule: in backticks where its name means something else."""
    word = name.lower()
    if _PLAIN.fullmatch(name) and word not in RESERVED and word not in BARE_AGGREGATES:
        return name
    return "`" + name.replace("`", "``") + "`"


def value_text(value: str | float | bool) -> str:
    """Return a value as a literal of the rule language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return number_text(value)


def number_text(value: float) -> str:
    """Return a number as a literal of the rule language, whole ones without a point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def rule_text(kind: str, demand: RuleKinds) -> str | None:
    """Return the text of a short form; None for kinds that one text cannot say."""
    if kind == "rule":
        return demand.rule
    write = _TEXTS.get(kind)
    return None if write is None else write(demand)


def _all(tests: Iterable[str]) -> str:
    return " and ".join(tests)


def _each(
    names: Iterable[str] | None, form: str, *, joined: Callable[[Iterable[str]], str] = _all
) -> str:
    return joined(form.format(column_text(name)) for name in names or ())


def _options(columns: Mapping[str, list[str | int | float | bool]] | None, word: str) -> str:
    return _all(
        f"{column_text(name)} {word} ({', '.join(map(value_text, values))})"
        for name, values in (columns or {}).items()
    )


def _between(demand: RuleKinds) -> str:
    return _all(
        f"{column_text(name)} between {number_text(low)} and {number_text(high)}"
        for name, (low, high) in (demand.between or {}).items()
    )


def _length(demand: RuleKinds) -> str:
    return _all(
        f"length({column_text(name)}) "
        + (f"= {low}" if low == high else f"between {low} and {high}")
        for name, (low, high) in (demand.length or {}).items()
    )


def _format(demand: RuleKinds) -> str:
    tests = []
    for name, wanted in (demand.format or {}).items():
        column = column_text(name)
        if wanted in PATTERNS:
            tests.append(f"{column} rlike {value_text(PATTERNS[wanted])}")
        elif wanted is TextFormat.CARD:
            # As many digits as cards have (ISO/IEC 7812).
            tests.append(f"length({column}) between 12 and 19 and is_luhn({column})")
        else:
            tests.append(f"is_{wanted.value}({column})")
    return _all(tests)


def _calls(columns: Mapping[str, Iterable[str]] | None, form: str) -> str:
    """Return a call for each column, with the values as arguments."""
    return _all(
        form.format(column_text(name), ", ".join(map(value_text, values)))
        for name, values in (columns or {}).items()
    )


def _in_network(demand: RuleKinds) -> str:
    tests = [
        " or ".join(f"in_network({column_text(name)}, {value_text(one)})" for one in networks)
        for name, networks in (demand.in_network or {}).items()
    ]
    return _all(f"({test})" for test in tests) if len(tests) > 1 else tests[0]


def _free_of(demand: RuleKinds) -> str:
    return _all(
        f"not mentions({column_text(name)}, {value_text(kind.value)})"
        for name, kinds in (demand.free_of or {}).items()
        for kind in kinds
    )


def _together(demand: RuleKinds) -> str:
    names = demand.together or ()
    absent = _each(names, "{} is null")
    return f"({absent}) or ({_each(names, '{} is not null')})"


def _different(demand: RuleKinds) -> str:
    names = [column_text(name) for name in demand.different or ()]
    return _all(
        f"{first} != {second}" for place, first in enumerate(names) for second in names[place + 1 :]
    )


def _ages(columns: Mapping[str, Duration] | None, form: str) -> str:
    return _all(
        f"{form.format(column_text(name))} >= as_of() - {interval_text(span)}"
        for name, span in (columns or {}).items()
    )


def interval_text(span: Duration) -> str:
    """Return a span as an interval of the rule language."""
    return f"interval {span}"


def _no_gaps(demand: RuleKinds) -> str:
    tests = []
    for name, every in (demand.no_gaps or {}).items():
        seconds = int(every.elapsed.total_seconds())
        wanted = f"slot(window_end(), {seconds}) - slot(window_start(), {seconds})"
        tests.append(f"distinct_count(slot({column_text(name)}, {seconds})) >= {wanted}")
    return _all(tests)


def _outliers(demand: RuleKinds) -> str:
    return _all(
        _inside(column_text(name), spread) for name, spread in (demand.outliers or {}).items()
    )


def _inside(column: str, spread: Spread) -> str:
    if spread.unit == "sigma":
        return f"abs({column} - mean({column})) <= {number_text(spread.count)} * stddev({column})"
    if spread.unit == "mad":
        distance = f"abs({column} - median({column}))"
        # Times this, it is the standard deviation of values that are spread normally.
        reach = f"{number_text(spread.count)} * 1.4826 * median({distance})"
        return f"{distance} <= {reach}"
    low, high = f"quantile({column}, 0.25)", f"quantile({column}, 0.75)"
    reach = f"{number_text(spread.count)} * ({high} - {low})"
    return f"{column} between {low} - {reach} and {high} + {reach}"


_TEXTS: Mapping[str, Callable[[RuleKinds], str]] = {
    "not_null": lambda demand: _each(demand.not_null, "{} is not null"),
    "not_blank": lambda demand: _each(demand.not_blank, r"{} rlike '\\S'"),
    "not_empty": lambda demand: _each(demand.not_empty, "size({}) > 0"),
    "together": _together,
    "null_rate": lambda demand: _all(
        f"null_rate({column_text(name)}) <= {number_text(share)}"
        for name, share in (demand.null_rate or {}).items()
    ),
    "any_present": lambda demand: _each(demand.any_present, "{} is not null", joined=" or ".join),
    "one_of": lambda demand: _options(demand.one_of, "in"),
    "none_of": lambda demand: _options(demand.none_of, "not in"),
    "between": _between,
    "positive": lambda demand: _each(demand.positive, "{} > 0"),
    "not_negative": lambda demand: _each(demand.not_negative, "{} >= 0"),
    "length": _length,
    "decimals": lambda demand: _all(
        f"{column_text(name)} = round({column_text(name)}, {digits})"
        for name, digits in (demand.decimals or {}).items()
    ),
    "case": lambda demand: _all(
        f"{column_text(name)} = {case.value}({column_text(name)})"
        for name, case in (demand.case or {}).items()
    ),
    "matches": lambda demand: _all(
        f"{column_text(name)} rlike {value_text(pattern)}"
        for name, pattern in (demand.matches or {}).items()
    ),
    "format": _format,
    "date_format": lambda demand: _all(
        f"is_date_as({column_text(name)}, {value_text(form)})"
        for name, form in (demand.date_format or {}).items()
    ),
    "json_has": lambda demand: _calls(demand.json_has, "json_has({}, {})"),
    "json_types": lambda demand: _all(
        f"json_type({column_text(name)}, {value_text(key)}) = {value_text(wanted.value)}"
        for name, keys in (demand.json_types or {}).items()
        for key, wanted in keys.items()
    ),
    "in_network": _in_network,
    "free_of": _free_of,
    "different": _different,
    "distinct_rate": lambda demand: _all(
        f"distinct_count({column_text(name)}) >= {number_text(share)} * count({column_text(name)})"
        for name, share in (demand.distinct_rate or {}).items()
    ),
    "not_in_future": lambda demand: _each(demand.not_in_future, "{} <= as_of()"),
    "age_at_most": lambda demand: _ages(demand.age_at_most, "{}"),
    "fresh": lambda demand: _ages(demand.fresh, "max({})"),
    "no_gaps": _no_gaps,
    "outliers": _outliers,
}

"""Rules that look into another table: references, and statistics that must agree."""

from collections.abc import Mapping

from mlops_dagster.rules import parse_statistic
from mlops_dagster.rules.kinds import comparable, kind_of_type
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, check_names, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted, show
from mlops_dagster.spec.rule_checks import Agrees, Check, Covers, GroupsAgree, Reference, SameRow
from mlops_dagster.spec.rule_demands import Agreement
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule


def resolve_reference(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what a reference demands, in words, and its check; None after telling why not."""
    pointed = {"references": rule.references, "absent_from": rule.absent_from}[kind] or {}
    found = _resolved(draft, drafts, pointed, (*path, kind))
    if found is None:
        return None
    source, others = found
    word = "in" if kind == "references" else "not in"
    shown = ", ".join(f"{name} {word} {text}" for name, text in pointed.items())
    return shown, Reference(tuple(pointed), source, others, kind == "references")


def resolve_cover(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return which values must all be there, in words, and its check; None after telling why."""
    pointed = {"covers": rule.covers, "same_values": rule.same_values}[kind] or {}
    found = _resolved(draft, drafts, pointed, (*path, kind))
    if found is None:
        return None
    source, others = found
    names, theirs = ", ".join(pointed), ", ".join(pointed.values())
    exact = kind == "same_values"
    shown = f"{names} has the values of {theirs}" if exact else f"{names} covers {theirs}"
    return shown, Covers(tuple(pointed), source, others, exact)


def resolve_same_rows(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return with which rows rows must agree, in words, and its check; None after telling why."""
    demand = rule.same_rows
    if demand is None:
        raise TypeError("no rows to compare with")
    read = find_input(draft, drafts, demand.input, (*path, kind, "input"))
    twice = [name for name in demand.columns if name in demand.key]
    if twice:
        draft.source.report(
            *path, kind, "columns", problem=f"'{twice[0]}' is part of the key, which is equal"
        )
        return None
    for part, pairs in (("key", demand.key), ("columns", demand.columns)):
        for name, other in pairs.items():
            place = (*path, kind, part)
            check_column(draft, name, *place)
            if read is not None:
                check_pointed(draft, read, other, place, mine=name)
    if read is None:
        return None
    within = "" if demand.within.value == 0 else f" within {demand.within}"
    key, columns = ", ".join(demand.key), ", ".join(demand.columns)
    return f"{columns} as in {demand.input} by {key}{within}", SameRow(demand)


def _resolved(
    draft: Draft, drafts: Drafts, pointed: Mapping[str, str], path: Path
) -> tuple[str, tuple[str, ...]] | None:
    """Return the input that columns point to, and its columns; None after telling why not."""
    inputs: set[str] = set()
    others: list[str] = []
    for name, text in pointed.items():
        check_column(draft, name, *path, name, at_key=True)
        source, _, other = text.partition(".")
        if not source or not other:
            draft.source.report(
                *path, name, expected="a column of an input: 'input.column'", found=show(text)
            )
            return None
        inputs.add(source)
        others.append(other)
    if not pointed:
        draft.source.report(*path, expected="a column and where it points", found="none")
        return None
    if len(inputs) > 1:
        draft.source.report(
            *path,
            expected="columns of one input; the row that they point to is one row",
            found=quoted(sorted(inputs)),
        )
        return None
    (source,) = inputs
    read = find_input(draft, drafts, source, path)
    if read is None:
        return None
    for name, other in zip(pointed, others, strict=True):
        check_pointed(draft, read, other, (*path, name), mine=name)
    return source, tuple(others)


def resolve_agreement(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what must agree, in words, and its check; None after telling why not."""
    demand = rule.agrees
    if demand is None:
        raise TypeError("no table to agree with")
    read = find_input(draft, drafts, demand.input, (*path, kind, "input"))
    statistic = parsed(draft, (*path, kind, "of"), demand.of, parse_statistic)
    if statistic is not None:
        check_expression(draft, statistic, (*path, kind, "of"))
    key = "of" if demand.its is None else "its"
    its = None
    if read is not None and (demand.its is not None or statistic is not None):
        its = parsed(
            draft, (*path, kind, key), demand.its or demand.of, parse_statistic, table=demand.input
        )
    if read is None or statistic is None or its is None:
        return None
    check_names(draft, read, its, (*path, kind, key))
    if demand.by is None:
        return _agreement_text(demand), Agrees(statistic, its, demand)
    for number, name in enumerate(demand.by):
        place = (*path, kind, "by", number)
        check_column(draft, name, *place)
        check_pointed(draft, read, name, place, mine=name)
    text = f"{_agreement_text(demand)} by {', '.join(demand.by)}"
    return text, GroupsAgree(statistic, its, demand, tuple(demand.by))


def check_pointed(draft: Draft, read: Draft, other: str, path: Path, *, mine: str | None) -> None:
    """Report a column that an input does not have, or of another kind than one of the table.

    Args:
        draft: The table.
        read: The input.
        other: Its column.
        path: Where it is named.
        mine: The column of the table that it is held against.
    """
    if check_column(read, other, *path, of=draft) is None or mine is None or read.columns is None:
        return
    its = read.columns[other]
    type_of_mine = (draft.columns or {}).get(mine)
    if its is None or type_of_mine is None:
        return
    if not comparable(kind_of_type(type_of_mine), kind_of_type(its)):
        draft.source.report(
            *path,
            expected=f"a column that can be compared with {mine}, {type_of_mine}",
            found=f"{other}, {its}",
        )


def find_input(draft: Draft, drafts: Drafts, name: str, path: Path) -> Draft | None:
    """Return the input of this name, telling where there is none."""
    if name in draft.inputs:
        return drafts[draft.inputs[name]]
    if name in draft.spec.inputs:
        # Declared, but what it should be is wrong and has been told.
        return None
    delivered = {"files": "files", "source": "a source"}.get(draft.kind or "")
    draft.source.report(
        *path,
        expected="an input of the table",
        found=f"'{name}'",
        names=list(draft.spec.inputs),
        nearest_to=name,
        next_step=f"A table of {delivered} reads no other tables: hold the table made from it to "
        "this"
        if delivered is not None
        else f"Add it to the table's inputs: inputs: {{{name}: <layer>.<name>}}",
    )
    return None


def _agreement_text(demand: Agreement) -> str:
    its = demand.its or demand.of
    within = "" if demand.within.value == 0 else f" within {demand.within}"
    return f"{demand.of} is {its} of {demand.input}{within}"

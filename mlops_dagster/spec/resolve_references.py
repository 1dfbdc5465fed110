"""Rules that look into another table: references, and statistics that must agree."""

from mlops_dagster.rules import parse_statistic
from mlops_dagster.rules.kinds import comparable, kind_of_type
from mlops_dagster.spec.check_texts import Drafts, Path, check_expression, check_names, parsed
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.messages import quoted, show
from mlops_dagster.spec.rule_checks import Agrees, Check, Reference
from mlops_dagster.spec.rule_kinds import Agreement
from mlops_dagster.spec.table_columns import check_column
from mlops_dagster.spec.tables import Rule


def resolve_reference(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what a reference demands, in words, and its check; None after telling why not."""
    present = kind == "references"
    pointed = (rule.references if present else rule.absent_from) or {}
    inputs: set[str] = set()
    others: list[str] = []
    for name, text in pointed.items():
        check_column(draft, name, *path, kind, name, at_key=True)
        source, _, other = text.partition(".")
        if not source or not other:
            draft.source.report(
                *path, kind, name, expected="a column of an input: 'input.column'", found=show(text)
            )
            return None
        inputs.add(source)
        others.append(other)
    if not pointed:
        draft.source.report(*path, kind, expected="a column and where it points", found="none")
        return None
    if len(inputs) > 1:
        draft.source.report(
            *path,
            kind,
            expected="columns of one input; the row that they point to is one row",
            found=quoted(sorted(inputs)),
        )
        return None
    (source,) = inputs
    read = _input(draft, drafts, source, (*path, kind))
    if read is None:
        return None
    for name, other in zip(pointed, others, strict=True):
        mine = (draft.columns or {}).get(name)
        _check_pointed(draft, read, other, (*path, kind, name), mine=mine and f"{name}, {mine}")
    word = "in" if present else "not in"
    shown = ", ".join(f"{name} {word} {text}" for name, text in pointed.items())
    return shown, Reference(tuple(pointed), source, tuple(others), present)


def resolve_agreement(
    draft: Draft, drafts: Drafts, rule: Rule, kind: str, path: Path
) -> tuple[str, Check] | None:
    """Return what must agree, in words, and its check; None after telling why not."""
    demand = rule.agrees
    if demand is None:
        raise TypeError("no table to agree with")
    read = _input(draft, drafts, demand.input, (*path, kind, "input"))
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
    return _agreement_text(demand), Agrees(statistic, its, demand)


def _check_pointed(draft: Draft, read: Draft, other: str, path: Path, *, mine: str | None) -> None:
    """Report a column that the input does not have, or of another kind than `name, type`."""
    if check_column(read, other, *path, of=draft) is None or mine is None or read.columns is None:
        return
    its = read.columns[other]
    kinds = [kind_of_type(kind) for kind in (mine.rpartition(", ")[2], its or "")]
    if its is not None and not comparable(*kinds):
        draft.source.report(
            *path,
            expected=f"a column that can be compared with {mine}",
            found=f"{other}, {its}",
        )


def _input(draft: Draft, drafts: Drafts, name: str, path: Path) -> Draft | None:
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

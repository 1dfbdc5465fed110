"""Proposed rules as YAML: each with its evidence, and what was left out as comments. Pure."""

from collections.abc import Iterator

from mlops_dagster.data.proposals import Proposal
from mlops_dagster.data.propose import Proposed


def proposed_text(found: Proposed) -> str:
    """Return proposals as the key `rules` of a table, to be reviewed and pasted."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Proposed) -> Iterator[str]:
    yield f"# Rules for {found.table}, learnt from {found.rows:,} valid rows: {found.learnt_from}."
    yield f"# Each also held on {found.tried_on}, which it was not learnt from."
    yield "# They record and warn; once `mlops-dagster preview-rules` has shown what they would"
    yield "# stop, change severity and on_fail."
    if found.known:
        yield f"# Suggestions that are rules of the table already: {found.known}."
    yield "rules:" if found.kept else "rules: []"
    for one in _merged(found.kept):
        yield f"  # {_comment(one.evidence)}"
        yield f"  - {one.entry}"
    if found.left_out:
        yield "# Left out, because they did not hold:"
    for left in found.left_out:
        yield f"#   {left.proposal.entry}"
        yield f"#     {_comment(left.why)}"


def _merged(kept: tuple[Proposal, ...]) -> Iterator[Proposal]:
    """Yield the proposals, those that columns are never null as one."""
    never = [one for one in kept if one.kind == "not_null" and one.warn_if is None]
    names = tuple(name for one in never for name in one.columns)
    for one in kept:
        if one not in never:
            yield one
        elif one is never[0]:
            yield Proposal("not_null", list(names), names, one.evidence)


def _comment(text: str) -> str:
    """Return a text in one line: what the data hold must not end a comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)

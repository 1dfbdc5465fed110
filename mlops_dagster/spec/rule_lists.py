"""A list of rules in a text of its own, read as if it stood in a table's YAML."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

from mlops_dagster.spec.directory import Declared
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import Owner
from mlops_dagster.spec.hook_files import HooksFile
from mlops_dagster.spec.hooks import HOOKS_FILE
from mlops_dagster.spec.problems import ProblemList
from mlops_dagster.spec.resolve_rules import resolve_rules
from mlops_dagster.spec.source import read_source
from mlops_dagster.spec.use_case import Project
from mlops_dagster.spec.workspace import ResolvedRule, ResolvedTable


def read_rules(
    text: str, table: ResolvedTable, types: Mapping[str, str]
) -> tuple[ResolvedRule, ...]:
    """Return the rules of a text `rules: [...]`, resolved for a table.

    Rules that look into inputs of the table cannot be read here.

    Args:
        text: YAML with the key `rules`.
        table: Whose rules they are to be.
        types: Spark's type names by column.

    Raises:
        SpecError: Something is wrong; the message lists every mistake with its line.
    """
    name, problems = table.ref.name, ProblemList()
    head = f"spec_version: 1\nname: rules\ntables:\n  {name}:\n"
    source = read_source(
        (head + indent(text, "    ")).encode(),
        Project,
        file=f"rules of {table.ref}",
        problems=problems,
    )
    if source.model is None or name not in source.model.tables:
        problems.raise_if_any()
        raise TypeError(f"the rules of {table.ref} are no table's")
    owner = Owner(table.ref.owner, Path(), source, {}, {}, HooksFile(HOOKS_FILE))
    draft = Draft(
        Declared(table.ref, owner, name, source.model.tables[name]),
        kind=table.kind,
        columns=dict(types),
        calendar=table.calendar,
        windowed=table.windowed,
    )
    resolve_rules(draft, {})
    problems.raise_if_any()
    return tuple(draft.rules)

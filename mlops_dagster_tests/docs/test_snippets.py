"""Every rule and table that a page shows in passing is understood, on columns of fitting types."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent, indent

import pytest

from mlops_dagster.spec.loader import find_problems
from mlops_dagster.spec.rule_kinds import KINDS
from mlops_dagster_tests.docs.pages import ROOT, blocks, key_tables, snippets

RULES, OVER_TIME, INGESTION = (
    ROOT / "docs" / f"{name}.md" for name in ("rules", "rules_over_time", "ingestion")
)
FLAGSHIP = (ROOT / "use_cases" / "flight_delays" / "contracts" / "silver.weather.yaml").read_text()
# The columns of the examples; a text where the type says nothing to them.
TYPES = {
    **dict.fromkeys(("distance", "reading", "amount", "price", "delay"), "double"),
    **dict.fromkeys(("ordered", "delivered"), "double"),
    **dict.fromkeys(("flight_id", "order_id", "id"), "bigint"),
    **dict.fromkeys(("measured_at", "at"), "timestamp"),
    "day": "date",
    "late": "boolean",
}
TEXTS = (
    *("carrier", "origin", "meter", "station", "currency", "shop", "tail_number", "code", "name"),
    *("payload", "client", "session", "city"),
)
# Short forms that give no example of their own.
PLAIN = {
    "rule": "distance > 0",
    "not_null": "[carrier, origin]",
    "none_of": "{origin: [EWR, JFK]}",
    "not_blank": "name",
    "not_empty": "[tags]",
    "any_present": "[carrier, origin]",
    "together": "[carrier, origin]",
    "positive": "distance",
    "not_negative": "[distance]",
    "case": "{code: upper}",
    "matches": "{code: '^[A-Z]+$'}",
    "format": "{code: country}",
    "free_of": "{name: [email, phone, card]}",
    "different": "[carrier, origin]",
    "not_in_future": "measured_at",
    "age_at_most": "{measured_at: 2 days}",
    "fresh": "{measured_at: 6 hours}",
    "rising": "{reading: measured_at}",
    "unique": "[carrier, day]",
    "distinct_rows": "true",
    "references": "{order_id: ledger.id}",
    "absent_from": "{order_id: ledger.id}",
    "covers": "{order_id: ledger.id}",
    "same_values": "{order_id: ledger.id}",
    "outliers": "{delay: 3 iqr}",
}


def project_with(root: Path, rules: str, *, types: Mapping[str, str] | None = None) -> None:
    """Write a project with a table that is held to these rules and reads two others."""
    columns = {**dict.fromkeys(TEXTS, "string"), "tags": "array<string>", **TYPES, **(types or {})}
    contracts = {
        "bronze.delivered": columns,
        "gold.rows": columns,
        "bronze.ledger": {"id": "bigint", "amount": "double", "currency": "string"},
        "bronze.last_year": {"delay": "double"},
    }
    folder = root / "use_cases" / "page"
    for table, found in contracts.items():
        listed = "".join(f"  - {{name: {n}, type: '{kind}'}}\n" for n, kind in found.items())
        write(
            folder / "contracts" / f"{table}.yaml",
            f"spec_version: 1\ntable: page.{table}\ncolumns:\n{listed}",
        )
    write(folder / "gold" / "rows.sql", f"select {', '.join(columns)} from delivered\n")
    tables = "".join(
        f"  {name}: {{files: '{name}/{{window}}.parquet'}}\n"
        for name in ("bronze.delivered", "bronze.ledger", "bronze.last_year")
    )
    rules = dedent(rules)
    # An input that nothing looks into is a mistake of its own.
    rules = rules.rstrip("\n") + "".join(
        f"\n- {{agrees: {{of: row_count, input: {name}}}, name: looks_into_{name}}}"
        for name in ("ledger", "last_year")
    )
    read = "{delivered: bronze.delivered, ledger: bronze.ledger, last_year: bronze.last_year}"
    tables += f"  gold.rows:\n    inputs: {read}\n    rules:\n{indent(rules, '      ')}"
    use_case(root, tables)


def use_case(root: Path, tables: str) -> None:
    write(
        root / "use_cases" / "page" / "use_case.yaml",
        "spec_version: 1\nname: page\nwindows: {every: day, first: 2024-01-01}\n"
        f"tables:\n{tables}\n",
    )
    write(root / "project.yaml", "spec_version: 1\nname: pages\n")
    write(
        root / "environments" / "dev.yaml",
        "spec_version: 1\nname: dev\nengine: {kind: local}\nlanding: landing\n"
        "tables: {kind: paths, warehouse: .mlops/dev/warehouse}\n",
    )


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def told(root: Path) -> list[str]:
    return [str(problem) for problem in find_problems(root, "dev")]


def examples() -> Iterator[tuple[str, str]]:
    """Yield each kind of rule with the example that the table of kinds gives of it."""
    kinds = {row.key: row.meaning for row in key_tables(RULES)["rule"] if row.key in KINDS}
    for kind, meaning in kinds.items():
        shown = re.findall(r"`(\{[^`]+\})`", meaning)
        for example in shown or ([PLAIN[kind]] if kind in PLAIN else []):
            yield kind, example


@pytest.mark.parametrize(("kind", "example"), list(examples()))
def test_the_example_of_every_kind_of_rule_is_understood(
    tmp_path: Path, kind: str, example: str
) -> None:
    as_text = {"day": "string"} if kind == "date_format" else {}
    project_with(tmp_path, f"- {{{kind}: {example}}}\n", types=as_text)
    assert told(tmp_path) == []


def test_every_kind_of_rule_has_an_example_in_its_row_below_or_here() -> None:
    below = "\n".join((*snippets(RULES), *documented_tables()))
    shown = {kind for kind, _ in examples()} | set(re.findall(r"\{(\w+): ", below))
    assert set(KINDS) - shown == set()


def documented_tables() -> list[str]:
    """Return the rules that the pages show in cells of tables and in their text."""
    text = OVER_TIME.read_text(encoding="utf-8").split("## Rules that look back")[1]
    return re.findall(r"\| `(\{.+\})` \|", text)


@pytest.mark.parametrize("rules", snippets(RULES))
def test_the_rules_that_the_page_shows_are_understood(tmp_path: Path, rules: str) -> None:
    project_with(tmp_path, rules.removeprefix("rules:\n"))
    assert told(tmp_path) == []


def test_rules_that_look_back_are_understood(tmp_path: Path) -> None:
    assert len(documented_tables()) == 4
    project_with(tmp_path, "".join(f"- {rule}\n" for rule in documented_tables()))
    assert told(tmp_path) == []


def test_proposed_rules_are_understood_as_they_are_printed(tmp_path: Path) -> None:
    (proposed,) = (b.text for b in blocks(OVER_TIME) if b.text.startswith("# Rules for"))
    weather = dict(re.findall(r"name: (\w+), type: (\w+)", FLAGSHIP))
    project_with(tmp_path, proposed.split("rules:\n")[1], types=weather)
    assert told(tmp_path) == []


@pytest.mark.parametrize("tables", snippets(INGESTION))
def test_the_tables_that_the_page_shows_are_understood(tmp_path: Path, tables: str) -> None:
    use_case(tmp_path, indent(tables, "  "))
    assert told(tmp_path) == []

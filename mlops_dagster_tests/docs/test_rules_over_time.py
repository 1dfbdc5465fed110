"""docs/rules_over_time.md against the table and the proposals that it documents."""

import re

from mlops_dagster.data import column_proposals, proposals, propose, table_profile
from mlops_dagster.monitoring.quality_results import QUALITY_RESULTS
from mlops_dagster_tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "rules_over_time.md").read_text(encoding="utf-8")


def test_the_page_has_every_column_with_its_type_and_meaning() -> None:
    section = PAGE.split("## What the rules said")[1].split("\n## ")[0]
    shown = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", section, flags=re.MULTILINE)
    assert shown == [(one.name, one.type, one.text) for one in QUALITY_RESULTS.columns]
    assert f"Version {QUALITY_RESULTS.version};" in section


def test_the_page_states_the_thresholds_of_proposals() -> None:
    section = PAGE.split("## Rules that the data suggest")[1].split("\n## ")[0]
    for number in (
        proposals.LEAST_ROWS,
        column_proposals.LEAST_OF_A_VALUE,
        column_proposals.MOST_SHARES,
        column_proposals.LEAST_DISTANCE,
        f"{column_proposals.MOST_NULLS:.0%}".replace("%", " %"),
        column_proposals.TAIL_ALLOWED.strip("> "),
        propose.MOST_KEYS,
        table_profile.MOST_COLUMNS,
        table_profile.MOST_COMPARED,
        table_profile.MOST_VALUES,
    ):
        assert re.search(rf"(?<![\d.]){re.escape(str(number))}(?![\d.]\d)", section), number

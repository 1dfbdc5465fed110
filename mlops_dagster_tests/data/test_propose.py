"""Rules are learnt on some windows, tried on others, written as YAML, and find what is planted."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from mlops_dagster.cli import main
from mlops_dagster.data.column_proposals import column_proposals
from mlops_dagster.data.impact import impact
from mlops_dagster.data.past_batches import past_batches
from mlops_dagster.data.proposals import LEAST_ROWS, Learnt, Proposal, rounded, row_count_proposal
from mlops_dagster.data.propose import Proposed, propose
from mlops_dagster.data.proposed_text import proposed_text
from mlops_dagster.data.relation_proposals import relation_proposals
from mlops_dagster.data.table_profile import PART, PartProfile, profile_parts
from mlops_dagster.spec.rule_values import TextFormat
from mlops_dagster_tests.conftest import REMOTE_VARIABLE
from mlops_dagster_tests.data.worlds import Project

pytestmark = pytest.mark.long

WINDOWS = ("2013-01", "2013-02", "2013-03")
FAULTY = "2013-04"
ROWS = 120
READINGS = """
bronze.readings:
  files: "readings/{window}.csv"
%s
bronze.sensors:
  files: sensors.csv
"""
# What the table says already is not proposed again.
KNOWN = "  rules: [{between: {level: [0, 50]}, name: level_known}, sensor is not null]\n"


def reading(window: str, number: int) -> dict[str, object]:
    """Return a row of a month; in March a grade comes up that was never there before."""
    low = 40 + (number * 7) % 23 - 5 * (number % 3)
    return {
        "id": f"r-{window}-{number:03}",
        "sensor": "ABC"[number % 3],
        "grade": "z" if (window, number) == ("2013-03", 7) else "xy"[number % 2],
        "low": low / 2 if number % 40 else "",
        "high": low / 2 + (number * 11) % 17,
        "level": number % 6,
        "site": f"SITE{number % 60:02}",
        "mail": f"s{number}@example.org",
        "note": f"note {number * 37 % 91}",
    }


def in_csv(rows: Sequence[Mapping[str, object]]) -> str:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"


def month(window: str) -> list[dict[str, object]]:
    return [reading(window, number) for number in range(ROWS)]


def faulty() -> list[dict[str, object]]:
    rows = month(FAULTY)
    rows[1]["high"] = 9999
    rows[2]["sensor"] = "D"
    rows[3]["low"], rows[3]["high"] = 30, 25
    rows[4]["id"] = rows[5]["id"]
    rows[6]["mail"] = "nobody"
    rows[8]["site"] = "site08"
    for row in rows[50:80]:
        row["low"] = ""
    return rows


def proposed(project: Project, name: str, session: SparkSession) -> Proposed:
    table = project.table(name)
    batches = past_batches(project.store, table, at_most=12)
    return propose(session, batches, table=table, locations=project.locations)


def entries(found: Proposed) -> dict[str, str]:
    """Return what is proposed by kind and columns."""
    return {f"{one.kind} {' '.join(one.columns)}".strip(): one.entry for one in found.kept}


def test_proposals_hold_where_they_were_learnt_and_find_what_is_planted_later(
    project: Project, spark: SparkSession
) -> None:
    project.declare(READINGS % KNOWN)
    for window in WINDOWS:
        project.write(f"landing/readings/{window}.csv", in_csv(month(window)))
        project.build("bronze.readings", window)
    found = proposed(project, "bronze.readings", spark)
    assert (found.rows, found.learnt_from, found.tried_on) == (
        2 * ROWS,
        "2013-01 to 2013-02",
        "2013-03",
    )
    made = entries(found)
    quiet = "severity: warning, on_fail: record}"
    assert made["one_of sensor"] == f"{{one_of: {{sensor: [A, B, C]}}, {quiet}"
    assert made["rule low high"] == f'{{rule: "low <= high", unknown: pass, {quiet}'
    assert made["rule"] == f'{{rule: "row_count between 60 and 240", {quiet}'
    assert made["unique id"] == f"{{unique: [id], {quiet}"
    assert made["format mail"] == f"{{format: {{mail: email}}, {quiet}"
    assert made["length site"] == f"{{length: {{site: 6}}, {quiet}"
    assert made["case site"] == f"{{case: {{site: upper}}, {quiet}"
    assert made["not_null low"] == f'{{not_null: [low], warn_if: "> 5 %", {quiet}'
    assert "between low" in made
    # The table has rules about these, or they are no closed set, or they were brittle.
    assert not {"between level", "not_null sensor", "one_of note", "one_of grade"} & made.keys()
    assert found.known == 2
    left_out = {f"{one.proposal.kind} {one.proposal.columns[0]}": one.why for one in found.left_out}
    assert left_out["one_of grade"] == "2013-03: 1 of 120 rows fail"

    text = proposed_text(found)
    assert "# 3 values, the rarest in 80 of 240 rows\n  - {one_of: {sensor: [A, B, C]}" in text
    assert "#     2013-03: 1 of 120 rows fail" in text
    # As users do: pasted under the table, loaded by the project's loader.
    pasted = "".join(f"  {line}\n" for line in text.splitlines())
    project.declare(READINGS % pasted)
    table = project.table("bronze.readings")
    assert len(table.rules) == text.count("\n  - ")
    seen = impact(
        spark,
        past_batches(project.store, table, at_most=12),
        workspace=project.workspace(),
        table=table,
        store=project.store,
        locations=project.locations,
    )
    told = [rule for batch in seen.batches for rule in batch.rules if rule.status is not None]
    assert {rule.status for rule in told} == {"passed"}
    assert not any(rule.refuses for rule in told)

    project.write(f"landing/readings/{FAULTY}.csv", in_csv(faulty()))
    built = project.build("bronze.readings", FAULTY)
    assert (built.valid, built.quarantined) == (ROWS, 0)
    failed = {one.name: one.failed_rows for one in built.rule_results if one.status != "passed"}
    assert failed == {
        "between_high": 1,
        "one_of_sensor": 1,
        "low_at_most_high": 1,
        "unique_id": 2,
        "format_mail": 1,
        "case_site": 1,
        "not_null_low": failed["not_null_low"],
    }
    assert (failed["not_null_low"] or 0) >= 30


def test_a_table_without_windows_is_tried_on_a_quarter_of_its_rows(
    project: Project, spark: SparkSession, spark_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare(READINGS % "")
    rows = [{"sensor": f"s{number}", "place": "NS"[number % 2]} for number in range(600)]
    rows += [{"sensor": "s1", "place": "S"}]
    project.write("landing/sensors.csv", in_csv(rows))
    project.build("bronze.sensors")
    found = proposed(project, "bronze.sensors", spark)
    assert found.learnt_from == "three quarters of the rows"
    assert 400 < found.rows < 500
    assert "one_of place" in entries(found)
    assert "rule" not in entries(found)
    assert [one.why for one in found.left_out if one.proposal.kind == "unique"] == [
        "all rows: 2 of 601 rows fail"
    ]
    monkeypatch.setenv(REMOTE_VARIABLE, spark_address)
    project.serve(REMOTE_VARIABLE)
    file = project.root / "proposed.yaml"
    arguments = ["propose-rules", "bronze.sensors", "--root", str(project.root)]
    done = CliRunner().invoke(main, [*arguments, "--write", str(file)])
    assert (done.exit_code, file.read_text()) == (0, proposed_text(found)), done.output
    unknown = CliRunner().invoke(main, ["propose-rules", "bronze.sensor", *arguments[2:]])
    assert "no table bronze.sensor (did you mean bronze.sensors?)" in unknown.output


VALUES: dict[str, list[object]] = {
    "number": [1.5, -2.0, float("nan"), None, 4.0, float("inf"), 0.0, 9.0] * 20,
    "dotted.name": [None, *range(1, 160)],
    "text": ["EWR", "jfk", "", " ", None, "LGA", "12", "EWR"] * 20,
    "day": ["2013-01-31", "2013-02-30"] * 80,
}
TYPES = {"number": "double", "dotted.name": "bigint", "text": "string", "day": "string"}


def test_a_profile_is_what_plain_python_counts(spark: SparkSession) -> None:
    rows = list(zip(*VALUES.values(), ["a", "b"] * 80, strict=True))
    schema = ", ".join(f"`{name}` {kind}" for name, kind in (*TYPES.items(), (PART, "string")))
    found = profile_parts(spark.createDataFrame(rows, schema), TYPES)
    assert set(found) == {"a", "b"}
    for start, part in enumerate(("a", "b")):
        values = {name: column[start::2] for name, column in VALUES.items()}
        profile = found[part]
        assert profile.rows == 80
        for name, column in profile.columns.items():
            present = [value for value in values[name] if value is not None]
            assert (column.filled, column.nulls) == (len(present), 80 - len(present))
            assert abs(column.distinct - len(set(map(str, present)))) <= 8
        numbers = profile.columns["number"].numbers
        finite = [v for v in values["number"] if isinstance(v, float) and math.isfinite(v)]
        assert numbers is not None
        assert (numbers.low, numbers.high) == (min(finite), max(finite))
        assert numbers.unusable == sum(
            isinstance(v, float) and not math.isfinite(v) for v in values["number"]
        )
        texts = profile.columns["text"].texts
        held = [str(value) for value in values["text"] if value is not None]
        assert texts is not None
        assert texts.values == Counter(held)
        assert texts.lengths == (min(map(len, held)), max(map(len, held)))
        assert texts.blank == sum(not value.strip() for value in held)
        assert texts.upper == sum(value == value.upper() for value in held)
        days = profile.columns["day"].texts
        assert days is not None
        assert days.formats[TextFormat.DATE] == sum(d == "2013-01-31" for d in values["day"])
        pairs = [
            (first, second)
            for first, second in zip(values["number"], values["dotted.name"], strict=True)
            if first is not None and second is not None
        ]
        pair = profile.pairs["number", "dotted.name"]
        assert pair.both == len(pairs)
        # NaN is the largest number.
        assert pair.first_larger == sum(
            math.isnan(first) or first > second
            for first, second in pairs
            if isinstance(first, float) and isinstance(second, int)
        )


def learnt(session: SparkSession, **columns: Sequence[float | str | None]) -> Learnt:
    """Return what is learnt from one part of rows."""
    types = {
        name: "string" if any(isinstance(v, str) for v in values) else "double"
        for name, values in columns.items()
    }
    schema = ", ".join(f"{name} {kind}" for name, kind in (*types.items(), (PART, "string")))
    rows = [(*row, "all") for row in zip(*columns.values(), strict=True)]
    parts: list[PartProfile] = list(
        profile_parts(session.createDataFrame(rows, schema), types).values()
    )
    return Learnt(types, parts, by_window=False)


def test_what_the_rows_do_not_bear_out_is_not_proposed(spark: SparkSession) -> None:
    count = 20 * LEAST_ROWS
    numbers = [float(n) for n in range(count)]
    found = learnt(
        spark,
        rare=["a"] * (count - 1) + ["b"],
        constant=[5.0] * count,
        broken=[*numbers[1:], float("nan")],
        skewed=[*numbers[:-1], 1e9],
        scarce=[1.0, *[None] * (count - 1)],
        above=[n + 1000 for n in numbers],
        same=numbers,
        twin=numbers,
    )
    made = {name: list(column_proposals(name, found)) for name in found.columns}

    def kinds(name: str) -> list[str]:
        return [one.kind for one in made[name]]

    assert "one_of" not in kinds("rare")
    assert kinds("constant") == ["not_null"]
    assert kinds("broken") == ["not_null"]
    assert kinds("scarce") == []
    # A few may lie far out, but none below 0.
    assert kinds("skewed") == ["not_null", "between", "not_negative"]
    (wide,) = (one for one in made["skewed"] if one.kind == "between")
    assert wide.warn_if == "> 0.4 %"
    assert row_count_proposal(found) is None
    # What lies apart says nothing by its order, and of equal columns one order is enough.
    relations = [one.demand for one in relation_proposals(found)]
    assert "same = twin" in relations
    assert not any("above" in str(one) or "twin <=" in str(one) for one in relations)


@pytest.mark.parametrize(
    ("value", "rounding", "like", "expected"),
    [
        (137.2, "ROUND_CEILING", None, 140.0),
        (-31.4, "ROUND_FLOOR", None, -32.0),
        (0.0, "ROUND_FLOOR", None, 0.0),
        (1017.3, "ROUND_FLOOR", 93.0, 1017.0),
        (0.0412, "ROUND_CEILING", None, 0.042),
    ],
)
def test_bounds_are_rounded_outward(
    value: float, rounding: str, like: float | None, expected: float
) -> None:
    assert rounded(value, rounding, like=like) == expected


def test_an_entry_is_one_line_of_yaml_whatever_the_names() -> None:
    odd = Proposal("one_of", {"a: [b]\n": ["NO", "12", "x, y"]}, ("a: [b]\n",), "said")
    assert odd.entry == (
        r'{one_of: {"a: [b]\n": [NO, "12", "x, y"]}, severity: warning, on_fail: record}'
    )

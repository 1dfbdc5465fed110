"""Rules as asset checks: one each up to forty, then one a group with a table of all results."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from mlops_dagster.assets.checks import MOST_CHECKS, check_result, check_results, check_specs
from mlops_dagster.data.builtin import LINES_END, rules_of
from mlops_dagster.data.figures import Figure
from mlops_dagster.data.verdict import Counts, Found, RuleResult, judge
from mlops_dagster.definitions import build_definitions
from mlops_dagster.spec.base import Severity
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.tables import OnFail
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster_tests.assets.inline_project import CHURN, write_project


def table(folder: Path, rules: int) -> ResolvedTable:
    """Return a table of a CSV file with a key (four built-in rules) and so many rules more."""
    entries = [f"{{between: {{age: [0, {bound}]}}}}" for bound in range(100, 100 + rules - 2)]
    entries += ["{not_null: age, owner: team:people, tags: {source: crm}}"]
    entries += ["{rule: orders >= 0, on_fail: stop}"]
    text = CHURN.replace(
        "    key: [customer]\n", f"    key: [customer]\n    rules: [{', '.join(entries)}]\n"
    )
    workspace = load_workspace(write_project(folder, {"churn": text}), "dev")
    return workspace.table(TableRef("churn", "bronze", "customers"))


def results(of: ResolvedTable, failed: dict[str, int]) -> list[dg.AssetCheckResult]:
    rules = rules_of(of)
    counts = Counts(
        rows_in=10,
        valid=10 - max(failed.values(), default=0),
        quarantined=max(failed.values(), default=0),
        dropped=0,
        failed={rule.name: failed.get(rule.name, 0) for rule in rules},
        found={LINES_END: Found(True)},
        errors={},
    )
    return list(check_results(of, judge(rules, counts).results))


def test_each_rule_is_a_check_of_its_own_with_its_owner_and_tags(tmp_path: Path) -> None:
    of = table(tmp_path, MOST_CHECKS - 4)
    specs = {spec.name: spec for spec in check_specs(of)}
    assert len(specs) == MOST_CHECKS
    assert specs["not_null_age"].metadata == {"owner": "team:people", "tag/source": "crm"}
    assert [name for name, spec in specs.items() if spec.blocking] == ["orders_at_least_0"]
    found = {result.check_name: result for result in results(of, {"not_null_age": 3})}
    assert found.keys() == specs.keys()
    assert [name for name, result in found.items() if not result.passed] == ["not_null_age"]


def test_a_promise_of_freshness_is_dagsters_policy(tmp_path: Path) -> None:
    def policy(folder: str, line: str) -> dg.FreshnessPolicy | None:
        text = CHURN.replace("    key: [customer]\n", f"    key: [customer]\n{line}")
        root = write_project(tmp_path / folder, {"churn": text})
        definitions = build_definitions(root, "dev")
        asset = definitions.resolve_assets_def(dg.AssetKey(["churn", "bronze", "customers"]))
        (spec,) = asset.specs
        return spec.freshness_policy

    assert policy("none", "") is None
    assert policy("short", "    freshness: 2 days\n") == dg.FreshnessPolicy.time_window(
        timedelta(days=2)
    )
    whole = policy("whole", "    freshness: {within: 2 days, warn_after: 36 hours}\n")
    assert whole == dg.FreshnessPolicy.time_window(timedelta(days=2), timedelta(hours=36))


def test_more_than_forty_rules_are_a_check_a_group_with_a_table(tmp_path: Path) -> None:
    of = table(tmp_path, MOST_CHECKS - 3)
    specs = {spec.name: spec for spec in check_specs(of)}
    assert set(specs) == {
        "rules_built_in",
        "rules_domain",
        "rules_completeness",
        "rules_conditions",
    }
    assert [name for name, spec in specs.items() if spec.blocking] == ["rules_conditions"]
    described = specs["rules_completeness"].metadata["rules"]
    assert isinstance(described, dg.TableMetadataValue)
    assert described.records[0].data == {
        "name": "not_null_age",
        "description": "`age is not null`; failing rows go to quarantine",
        "severity": "error",
        "owner": "team:people",
        "tags": "source: crm",
    }
    found = {result.check_name: result for result in results(of, {"not_null_age": 3})}
    assert found.keys() == specs.keys()
    assert [name for name, result in found.items() if not result.passed] == ["rules_completeness"]
    assert "not_null_age: 3 of 10 rows fail (30 %)" in str(found["rules_completeness"].description)
    shown = found["rules_domain"].metadata["rules"]
    assert isinstance(shown, dg.TableMetadataValue)
    assert len(shown.records) == MOST_CHECKS - 5
    assert shown.records[0].data["rule"] == "age between 0 and 100"


def test_a_check_of_a_rule_about_the_batch_has_its_number_and_bounds(tmp_path: Path) -> None:
    of = table(tmp_path, 2)
    (result,) = (one for one in results(of, {}) if one.check_name == "orders_at_least_0")
    assert not {"value", "low", "high"} & result.metadata.keys()
    verdict = RuleResult(
        name="steady",
        kind="change",
        text="row_count changes by at most 20 %",
        about="data_set",
        status="passed",
        severity=Severity.WARNING,
        on_fail=OnFail.RECORD,
        failed_rows=None,
        rows=7,
        refuses=False,
        message="",
        figure=Figure(7, 5.6, 8.40000001),
    )
    shown = check_result(dg.AssetKey("sales"), verdict).metadata
    # Dagster draws what is a number.
    assert [shown[name].value for name in ("value", "low", "high")] == [7.0, 5.6, 8.4]

"""The reference pages against the models of what users write: keys, defaults, choices."""

from collections.abc import Mapping
from enum import Enum
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from mlops_dagster.rules.functions import AGGREGATES, BARE_AGGREGATES, SCALARS
from mlops_dagster.spec import (
    connections,
    environment,
    models,
    rule_demands,
    rule_values,
    tables,
    use_case,
)
from mlops_dagster.spec.base import Memory, SpecModel
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.metrics import metrics_for
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.rule_kinds import KINDS
from mlops_dagster.windows import Duration
from mlops_dagster_tests.docs.pages import ROOT, key_tables

PAGE = ROOT / "docs" / "use_case.md"
RULES = ROOT / "docs" / "rules.md"
TABLES = {**key_tables(PAGE), **key_tables(RULES)}

# Which model each table of the page describes, by the heading it stands under.
SECTIONS: Mapping[str, type[SpecModel]] = {
    "project.yaml": use_case.Project,
    "use_case.yaml": use_case.UseCase,
    "windows": use_case.Windows,
    "table": tables.Table,
    "source": connections.TableSource,
    "input": tables.Input,
    "rule": tables.Rule,
    "freshness": tables.Freshness,
    "statistic": rule_demands.Bounded,
    "distribution": rule_demands.Distribution,
    "columns": rule_demands.ColumnsDemand,
    "change": rule_demands.Change,
    "usual": rule_demands.Usual,
    "forecast": rule_demands.Forecast,
    "fails_as_usual": rule_demands.UsualFailures,
    "agrees": rule_demands.Agreement,
    "rows_each": rule_demands.Slots,
    "same_rows": rule_demands.Counterpart,
    "Contracts": Contract,
    "model": models.Model,
    "rows": models.Rows,
    "label": models.Label,
    "train": models.Train,
    "family: hist_gradient_boosting": models.HistGradientBoosting,
    "family: lightgbm": models.LightGbm,
    "family: ridge": models.Ridge,
    "family: logistic_regression": models.LogisticRegression,
    "family: hook": models.HookEstimator,
    "holdout": models.Holdout,
    "gate": models.Gate,
    "release": models.Release,
    "predict": models.Predict,
    "monitor": models.Monitor,
    "retrain": models.RetrainPolicy,
    "environment": environment.Environment,
    "kind: local": environment.LocalEngine,
    "kind: remote": environment.RemoteEngine,
    "kind: databricks": environment.DatabricksEngine,
    "kind: paths": environment.PathTables,
    "kind: catalog": environment.CatalogTables,
    "connection to delta": connections.DeltaConnection,
    "connection to catalog": connections.CatalogConnection,
    "connection to postgresql": connections.PostgresConnection,
    "tracking": environment.TrackingServer,
    "state": environment.StateDatabase,
    "alerts": environment.Alerts,
    "channel": environment.WebhookChannel,
    "webhook": environment.Webhook,
    "automation": environment.Automation,
    "scoring": environment.Scoring,
}


def reachable(*roots: type[SpecModel]) -> set[type[SpecModel]]:
    """Return the models that users' files are made of, found through the types of fields."""
    found: set[type[SpecModel]] = set()

    def visit(kind: object) -> None:
        if isinstance(kind, type) and issubclass(kind, SpecModel) and kind not in found:
            found.add(kind)
            for field in kind.model_fields.values():
                visit(field.annotation)
        for part in get_args(kind):
            visit(part)

    for root in roots:
        visit(root)
    return found


def shown_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, (list, dict)):
        return f"`[{', '.join(text(item) for item in value)}]`" if value else "empty"
    if isinstance(value, SpecModel) and not isinstance(value, (Memory, rule_values.Tolerance)):
        return "see there"
    return f"`{text(value)}`"


def text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Memory):
        return f"{value.megabytes // 1024} GB"
    return str(value).lower() if isinstance(value, bool) else str(value)


def choices(kind: object) -> set[str]:
    """Return the texts that a field's type is limited to: members of enums, literals."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {str(member.value) for member in kind}
    found = {part for part in get_args(kind) if isinstance(part, str) and part.isidentifier()}
    return found.union(*(choices(part) for part in get_args(kind)))


def fields_of(model: type[SpecModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def test_every_mapping_that_users_write_has_a_table() -> None:
    files = (use_case.Project, use_case.UseCase, environment.Environment, Contract)
    written_otherwise = {
        "Memory",
        "Frequency",
        "Budget",
        "GateText",
        "Spread",
        "Tolerance",
        "ContractColumn",  # texts, or shown in a row
    }
    missing = {
        model.__name__ for model in reachable(*files) - set(SECTIONS.values())
    } - written_otherwise
    assert missing == set()


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_table_has_exactly_the_keys_of_its_model_in_their_order(heading: str) -> None:
    assert [row.key for row in TABLES[heading]] == list(fields_of(SECTIONS[heading]))


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_table_states_the_default_of_every_key(heading: str) -> None:
    stated = {row.key: row.default for row in TABLES[heading]}
    fields = fields_of(SECTIONS[heading])
    assert stated == {key: shown_default(field) for key, field in fields.items()}


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_table_names_every_choice_of_a_key(heading: str) -> None:
    rows = {row.key: row for row in TABLES[heading]}
    for key, field in fields_of(SECTIONS[heading]).items():
        shown = rows[key].type + rows[key].meaning + rows[key].default
        assert {name for name in choices(field.annotation) if f"`{name}`" not in shown} <= {
            # Forms of `retrain` and `features` with a table of their own.
            *(models.RetrainPolicy.model_fields if key == "retrain" else ()),
        }


def test_the_page_names_every_metric_and_every_function_of_rules() -> None:
    page = PAGE.read_text(encoding="utf-8") + RULES.read_text(encoding="utf-8")
    names = {name for task in Task for name in metrics_for(task)} | set(SCALARS)
    names |= set(AGGREGATES.values()) | set(BARE_AGGREGATES) | {"make_interval"}
    assert {name for name in names if f"`{name}`" not in page and f"`{name}(" not in page} == set()


def test_the_page_of_rules_says_what_every_kind_costs() -> None:
    page = RULES.read_text(encoding="utf-8")
    costs = page[page.index("## What each kind costs") : page.index("## Forms")]
    assert [kind for kind in KINDS if f"`{kind}`" not in costs] == []


def test_durations_are_written_as_the_page_says() -> None:
    for written in ("4 hours", "28 days", "1 week", "12 windows", "0 hours"):
        assert str(Duration.parse(written)) == written

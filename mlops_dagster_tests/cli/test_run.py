"""`mlops-dagster run`: which use case and window is meant, and what it prints."""

import io
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from mlops_dagster.automation.figures import Figure, figures_of
from mlops_dagster.automation.outcome import (
    GateOutcomeShown,
    ModelOutcome,
    Outcome,
    RuleCount,
    TableOutcome,
)
from mlops_dagster.automation.progress import closing_keys
from mlops_dagster.cli import main
from mlops_dagster.cli.run import chosen_window
from mlops_dagster.cli.run_report import print_outcome
from mlops_dagster.errors import SpecError
from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.workspace import ResolvedUseCase
from mlops_dagster_tests.assets.inline_project import CHURN, write_project
from mlops_dagster_tests.energy_demand.make_world import World
from mlops_dagster_tests.energy_demand.write_project import write_energy_project

MODEL = ModelOutcome(
    name="leaves",
    family="logistic_regression",
    state="champion",
    version="3",
    new=True,
    figures=(Figure(name="roc_auc", value=0.8461, low=0.8201, high=0.8704),),
    holdout_rows=1400,
    gates=(
        GateOutcomeShown("roc_auc >= 0.6", "pass", "0.85 is at least 0.6."),
        GateOutcomeShown("accuracy >= 0.9", "fail", "0.8 is below 0.9."),
        GateOutcomeShown("better", "not_applicable", "There is no champion."),
    ),
    champion="3",
    scored=7000,
    scored_by="3",
    scores_changed=True,
)
TABLE = TableOutcome(
    name="silver.customers",
    rows=7000,
    quarantined=12,
    dropped=0,
    changed=True,
    rules=(RuleCount("no_copy", 40, passed=True), RuleCount("age_above_0", 12, passed=False)),
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["run", *(str(one) for one in arguments)])


def printed(outcome: Outcome) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    print_outcome(console, outcome, seconds=12.4)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def energy(tmp_path: Path) -> ResolvedUseCase:
    project = write_energy_project(tmp_path, days=1, world=World(days=1, households=1))
    return load_workspace(project.root, project.environment).use_cases["energy_demand"]


@pytest.fixture
def churn(tmp_path: Path) -> Path:
    return write_project(tmp_path, {"churn": CHURN})


def test_an_unknown_use_case_is_told_with_the_nearest_and_starts_nothing(churn: Path) -> None:
    done = run("chrun", "--root", churn)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: small in dev: no such use case; expected one of churn, found 'chrun' "
        "(did you mean churn?)\n"
    )
    assert not (churn / ".mlops").exists()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--window", "2024-01"), "--window"),
        (("--only", "train", "--window", "2024-01"), "--window and --only"),
    ],
)
def test_a_use_case_without_windows_takes_none(
    churn: Path, options: tuple[str, ...], found: str
) -> None:
    done = run("churn", *options, "--root", churn)
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: churn has no windows, found {found}. "
        "Write mlops-dagster run churn: everything is one run.\n"
    )


def test_an_unknown_stage_is_refused_with_those_there_are(churn: Path) -> None:
    done = run("churn", "--only", "close-it", "--root", churn)
    assert done.exit_code == 2
    assert "'open', 'close', 'train'" in done.stderr


def test_mistakes_in_the_yaml_are_told_and_nothing_runs(tmp_path: Path) -> None:
    root = write_project(tmp_path, {"churn": CHURN.replace("task: binary", "task: binery")})
    done = run("churn", "--root", root)
    assert done.exit_code == 1
    assert "did you mean 'binary'?" in done.stderr


def test_without_a_window_the_next_in_line_is_meant(energy: ResolvedUseCase) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert chosen_window(instance, energy, None, only=None) == "2024-01-01"
        for key in closing_keys(energy):
            for day in ("2024-01-01", "2024-01-02"):
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day))
        assert chosen_window(instance, energy, None, only=None) == "2024-01-03"
        assert chosen_window(instance, energy, "2024-01-01", only="train") == "2024-01-01"


def test_a_window_that_is_none_is_told_with_the_nearest(energy: ResolvedUseCase) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        with pytest.raises(
            SpecError,
            match=r"no window of that name has closed; expected a window from 2024-01-01 to "
            r"\d{4}-\d\d-\d\d, found '2024-13-01' \(did you mean 20\d\d-\d\d-01\?\)",
        ):
            chosen_window(instance, energy, "2024-13-01", only=None)
        with pytest.raises(
            SpecError, match=r"no window of that name has opened.*found '2999-01-01'"
        ):
            chosen_window(instance, energy, "2999-01-01", only="open")


def test_a_use_case_without_forecasts_has_nothing_to_open(tmp_path: Path) -> None:
    text = CHURN.replace("\ntables:", "\nwindows: {every: month, first: 2024-01}\ntables:")
    text = text.replace("customers.csv", '"{window}.csv"').replace(
        "key: [customer]", "key: [customer]\n    event_time: at"
    )
    use_case = load_workspace(write_project(tmp_path, {"churn": text}), "dev").use_cases["churn"]
    with (
        dg.DagsterInstance.ephemeral() as instance,
        pytest.raises(SpecError, match="no model of churn predicts as its windows open"),
    ):
        chosen_window(instance, use_case, "2024-01", only="open")


def test_the_report_says_rows_rules_metrics_gates_and_scores() -> None:
    lines = printed(Outcome("churn", "static", (TABLE,), (MODEL,)))
    assert lines[2].split() == ["silver.customers", "7,000", "12", "written", "40", "no_copy"]
    assert lines[3].split() == ["12", "age_above_0", "FAILED"]
    assert lines[4:] == [
        "leaves (logistic_regression): version 3, champion",
        "  roc_auc 0.846 [0.820, 0.870] on 1,400 held-out rows",
        "  gates: 1 pass, 1 fail, 1 not applicable",
        "    accuracy >= 0.9: fail. 0.8 is below 0.9.",
        "  7,000 rows scored by version 3",
        "churn: done in 12 s.",
    ]


def test_the_report_says_what_is_as_before() -> None:
    table = TableOutcome("silver.customers", 7000, 0, 0, changed=False, rules=())
    model = ModelOutcome(**{**vars(MODEL), "new": False, "scores_changed": False, "gates": ()})
    lines = printed(Outcome("churn", "2024-01", (table,), (model,)))
    assert lines[2].split() == ["silver.customers", "7,000", "0", "unchanged", "-"]
    assert lines[3] == "leaves (logistic_regression): version 3, champion (unchanged)"
    assert lines[-2:] == [
        "  7,000 rows scored by version 3 (unchanged)",
        "churn 2024-01: done in 12 s; nothing changed.",
    ]


def test_metrics_without_a_value_are_left_out_and_without_an_interval_stay() -> None:
    rows: list[dict[str, str | float | None]] = [
        {"metric": "a", "value": 0.5, "low": None, "high": None},
        {"metric": "b", "value": None, "low": None, "high": None},
    ]
    table = dg.MetadataValue.table([dg.TableRecord(row) for row in rows])
    assert figures_of(table) == (Figure(name="a", value=0.5),)
    assert figures_of(None) == ()

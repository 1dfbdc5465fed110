"""Use cases of other shapes than the examples: each loads, with what its shape implies."""

from pathlib import Path

from mlops_dagster.spec.loader import load_workspace
from mlops_dagster.spec.models import Task
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.workspace import ResolvedUseCase, Workspace
from mlops_dagster.windows import Grain

ENVIRONMENT = """\
spec_version: 1
name: dev
engine: {kind: local}
landing: landing
tables: {kind: paths, warehouse: warehouse}
"""


def load(root: Path, files: dict[str, str]) -> Workspace:
    written = {
        "project.yaml": "spec_version: 1\nname: shapes\n",
        "environments/dev.yaml": ENVIRONMENT,
        **files,
    }
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_workspace(root, "dev")


def load_one(root: Path, text: str, **files: str) -> ResolvedUseCase:
    name = text.partition("name: ")[2].partition("\n")[0]
    beside = {f"use_cases/{name}/{path}": content for path, content in files.items()}
    workspace = load(root, {f"use_cases/{name}/use_case.yaml": text, **beside})
    return workspace.use_cases[name]


def test_a_multiclass_model_by_week(tmp_path: Path) -> None:
    use_case = load_one(
        tmp_path,
        """\
spec_version: 1
name: tickets
windows: {every: week, first: 2024-01-01, time_zone: Asia/Kolkata, close_after: 1 day}
tables:
  bronze.tickets: {files: "tickets/{window}.jsonl.gz", key: [ticket], event_time: opened_at}
  silver.solved:
    inputs: {tickets: bronze.tickets}
    key: [ticket]
    event_time: opened_at
models:
  team:
    task: multiclass
    rows: {table: bronze.tickets}
    label: {table: silver.solved, column: team, within: 2 weeks, known_at: solved_at}
    features: {bronze.tickets: [product, length, language]}
    train:
      history: 52 windows
      at_least: 8 windows
      estimator: {family: logistic_regression, c: 0.5, class_weight: balanced}
      calibrate: sigmoid
      holdout: {last: 2 windows}
    gates: [f1_macro >= 0.4 and log_loss < 1.5, {metric: accuracy, slice: product, at_least: 0.3}]
    monitor: {slices: [language]}
""",
        **{"silver/solved.sql": "SELECT ticket, opened_at, solved_at, team FROM tickets"},
    )
    assert use_case.calendar is not None
    assert use_case.calendar.window("2024-01-08").end.isoformat() == "2024-01-14T18:30:00+00:00"
    (model,) = use_case.models.values()
    assert model.spec.task is Task.MULTICLASS
    assert model.gates[0].metrics == ("f1_macro", "log_loss")


def test_an_hourly_forecast_from_earlier_hours(tmp_path: Path) -> None:
    use_case = load_one(
        tmp_path,
        """\
spec_version: 1
name: load
windows: {every: hour, first: 2024-03-30T22, last: 2024-04-01T00, time_zone: Europe/Berlin}
tables:
  bronze.meters: {files: "{window}.parquet", key: [meter], event_time: hour}
  silver.meters:
    inputs: {meters: bronze.meters}
    key: [meter]
    event_time: hour
  features.lags:
    inputs: {meters: {table: silver.meters, back: 48 hours}}
    key: [meter]
    event_time: hour
  features.rows:
    inputs: {lags: {table: features.lags, back: 2 windows}}
    key: [meter]
    event_time: hour
models:
  next_hour:
    task: regression
    rows: {table: features.rows}
    label: {table: silver.meters, column: kwh, within: 1 window}
    features: {features.rows: all, features.lags: all}
    train:
      at_least: 24 windows
      estimator: {family: lightgbm, n_estimators: 50}
      holdout: {share: 0.2}
    predict: {at: open}
""",
        **{
            "silver/meters.sql": "SELECT meter, hour, kwh FROM meters",
            "features/lags.sql": "SELECT meter, hour, kwh AS lag FROM meters",
            "features/rows.sql": "SELECT meter, hour, lag AS last FROM lags",
        },
    )
    assert use_case.calendar is not None
    assert use_case.calendar.grain is Grain.HOUR
    # Opening, the tables of a forecast are read until their window's start, but one from another
    # of the same job until its end.
    assert {ref.name for ref in use_case.open_tables} == {"lags", "rows"}
    lags = use_case.tables[TableRef("load", "features", "lags")]
    rows = use_case.tables[TableRef("load", "features", "rows")]
    silver = use_case.tables[TableRef("load", "silver", "meters")]
    assert lags.inputs["meters"].until_start
    assert not rows.inputs["lags"].until_start
    assert not silver.inputs["meters"].until_start


def test_one_table_without_windows(tmp_path: Path) -> None:
    use_case = load_one(
        tmp_path,
        """\
spec_version: 1
name: wine
tables:
  bronze.bottles: {files: bottles.csv, key: [bottle]}
models:
  quality:
    task: regression
    rows: {table: bronze.bottles}
    label: {table: bronze.bottles, column: quality}
    features: {bronze.bottles: all}
    train: {estimator: {family: ridge}, holdout: {share: 0.25}}
    gates: [r2 >= 0.1]
""",
    )
    (table,) = use_case.tables.values()
    (model,) = use_case.models.values()
    assert (use_case.calendar, table.windowed, table.calendar) == (None, False, None)
    assert model.rows == model.label == table.ref
    assert model.features == {table.ref: None}


def test_a_label_that_takes_half_a_year(tmp_path: Path) -> None:
    use_case = load_one(
        tmp_path,
        """\
spec_version: 1
name: credit
windows: {every: month, first: 2015-01, last: 2020-12, close_after: 3 days}
tables:
  bronze.loans:
    files: "loans/{window}.csv"
    key: [loan]
    event_time: granted_at
    known_at: applied_at
  bronze.defaults:
    files: "defaults/{window}.csv"
    key: [loan]
    event_time: granted_at
    known_at: reported_at
models:
  default:
    task: binary
    rows: {table: bronze.loans, ahead: 30 minutes}
    label: {table: bronze.defaults, column: defaulted, within: 180 days, known_at: decided_at}
    features: {bronze.loans: [amount, purpose]}
    train:
      history: 36 windows
      at_least: 12 windows
      estimator: {family: hist_gradient_boosting}
      holdout: {last: 3 windows}
    gates: [roc_auc >= 0.6]
    retrain: never
""",
    )
    assert use_case.calendar is not None
    (model,) = use_case.models.values()
    assert use_case.calendar.longest_steps(model.spec.label.within) == 6
    assert model.spec.label.known_at == "decided_at"
    assert model.spec.retrain == "never"


def test_two_use_cases_share_an_exported_table(tmp_path: Path) -> None:
    owner = """\
spec_version: 1
name: sales
windows: {every: day, first: 2024-01-01, time_zone: UTC}
tables:
  bronze.receipts: {files: "receipts/{window}.csv", export: true}
  silver.private: {files: private.csv}
"""
    reader = """\
spec_version: 1
name: returns
windows: {every: day, first: 2024-02-01, time_zone: UTC}
tables:
  silver.returns:
    inputs:
      receipts: {table: sales.bronze.receipts, back: 30 days}
      shops: project.shops
    key: [receipt]
    event_time: returned_at
"""
    workspace = load(
        tmp_path,
        {
            "project.yaml": "spec_version: 1\nname: shop\n"
            "tables:\n  shops: {files: shops.csv, export: true}\n",
            "use_cases/sales/use_case.yaml": owner,
            "use_cases/returns/use_case.yaml": reader,
            "use_cases/returns/silver/returns.sql": "SELECT receipt, returned_at, region\n"
            "FROM receipts JOIN shops USING (shop)",
        },
    )
    returns = workspace.use_cases["returns"].tables[TableRef.parse("returns.silver.returns")]
    assert {name: str(read.ref) for name, read in returns.inputs.items()} == {
        "receipts": "sales.bronze.receipts",
        "shops": "project.shared.shops",
    }
    assert (returns.windowed, str(returns.inputs["receipts"].back)) == (True, "30 days")
    shared = workspace.table(TableRef.shared("shops"))
    assert workspace.calendar_of(shared.ref) is None
    # The reader's file stands before the owner's, the tables do not.
    assert list(workspace.use_cases) == ["returns", "sales"]


def test_an_empty_project_is_one(tmp_path: Path) -> None:
    workspace = load(tmp_path, {})
    assert (dict(workspace.use_cases), dict(workspace.tables)) == ({}, {})


def test_a_use_case_may_have_tables_alone(tmp_path: Path) -> None:
    use_case = load_one(
        tmp_path, "spec_version: 1\nname: raw\ntables:\n  bronze.a: {files: a.csv}\n"
    )
    assert dict(use_case.models) == {}

"""The smallest projects, written inline: one CSV, one model, with or without windows."""

from pathlib import Path

_PROJECT = "spec_version: 1\nname: small\n"
_ENVIRONMENT = """\
spec_version: 1
name: dev
engine: {engine}
landing: landing
tables: {{kind: paths, warehouse: .mlops/dev/warehouse}}
automation: {{schedules: false, sensors: false}}
"""
LOCAL_ENGINE = "{kind: local, memory: 1 GB}"


def write_project(folder: Path, use_cases: dict[str, str], *, engine: str = LOCAL_ENGINE) -> Path:
    """Write a project with these use_case.yaml texts by name and return its root."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.yaml").write_text(_PROJECT, "utf-8")
    environments = folder / "environments"
    environments.mkdir(exist_ok=True)
    (environments / "dev.yaml").write_text(_ENVIRONMENT.format(engine=engine), "utf-8")
    for name, text in use_cases.items():
        place = folder / "use_cases" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "use_case.yaml").write_text(text, "utf-8")
    (folder / "landing").mkdir(exist_ok=True)
    return folder


CHURN = """\
spec_version: 1
name: churn
description: Which customers leave.
owner: team:customers

tables:
  bronze.customers:
    description: One row a customer.
    files: customers.csv
    key: [customer]

models:
  leaves:
    description: Probability that a customer leaves.
    task: binary
    rows: {table: bronze.customers}
    label: {table: bronze.customers, column: left}
    features:
      bronze.customers: [age, orders]
    train:
      estimator: {family: logistic_regression}
      holdout: {share: 0.2}
    gates: [roc_auc >= 0.6]
    retrain: never
"""

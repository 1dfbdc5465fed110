"""Names of tables and models in a notebook, and the answers to names that do not exist."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import mlops_dagster
from mlops_dagster.errors import SourceError, SpecError, UnknownName
from mlops_dagster.notebook.instants import instant
from mlops_dagster.notebook.workspace import OpenedWorkspace
from mlops_dagster_tests.assets.inline_project import CHURN, write_project

WINDOWED = (
    CHURN.replace("name: churn", "name: shop\nwindows: {every: month, first: 2024-01}", 1)
    .replace("files: customers.csv", 'files: "customers/{window}.csv"\n    event_time: joined_at')
    .replace("    train:", "    train:\n      at_least: 2 windows")
)


@pytest.fixture
def opened(tmp_path: Path) -> OpenedWorkspace:
    """Two use cases with a table and a model of the same names; nothing ran yet."""
    root = write_project(tmp_path, {"churn": CHURN, "shop": WINDOWED})
    return mlops_dagster.open_workspace(root=root)


def test_the_variables_name_project_and_environment_unless_arguments_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_project(tmp_path / "project", {"churn": CHURN})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="name it with --root or the variable MLOPS_DAGSTER_ROOT"):
        mlops_dagster.open_workspace()
    monkeypatch.setenv("MLOPS_DAGSTER_ROOT", str(root / "use_cases"))
    assert repr(mlops_dagster.open_workspace()) == "<small in dev: 3 tables, 1 models>"
    (root / "environments" / "prod.yaml").write_text(
        (root / "environments" / "dev.yaml").read_text().replace("name: dev", "name: prod")
    )
    monkeypatch.setenv("MLOPS_DAGSTER_ENVIRONMENT", "prod")
    assert "in prod" in repr(mlops_dagster.open_workspace())
    assert "in dev" in repr(mlops_dagster.open_workspace("dev"))


def test_names_are_as_short_as_they_can_be(opened: OpenedWorkspace, tmp_path: Path) -> None:
    assert "churn.bronze.customers" in opened.tables
    alone = write_project(tmp_path / "alone", {"churn": CHURN})
    assert mlops_dagster.open_workspace(root=alone).tables == (
        "bronze.customers",
        "model.leaves_training_set",
        "serving.leaves_predictions",
    )
    assert opened.models == ("churn.leaves", "shop.leaves")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("churn.bronze.custmers", r"no table churn.bronze.custmers \(did you mean churn.bronze.cu"),
        (
            "bronze.customers",
            "several use cases have a table bronze.customers. Say which: churn.bronze.custom",
        ),
    ],
)
def test_an_unknown_table_is_answered_with_the_nearest_name(
    opened: OpenedWorkspace, name: str, message: str
) -> None:
    with pytest.raises(UnknownName, match=message):
        opened.table(name)


def test_an_unknown_model_version_or_window_says_what_there_is(opened: OpenedWorkspace) -> None:
    with pytest.raises(UnknownName, match=r"no model shop.leave \(did you mean shop.leaves\?\)"):
        opened.load_model("shop.leave")
    with pytest.raises(UnknownName, match=r"shop.leaves: no version 4. There is none yet"):
        opened.load_model("shop.leaves", version="4")
    with pytest.raises(UnknownName, match="no model was in charge of 2024-02"):
        opened.load_model("shop.leaves", window="2024-02")
    with pytest.raises(UnknownName, match="no model is in charge"):
        opened.training_set("shop.leaves")
    with pytest.raises(UnknownName, match="'2024-2' is not a month window such as '2013-04'"):
        opened.training_set("shop.leaves", window="2024-2")
    with pytest.raises(UnknownName, match="It has no windows: leave `window` out"):
        opened.table("churn.bronze.customers", window="2024-02")
    with pytest.raises(UnknownName, match="two ways to say which model"):
        opened.load_model("shop.leaves", version="1", window="2024-02")


def test_a_table_that_nobody_built_says_what_to_run(opened: OpenedWorkspace) -> None:
    with pytest.raises(SourceError, match=r"nothing was published. Run churn.bronze.customers f"):
        opened.table("churn.bronze.customers")
    with pytest.raises(SourceError, match=r"no training set of this cutoff. Run shop.model.le"):
        opened.training_set("shop.leaves", window="2024-02")
    assert opened.windows("churn.bronze.customers") == ()
    assert opened.decisions("churn.leaves") == ()


def test_an_instant_has_a_time_zone() -> None:
    summer = timezone(timedelta(hours=2))
    expected = datetime(2013, 6, 30, 22, tzinfo=timezone.utc)
    assert instant("2013-07-01T00:00:00+02:00", "as_of") == expected
    assert instant("2013-06-30T22:00:00Z", "as_of") == expected
    assert instant(datetime(2013, 7, 1, tzinfo=summer), "as_of") == expected
    for wrong in ("2013-07-01", "yesterday", datetime(2013, 7, 1)):
        with pytest.raises(UnknownName, match="as_of must be an instant with a time zone"):
            instant(wrong, "as_of")


# As in test_looking.py: the interpreter itself tells of sockets and processes.
PROGRAM = """
import json, sys
import mlops_dagster
light = sorted(name for name in sys.modules if name.startswith("mlops_dagster"))
seen = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.posix_spawn", "os.fork"):
        seen.append(event)
sys.addaudithook(watch)
opened = mlops_dagster.open_workspace(root=sys.argv[1])
facts = [repr(opened), opened.models, opened.tables, opened.decisions("churn.leaves")]
print(json.dumps({"light": light, "seen": seen, "modules": sorted(sys.modules)}))
"""


def test_opening_and_asking_for_names_and_decisions_starts_nothing(tmp_path: Path) -> None:
    root = write_project(tmp_path, {"churn": CHURN})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["light"] == ["mlops_dagster"]
    assert found["seen"] == []
    heavy = ("pyspark", "mlflow", "sklearn", "pandas", "grpc", "dagster")
    assert [name for name in heavy if name in found["modules"]] == []
    assert not (root / ".mlops").exists()

"""Hostile projects: each is loaded by the real loader, told as a mistake, and nothing of it ran."""

from collections import Counter
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from mlops_dagster_tests.hostile.payloads import PAYLOADS, Payload
from mlops_dagster_tests.rules.test_grammar import REFUSED as REFUSED_RULES
from mlops_dagster_tests.rules.test_select import HOSTILE as HOSTILE_SELECTS
from mlops_dagster_tests.rules.test_select import REFUSED_FILES as REFUSED_SELECTS
from mlops_dagster_tests.spec.worlds import HOOKS, messages, write_project


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a secret file, where a mark would appear."""
    (tmp_path / "secret").write_text("the secret text", "utf-8")
    return tmp_path


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: f"{p.kind}: {p.name}")
def test_a_payload_is_told_and_not_executed(place: Path, payload: Payload) -> None:
    root = write_project(place / "project", payload.files(place))
    before = sorted(root.rglob("*"))
    told = messages(root)
    if payload.says is None:
        assert told == []
    else:
        assert any(payload.says in message for message in told), told
        assert all(message.isprintable() for message in told)
    assert "the secret text" not in " ".join(told)
    assert not (place / "mark").exists()
    assert sorted(root.rglob("*")) == before
    assert sorted(path.name for path in place.iterdir()) == ["project", "secret"]


def test_the_corpus_is_large() -> None:
    counts = Counter(payload.kind for payload in PAYLOADS)
    assert counts.keys() == {"YAML", "SQL", "rules", "names and paths", "hooks"}
    more = len(REFUSED_RULES) + len(REFUSED_SELECTS) + len(HOSTILE_SELECTS)
    assert sum(counts.values()) > 75
    assert more > 250


def test_the_yaml_payload_runs_where_a_loader_allows_it(place: Path) -> None:
    text = f"!!python/object/apply:os.system ['touch {place / 'mark'}']"
    yaml.unsafe_load(text)
    assert (place / "mark").exists()


def test_the_sql_payload_runs_where_spark_is_asked(spark: SparkSession, place: Path) -> None:
    spark.sql(f"INSERT OVERWRITE DIRECTORY '{place / 'mark'}' USING csv SELECT 1 AS a")
    assert (place / "mark").exists()
    read = spark.sql(f"SELECT * FROM text.`{place / 'secret'}`").collect()
    assert [row[0] for row in read] == ["the secret text"]


def test_hooks_by_a_link_out_of_the_folder_are_refused_unread(place: Path) -> None:
    root = write_project(place / "project")
    outside = place / "outside.py"
    outside.write_text((root / HOOKS).read_text("utf-8"), "utf-8")
    (root / HOOKS).unlink()
    (root / HOOKS).symlink_to(outside)
    assert any(HOOKS in message for message in messages(root)), messages(root)

"""Whatever is written in place of a part of a file, the loader tells of it and never fails."""

import copy
import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_dagster.spec.loader import find_problems, load_workspace
from mlops_dagster.spec.positions import Data, read_document
from mlops_dagster_tests.spec.worlds import (
    CONTRACT,
    DEV,
    PROJECT,
    SQL,
    USE_CASE,
    messages,
    write_project,
)

GOLDEN = Path(__file__).parent / "golden"
FILES = (USE_CASE, USE_CASE, USE_CASE, CONTRACT, DEV, "project.yaml")
Key = str | int
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text("ab._{}*<>/- \"':", max_size=8),
    st.sampled_from(
        [
            "all",
            "never",
            "silver.orders",
            "bronze.orders",
            "features.city_history",
            "2 windows",
            "3 days",
            "stock.bronze.counts",
            "project.calendar",
            "weight",
            "city",
            "late",
            "hour",
            "roc_auc",
            "cost",
            "city_history",
            "regression",
            "open",
            "{window}",
            "row_count > 1",
        ]
    ),
)
values = st.recursive(
    scalars,
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text("ab_.", max_size=3), part),
    max_leaves=4,
)


def places(data: Data, path: tuple[Key, ...] = ()) -> list[tuple[Key, ...]]:
    """Return the paths of all parts of a document but the whole."""
    found = [path] if path else []
    if isinstance(data, dict):
        for key, value in data.items():
            found += places(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            found += places(value, (*path, number))
    return found


def put(data: Data, path: tuple[Key, ...], value: object, *, remove: bool) -> None:
    """Replace or remove a part of a document."""
    parent: object = data
    for key in path[:-1]:
        parent = parent[key]  # type: ignore[index]
    if remove:
        del parent[path[-1]]  # type: ignore[attr-defined]
    else:
        parent[path[-1]] = value  # type: ignore[index]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_with_other_parts_is_told_or_loaded(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FILES))
    document = copy.deepcopy(read_document(PROJECT[name].encode()).data)
    for _ in range(data.draw(st.integers(1, 3))):
        known = places(document)
        if known:
            path = data.draw(st.sampled_from(known))
            put(document, path, data.draw(values), remove=data.draw(st.booleans()))
    text = yaml.safe_dump(document)
    write_project(tmp_path, {name: text})
    problems = find_problems(tmp_path, "dev")
    assert all(problem.line >= 1 and str(problem).isprintable() for problem in problems)
    assert len(set(map(str, problems))) == len(problems)
    if not problems:
        load_workspace(tmp_path, "dev")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_with_other_signs_is_told_or_loaded(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from((*FILES, SQL, "use_cases/deliveries/hooks.py")))
    text = PROJECT[name]
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    signs = data.draw(st.text("[]{}:,-&*!|>%@`'\"#\n\t ab1", max_size=6))
    write_project(tmp_path, {name: text[:start] + signs + text[start + length :]})
    if not find_problems(tmp_path, "dev"):
        load_workspace(tmp_path, "dev")


@pytest.mark.parametrize("name", [USE_CASE, CONTRACT, DEV, "project.yaml", SQL])
def test_a_misspelt_word_is_told_at_most_once(tmp_path: Path, name: str) -> None:
    text = PROJECT[name]
    for word in re.finditer(r"(?<![\w.])[a-z_][a-z_0-9.]*(?![\w.])", text):
        misspelt = f"{word[0][:-1]}x{word[0][-1]}"
        write_project(tmp_path, {name: text[: word.start()] + misspelt + text[word.end() :]})
        told = find_problems(tmp_path, "dev")
        assert len(told) <= 1, (word, [str(problem) for problem in told])


@pytest.mark.parametrize("name", [USE_CASE, CONTRACT, DEV, "project.yaml"])
def test_a_file_that_lacks_a_line_is_told_or_loaded(tmp_path: Path, name: str) -> None:
    lines = PROJECT[name].splitlines(keepends=True)
    for number in range(len(lines)):
        write_project(tmp_path, {name: "".join(lines[:number] + lines[number + 1 :])})
        if not find_problems(tmp_path, "dev"):
            load_workspace(tmp_path, "dev")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # What an unknown anchor was to bring is not told as missing.
        ("<<: *shared_training", "<<: *training", "58: the alias *training has no anchor"),
        (
            "    train: &shared_training",
            "    train:",
            "58: the alias *shared_training has no anchor",
        ),
        ("features: *shared_features", "features: *shared", "56: models.daily_peak.features: the"),
        # Seen twice through an alias, told once.
        ("{last: 7 windows}", "{lats: 7 windows}", "44: models.daily_use.train.holdout.lats: "),
        ("history: 90 windows", "history: 90 days", "41: models.daily_use.train.history: "),
        # A key or time that is misspelt is no feature.
        ("    event_time: day\n    rules", "    event_time: dya\n    rules", ""),
    ],
)
def test_a_mistake_in_what_models_share_is_told_once(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    name = "use_cases/energy_demand/use_case.yaml"
    text = (tmp_path / name).read_text()
    assert text.count(old) == 1
    (tmp_path / name).write_text(text.replace(old, new))
    told = messages(tmp_path)
    assert [one.startswith(f"{name}:{message}") for one in told] == ([True] if message else [])

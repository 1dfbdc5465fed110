"""Hooks: found in the text of hooks.py, imported only when called and only unchanged."""

import importlib
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cloudpickle
import pytest

from mlops_dagster.errors import HookError
from mlops_dagster.hooks import load_hook, metric
from mlops_dagster.spec.hooks import HookSource, find_hooks, plain_functions

TEXT = '''\
"""Hooks."""

import mlops_dagster.hooks as spark_hooks
from mlops_dagster import hooks
from mlops_dagster.hooks import estimator, metric as score, transform

LIMIT = 3


@transform
def rows(orders, *, window):
    """Rows."""
    return len(orders) + limit()


@score(lower_is_better=False)
def hits(actual, predicted):
    return 1.0


@estimator
def forest(seed):
    return seed


@hooks.transform
def other(orders):
    return orders


@spark_hooks.metric(lower_is_better=True)
def misses(actual, predicted):
    return 0.0


def limit():
    return LIMIT


@staticmethod
def decorated(orders):
    return orders


class Holder:
    @transform
    def method(self):
        return None


if LIMIT:
    @transform
    def hidden(orders):
        return orders
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deliveries" / "hooks.py"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def hook(file: Path, name: str = "rows") -> HookSource:
    return {one.name: one for one in find_hooks(file, file.read_bytes())}[name]


def test_only_decorated_functions_of_the_module_are_hooks(file: Path) -> None:
    found = find_hooks(file, file.read_bytes())
    assert [(one.name, one.kind, one.line, one.parameters) for one in found] == [
        ("rows", "transform", 11, ("orders", "window")),
        ("hits", "metric", 17, ("actual", "predicted")),
        ("forest", "estimator", 22, ("seed",)),
        ("other", "transform", 27, ("orders",)),
        ("misses", "metric", 32, ("actual", "predicted")),
    ]
    assert plain_functions(file.read_bytes()) == {"limit": 36, "decorated": 41}


def test_decorators_of_other_modules_are_none(file: Path) -> None:
    text = "from elsewhere import transform\n\n@transform\ndef rows(orders): ...\n"
    assert find_hooks(file, text.encode()) == ()
    assert find_hooks(file, b"@transform\ndef rows(orders): ...\n") == ()


def test_the_code_of_a_hook_is_what_it_uses(file: Path) -> None:
    code = hook(file).code
    assert "def limit():" in code
    assert "LIMIT = 3" in code
    assert "Rows." not in code
    assert "def hits" not in code


def test_a_hook_is_loaded_and_called(file: Path) -> None:
    assert load_hook(hook(file))([1, 2], window=None) == 5
    assert load_hook(hook(file, "forest"))(7) == 7
    # Once per content.
    assert load_hook(hook(file)) is load_hook(hook(file))


def test_the_folder_of_a_hook_is_not_put_on_the_import_path(file: Path) -> None:
    (file.parent / "neighbour.py").write_text("VALUE = 1\n")
    file.write_text("import neighbour\n" + TEXT)
    with pytest.raises(HookError, match=r"fails to import, found ModuleNotFoundError: .*neighbour"):
        load_hook(hook(file))
    assert str(file.parent) not in sys.path
    assert "neighbour" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("hooks")


def test_a_hook_travels_by_value(file: Path) -> None:
    function: Callable[..., object] = load_hook(hook(file))
    sent = cloudpickle.dumps(function)
    module = function.__module__
    kept = sys.modules.pop(module)
    try:
        assert pickle.loads(sent)([1], window=None) == 4
        assert module not in sys.modules
    finally:
        sys.modules[module] = kept


def test_a_file_changed_since_the_load_is_refused(file: Path) -> None:
    source = hook(file)
    file.write_text(TEXT.replace("LIMIT = 3", "LIMIT = 4"))
    with pytest.raises(
        HookError, match=r"hooks\.py:11: the hooks file changed since the workspace"
    ):
        load_hook(source)
    assert load_hook(hook(file))([], window=None) == 4


def test_a_file_that_is_gone_is_refused(file: Path) -> None:
    source = hook(file)
    file.unlink()
    with pytest.raises(HookError, match=r"hooks\.py:11: the hooks file cannot be read"):
        load_hook(source)


def test_a_file_that_fails_to_import_is_refused_and_leaves_nothing(file: Path) -> None:
    file.write_text(TEXT + "\nraise ValueError('no')\n")
    before = set(sys.modules)
    with pytest.raises(HookError, match=r"fails to import, found ValueError: no"):
        load_hook(hook(file))
    assert not any(name.startswith("mlops_dagster_hooks") for name in set(sys.modules) - before)


def test_a_function_that_the_file_lacks_is_refused_with_the_nearest(file: Path) -> None:
    with pytest.raises(HookError, match=r"'row' is no @transform .* \(did you mean rows\?\)"):
        load_hook(replace(hook(file), name="row"))


def test_a_function_that_is_no_hook_is_refused(file: Path) -> None:
    with pytest.raises(HookError, match=r"'limit' is no @transform"):
        load_hook(replace(hook(file), name="limit"))


def test_a_file_of_another_name_is_refused(file: Path) -> None:
    other = file.with_name("setup.py")
    other.write_text(TEXT)
    with pytest.raises(HookError, match=r"setup\.py:11: a hook stands in a file called hooks\.py"):
        load_hook(replace(hook(file), file=other))


def test_a_link_out_of_the_folder_is_refused(file: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(TEXT)
    file.unlink()
    file.symlink_to(outside)
    with pytest.raises(HookError, match=r"a hook stands in a file called hooks\.py"):
        load_hook(hook(file))


def test_a_metric_says_which_direction_is_better() -> None:
    with pytest.raises(
        HookError, match=r"@metric was used with a wrong argument; expected @metric"
    ):
        metric(lower_is_better="yes")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        metric()  # type: ignore[call-arg]

"""Code of a use case beside its YAML: decorators for hooks.py, and the only importer of that file.

A function of `use_cases/<name>/hooks.py` counts only if it is decorated with one of these, and YAML
names it bare. Its source, with all that it uses of its file, is part of the code version of
whatever names it.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from mlops_dagster.errors import HookError, nearest_name
from mlops_dagster.spec.hooks import HookSource, find_hooks, is_own_file

Function = TypeVar("Function", bound=Callable[..., object])


def transform(function: Function) -> Function:
    """Declare a table's rows: `(<input>: DataFrame, ..., [window: Window]) -> DataFrame`.

    The parameters are the table's declared inputs, each a lazy Spark DataFrame of the pinned,
    needed windows. A parameter named `window` receives the `mlops_dagster.windows.Window` being
    built (None for a static table). The result is a lazy DataFrame of that window's rows, without
    the column `window`. Nothing random, no clock, no action.
    """
    return function


def estimator(function: Function) -> Function:
    """Declare a model family: `(seed: int) -> scikit-learn estimator`, not fitted.

    It is fitted on encoded columns (numbers; categories as codes) and must implement `fit`,
    `predict` and, for classification, `predict_proba`. Everything random in it takes `seed`.
    """
    return function


def metric(*, lower_is_better: bool) -> Callable[[Function], Function]:
    """Declare a metric for gates: `(actual: NDArray, predicted: NDArray) -> float`.

    `actual` and `predicted` have one entry a row of the hold-out. Regression: numbers. Binary: 0/1
    and the probability of the positive class. Multiclass: class labels and the predicted labels.

    Args:
        lower_is_better: Whether a smaller value is the better one; it decides what beating the
            champion means.
    """
    if not isinstance(lower_is_better, bool):
        raise HookError(
            "@metric was used with a wrong argument",
            expected="@metric(lower_is_better=True) or @metric(lower_is_better=False)",
            found=f"lower_is_better={lower_is_better!r}",
        )

    def keep(function: Function) -> Function:
        return function

    return keep


def load_hook(source: HookSource) -> Callable[..., Any]:
    """Import the file of a hook and return the function.

    The file is imported once per content, under a name of its own, from its text alone: its folder
    is not put on the import path. The module is pickled by value, so its functions run on Spark
    workers that cannot import it.

    Raises:
        HookError: The file is gone, changed since the workspace was loaded, lies elsewhere or fails
            to import, or the function is no hook of this kind.
    """
    where = f"{source.file}:{source.line}"
    if not is_own_file(source.file):
        raise HookError(
            "a hook stands in a file called hooks.py of its use case's folder",
            where=where,
            found=str(source.file.resolve()),
        )
    try:
        content = source.file.read_bytes()
    except OSError as error:
        raise HookError("the hooks file cannot be read", where=where, found=str(error)) from error
    if hashlib.sha256(content).hexdigest() != source.file_digest:
        raise HookError(
            "the hooks file changed since the workspace was loaded",
            where=where,
            next_step=(
                "Reload the code location, so that the change becomes part of the code version"
            ),
        )
    found = {hook.name: hook.kind for hook in find_hooks(source.file, content)}
    if source.name not in found or found[source.name] != source.kind:
        raise HookError(
            f"'{source.name}' is no @{source.kind} of the hooks file",
            where=where,
            nearest=nearest_name(source.name, found),
        )
    module = _module(source, content)
    function = getattr(module, source.name, None)
    if not callable(function):
        raise HookError(f"the hooks file removes its function '{source.name}'", where=where)
    return function  # type: ignore[no-any-return]


def _module(source: HookSource, content: bytes) -> ModuleType:
    place = hashlib.sha256(f"{source.file.resolve()}\0{source.file_digest}".encode()).hexdigest()
    name = f"mlops_dagster_hooks_{source.file.resolve().parent.name}_{place[:16]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(source.file))
    if spec is None:
        raise HookError("the hooks file cannot be imported", where=str(source.file))
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(source.file)
    sys.modules[name] = module
    try:
        # Reviewed code of the use case: the text that was hashed, never a second read of the file.
        exec(compile(content, str(source.file), "exec"), vars(module))  # noqa: S102
    except Exception as error:
        del sys.modules[name]
        raise HookError(
            "the hooks file fails to import",
            where=f"{source.file}:{source.line}",
            found=f"{type(error).__name__}: {error}",
        ) from error
    _pickle_by_value(module)
    return module


def _pickle_by_value(module: ModuleType) -> None:
    """Register with both picklers: pyspark's copy of cloudpickle has a registry of its own."""
    import cloudpickle
    import pyspark.cloudpickle

    cloudpickle.register_pickle_by_value(module)
    pyspark.cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]

"""Reading hooks.py of a use case and checking the signatures of its hooks."""

from collections.abc import Mapping
from pathlib import Path

from mlops_dagster.spec.hooks import HookKind, HookSource, find_hooks
from mlops_dagster.spec.metrics import METRICS
from mlops_dagster.spec.problems import Problem, ProblemList

# Parameters of a transform are its table's inputs, so they are checked where YAML names it.
SIGNATURES: Mapping[HookKind, tuple[str, ...]] = {
    "estimator": ("seed",),
    "metric": ("actual", "predicted"),
}


def read_hooks(
    path: Path, *, root: Path, problems: ProblemList
) -> tuple[dict[str, HookSource], bool]:
    """Return the hooks of a file by name, and whether it could be read (a missing one can)."""
    if not path.is_file():
        return {}, True
    shown = path.relative_to(root).as_posix()

    def report(line: int, problem: str, **parts: str | None) -> None:
        problems.add(Problem(shown, line, 1, "", problem, **parts))

    try:
        found = find_hooks(path, path.read_bytes())
    except SyntaxError as error:
        report(error.lineno or 1, f"not valid Python: {error.msg}")
        return {}, False
    except (OSError, ValueError, RecursionError) as error:
        report(1, f"the file cannot be read: {error}")
        return {}, False
    hooks: dict[str, HookSource] = {}
    for hook in found:
        known = hooks.get(hook.name)
        if known is not None:
            report(hook.line, f"the hook '{hook.name}' stands twice, first in line {known.line}")
            continue
        hooks[hook.name] = hook
        signature = SIGNATURES.get(hook.kind)
        if signature is not None and hook.parameters != signature:
            report(
                hook.line,
                f"the @{hook.kind} '{hook.name}' has other parameters than it is called with",
                expected=f"({', '.join(signature)})",
                found=f"({', '.join(hook.parameters)})",
            )
        if hook.kind != "metric":
            continue
        if not isinstance(hook.option("lower_is_better"), bool):
            report(
                hook.line,
                f"the @metric '{hook.name}' does not say which direction is better",
                expected="@metric(lower_is_better=True) or @metric(lower_is_better=False)",
            )
        if hook.name in METRICS:
            report(hook.line, f"the @metric '{hook.name}' has the name of a built-in metric")
    return hooks, True

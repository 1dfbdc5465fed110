"""Reading hooks.py of a use case and checking the signatures of its hooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_dagster.spec.hooks import HookKind, HookSource, find_hooks, is_own_file, plain_functions
from mlops_dagster.spec.metrics import METRICS
from mlops_dagster.spec.positions import read_bounded
from mlops_dagster.spec.problems import Problem, ProblemList

# Parameters of a transform are its table's inputs, so they are checked where YAML names it.
SIGNATURES: Mapping[HookKind, tuple[str, ...]] = {
    "estimator": ("seed",),
    "metric": ("actual", "predicted"),
}


@dataclass(frozen=True)
class HooksFile:
    """A hooks.py: its hooks by name, and the lines of its functions that are none (`plain`).

    `shown` is its path in messages. A file that is missing has no hooks, but is `readable`.
    """

    shown: str
    hooks: Mapping[str, HookSource] = field(default_factory=dict)
    plain: Mapping[str, int] = field(default_factory=dict)
    readable: bool = True


def read_hooks(path: Path, *, root: Path, problems: ProblemList) -> HooksFile:
    """Return what a hooks.py holds, reporting hooks that cannot be called as they are."""
    shown = path.relative_to(root).as_posix()
    if not path.is_file():
        return HooksFile(shown)

    def report(line: int, problem: str, **parts: str | None) -> None:
        problems.add(Problem(shown, line, 1, "", problem, **parts))

    if not is_own_file(path):
        report(1, f"the file is a link to {path.resolve()}", expected="a file of this folder")
        return HooksFile(shown, readable=False)
    try:
        content = read_bounded(path)
        found = find_hooks(path, content)
    except SyntaxError as error:
        report(error.lineno or 1, f"not valid Python: {error.msg}")
        return HooksFile(shown, readable=False)
    except (OSError, ValueError, RecursionError) as error:
        report(1, f"the file cannot be read: {error}")
        return HooksFile(shown, readable=False)
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
    return HooksFile(shown, hooks, plain_functions(content))

"""Finding the hook that YAML names, or saying why it is none."""

from mlops_dagster.spec.files import Owner
from mlops_dagster.spec.hooks import HookKind, HookSource
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.positions import Key


def find_hook(owner: Owner, name: str, kind: HookKind, *path: Key) -> HookSource | None:
    """Return a hook of the owner, or report at a path of its file that there is none of that kind.

    Nothing is reported where hooks.py itself could not be read.
    """
    file = owner.hooks_file
    if not file.readable:
        return None
    hook = file.hooks.get(name)
    if hook is not None and hook.kind == kind:
        return hook
    names = [known.name for known in file.hooks.values() if known.kind == kind]
    found = f"'{name}'" if hook is None else f"the @{hook.kind} '{name}'"
    if name in file.plain:
        found += f", which is no hook ({file.shown}:{file.plain[name]})"
    owner.source.report(
        *path,
        expected=f"{'a' if kind == 'transform' else 'an'} @{kind} of hooks.py"
        + (f": {quoted(names)}" if names else ", which has none"),
        found=found,
        names=names,
        nearest_to=name,
    )
    return None

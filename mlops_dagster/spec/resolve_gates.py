"""The gates of a model: over metrics of its task and its own hooks."""

from mlops_dagster.rules import parse_gate
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.metrics import METRICS, metrics_for
from mlops_dagster.spec.model_drafts import ModelDraft
from mlops_dagster.spec.models import Gate, GateText
from mlops_dagster.spec.parse_text import parse_text
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.workspace import ResolvedGate


def resolve_gates(model: ModelDraft) -> None:
    """Parse the gates of a model into its draft, with the metric hooks that they name."""
    for number, gate in enumerate(model.spec.gates):
        path = model.path("gates", number)
        resolved = (
            _expression(model, gate, path)
            if isinstance(gate, GateText)
            else _bound(model, gate, path)
        )
        if resolved is None:
            continue
        model.gates.append(resolved)
        for name in resolved.metrics:
            hook = model.owner.hooks.get(name)
            if hook is not None and hook.kind == "metric" and hook not in model.metric_hooks:
                model.metric_hooks.append(hook)


def _expression(model: ModelDraft, gate: GateText, path: tuple[Key, ...]) -> ResolvedGate | None:
    expression = parse_text(model.source, path, gate.text, parse_gate)
    if expression is None:
        return None
    metrics = tuple(sorted(expression.columns))
    for name in metrics:
        _check_metric(model, name, path)
    return ResolvedGate(text=gate.text, metrics=metrics, expression=expression)


def _bound(model: ModelDraft, gate: Gate, path: tuple[Key, ...]) -> ResolvedGate | None:
    source = model.source
    if not source.sound(*path):
        return None
    _check_metric(model, gate.metric, (*path, "metric"))
    bounds = [key for key in ("at_least", "at_most") if getattr(gate, key) is not None]
    if gate.against is not None and bounds:
        source.report(
            *path,
            expected="either a bound (at_least, at_most) or a comparison (against, better_by)",
            found=f"{' and '.join(bounds)} beside against",
        )
        return None
    if gate.against is None and gate.better_by is not None:
        source.report(*path, expected="'against: champion' beside better_by", found="none")
        return None
    if gate.against is None and not bounds:
        source.report(
            *path, expected="one of the keys at_least, at_most, against", found="none of them"
        )
        return None
    if gate.at_least is not None and gate.at_most is not None and gate.at_least > gate.at_most:
        source.report(
            *path,
            "at_least",
            expected=f"no more than at_most, {gate.at_most:g}",
            found=f"{gate.at_least:g}",
        )
    if gate.better_by is not None and gate.better_by < 0:
        source.report(
            *path, "better_by", expected="a number of at least 0", found=f"{gate.better_by:g}"
        )
    return ResolvedGate(
        text=_text(gate),
        metrics=(gate.metric,),
        at_least=gate.at_least,
        at_most=gate.at_most,
        slice=gate.slice,
        against_champion=gate.against is not None,
        better_by=(gate.better_by or 0.0) if gate.against is not None else None,
    )


def _check_metric(model: ModelDraft, name: str, path: tuple[Key, ...]) -> None:
    owner, source, task = model.owner, model.source, model.spec.task
    hooks = [hook.name for hook in owner.hooks.values() if hook.kind == "metric"]
    known = list(metrics_for(task)) + hooks
    sure = owner.hooks_file.readable and source.sound(*model.path("task"))
    if name in known or not sure:
        return
    other = METRICS.get(name)
    tasks = (
        ""
        if other is None
        else ", a metric of task " + " and ".join(sorted(task.value for task in other.tasks))
    )
    source.report(
        *path,
        expected=f"a metric of task {task.value} or an @metric of hooks.py: {quoted(known)}",
        found=f"'{name}'{tasks}",
        names=known,
        nearest_to=name,
    )


def _text(gate: Gate) -> str:
    """Write a bound the way a person would read it aloud; it is the gate's name in reports."""
    text = gate.metric if gate.slice is None else f"{gate.metric} of every {gate.slice}"
    if gate.against is not None:
        return f"{text} better than the champion's by more than {gate.better_by or 0:g}"
    bounds = [
        f"{sign} {value:g}"
        for sign, value in ((">=", gate.at_least), ("<=", gate.at_most))
        if value is not None
    ]
    return f"{text} {' and '.join(bounds)}"

"""What `mlops-dagster run` prints at its end: a table of the tables, a paragraph a model."""

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from mlops_dagster.automation.figures import Figure
from mlops_dagster.automation.outcome import ModelOutcome, Outcome, RuleCount, TableOutcome
from mlops_dagster.spec.refs import STATIC


def print_outcome(console: Console, outcome: Outcome, *, seconds: float) -> None:
    """Print what runs of a use case came to."""
    if outcome.tables:
        console.print(tables_table(outcome))
    for model in outcome.models:
        for line in model_lines(model):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
    of = "" if outcome.window == STATIC else f" {outcome.window}"
    end = "" if outcome.changed else "; nothing changed"
    console.print(f"{outcome.use_case}{of}: done in {seconds:.0f} s{end}.", highlight=False)


def tables_table(outcome: Outcome) -> Table:
    """Return one row a table: rows, quarantined rows, rules that some rows fail, changed or not."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in ("table", "rows", "quarantined", "", "rows that fail a rule"):
        table.add_column(name, justify="right" if name in ("rows", "quarantined") else "left")
    for one in outcome.tables:
        table.add_row(*table_cells(one))
    return table


def table_cells(table: TableOutcome) -> tuple[str, str, str, str, str]:
    """Return the cells of a table's row."""
    return (
        table.name,
        f"{table.rows:,}",
        f"{table.quarantined:,}",
        "written" if table.changed else "unchanged",
        "\n".join(_rule(rule) for rule in table.rules) or "-",
    )


def model_lines(model: ModelOutcome) -> Iterator[str]:
    """Yield what is said of a model: version, metrics, gates, why one did not pass, scores."""
    version = "" if model.version is None else f"version {model.version}, "
    if model.state is None:
        state = f"not trained in this run, champion {model.champion or 'none yet'}"
    else:
        state = f"{version}{model.state}{'' if model.new else ' (unchanged)'}"
    yield f"{model.name} ({model.family}): {state}"
    if model.figures:
        rows = "" if model.holdout_rows is None else f" on {model.holdout_rows:,} held-out rows"
        yield f"  {'; '.join(_figure(figure) for figure in model.figures[:5])}{rows}"
    if model.gates:
        counts = Counter(gate.outcome.replace("_", " ") for gate in model.gates)
        yield f"  gates: {', '.join(f'{count} {outcome}' for outcome, count in counts.items())}"
    for gate in model.gates:
        if gate.outcome not in ("pass", "not_applicable"):
            yield f"    {gate.gate}: {gate.outcome}. {gate.explanation}"
    if model.scored is not None:
        state = "" if model.scores_changed else " (unchanged)"
        yield f"  {model.scored:,} rows scored by version {model.scored_by}{state}"


def _rule(rule: RuleCount) -> str:
    count = f"{rule.failed_rows:,} " if rule.failed_rows else ""
    return f"{count}{rule.name}{'' if rule.passed else ' FAILED'}"


def _figure(figure: Figure) -> str:
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.name} {figure.value:.3f}{interval}"

"""A workspace as the rest of the product sees it: every name resolved, every text parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from mlops_dagster.rules import Expression, Limit, SelectStatement
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.environment import Environment
from mlops_dagster.spec.hooks import HookSource
from mlops_dagster.spec.models import Model
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.rule_checks import Check
from mlops_dagster.spec.tables import OnFail, Rule, Table
from mlops_dagster.spec.use_case import AlertKind, Project, UseCase
from mlops_dagster.windows import Duration, WindowCalendar

# Where rows come from.
TableKind = Literal["files", "source", "keep", "sql", "hook"]


@dataclass(frozen=True)
class ResolvedInput:
    """A table that another one reads, under the name its SQL or hook uses."""

    name: str
    ref: TableRef
    back: Duration | None
    until_start: bool


@dataclass(frozen=True)
class ResolvedRule:
    """A rule with its parsed texts; `on_fail` is final (defaults applied).

    `text` says what it demands, `kind` is its key in YAML, `check` how its answer is found.
    """

    name: str
    spec: Rule
    kind: str
    text: str
    check: Check
    when: Expression | None
    about: Literal["rows", "data_set"]
    on_fail: OnFail
    warn_if: Limit | None
    fail_if: Limit | None


@dataclass(frozen=True)
class ResolvedTable:
    """A table with its inputs, SQL or hook, rules and contract."""

    ref: TableRef
    spec: Table
    kind: TableKind
    windowed: bool
    calendar: WindowCalendar | None
    inputs: Mapping[str, ResolvedInput]
    sql: SelectStatement | None
    hook: HookSource | None
    rules: tuple[ResolvedRule, ...]
    contract: Contract | None
    contract_path: Path
    code_version: str
    position: tuple[Path, int]

    @property
    def is_derived(self) -> bool:
        """Whether SQL or a hook of the user's makes it from other tables."""
        return self.kind in ("sql", "hook")

    @property
    def event_time(self) -> str | None:
        """The column that says when a row happened."""
        return self.spec.event_time

    @property
    def known_at(self) -> str | None:
        """The column that says when a row became known: `known_at`, else the event time."""
        return self.spec.known_at or self.spec.event_time


@dataclass(frozen=True)
class ResolvedGate:
    """A condition for promotion: a parsed expression over metrics, or a bound on one metric.

    Exactly one of `expression`, (`at_least`/`at_most`) and `better_by` is set; `slice` and
    `against_champion` refine it.
    """

    text: str
    metrics: tuple[str, ...]
    expression: Expression | None = None
    at_least: float | None = None
    at_most: float | None = None
    slice: str | None = None
    against_champion: bool = False
    better_by: float | None = None


@dataclass(frozen=True)
class ResolvedModel:
    """A model with its tables and gates; `features` maps a table to columns, None to all."""

    name: str
    use_case: str
    spec: Model
    rows: TableRef
    label: TableRef
    features: Mapping[TableRef, tuple[str, ...] | None]
    gates: tuple[ResolvedGate, ...]
    metric_hooks: tuple[HookSource, ...]
    estimator_hook: HookSource | None
    code_version: str

    @property
    def stream(self) -> str:
        """The name of the model in events and in the registry."""
        return f"{self.use_case}.{self.name}"

    def derived(self, layer: Literal["model", "serving"], suffix: str) -> TableRef:
        """Return the reference of a table that belongs to this model, such as its training set."""
        return TableRef(self.use_case, layer, f"{self.name}_{suffix}")


@dataclass(frozen=True)
class ResolvedUseCase:
    """A use case; its tables stand in an order in which each comes after what it reads."""

    name: str
    spec: UseCase
    folder: Path
    calendar: WindowCalendar | None
    tables: Mapping[TableRef, ResolvedTable]
    models: Mapping[str, ResolvedModel]
    open_tables: frozenset[TableRef]


@dataclass(frozen=True)
class Workspace:
    """A project in one environment."""

    root: Path
    project: Project
    environment: Environment
    use_cases: Mapping[str, ResolvedUseCase]
    shared_tables: Mapping[TableRef, ResolvedTable]

    @cached_property
    def tables(self) -> Mapping[TableRef, ResolvedTable]:
        """All tables of the workspace by reference."""
        found = dict(self.shared_tables)
        for use_case in self.use_cases.values():
            found.update(use_case.tables)
        return found

    def table(self, ref: TableRef) -> ResolvedTable:
        """Return a table by reference; KeyError when the workspace has none of that name."""
        return self.tables[ref]

    def shared_tables_of(self, use_case: ResolvedUseCase) -> tuple[TableRef, ...]:
        """Return the tables of project.yaml that a use case reads, directly or through others."""
        waiting = [i.ref for table in use_case.tables.values() for i in table.inputs.values()]
        for model in use_case.models.values():
            waiting.extend((model.rows, model.label, *model.features))
        read: set[TableRef] = set()
        while waiting:
            ref = waiting.pop()
            if ref in self.shared_tables and ref not in read:
                read.add(ref)
                waiting.extend(i.ref for i in self.shared_tables[ref].inputs.values())
        return tuple(ref for ref in self.shared_tables if ref in read)

    def alerts_about(self, ref: TableRef) -> frozenset[AlertKind]:
        """Return the kinds of alerts that the use cases which own or read a table ask for."""
        return frozenset(
            kind
            for use_case in self.use_cases.values()
            if ref in use_case.tables or ref in self.shared_tables_of(use_case)
            for kind in use_case.spec.alerts
        )

    def calendar_of(self, ref: TableRef) -> WindowCalendar | None:
        """Return the calendar of a table's owner; None for shared and static ones."""
        if ref.owner == PROJECT_OWNER:
            return None
        return self.use_cases[ref.owner].calendar

    @property
    def state_folder(self) -> Path:
        """Where everything of this environment that is not a user's file lies."""
        return self.root / ".mlops" / self.environment.name

    @property
    def landing(self) -> Path:
        """The root of every `files:`."""
        return self.root / self.environment.landing

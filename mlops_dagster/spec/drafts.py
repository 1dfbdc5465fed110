"""Tables on the way to being resolved: filled step by step, each step reporting what is wrong."""

from dataclasses import dataclass, field

from mlops_dagster.rules import SelectStatement
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.directory import Declared
from mlops_dagster.spec.files import Owner, SqlFile
from mlops_dagster.spec.hooks import HookSource
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.spec.source import Source
from mlops_dagster.spec.tables import Input, Table
from mlops_dagster.spec.use_case import Project, UseCase
from mlops_dagster.spec.workspace import ResolvedRule, TableKind
from mlops_dagster.windows import WindowCalendar


@dataclass
class Draft:
    """A table as far as it is resolved; what could not be is None or missing.

    `columns` maps known column names to Spark types (None: not known); it is None when nothing is
    known. `calendar_known` is false when the use case's `windows` are wrong: then nothing is said
    about windows. `windowed_known` is false when a wrong input or path hides whether it has them.
    """

    declared: Declared
    kind: TableKind | None = None
    inputs: dict[str, TableRef] = field(default_factory=dict)
    sql_file: SqlFile | None = None
    sql: SelectStatement | None = None
    hook: HookSource | None = None
    contract: Contract | None = None
    columns: dict[str, str | None] | None = None
    calendar: WindowCalendar | None = None
    calendar_known: bool = True
    windowed: bool = False
    windowed_known: bool = True
    rules: list[ResolvedRule] = field(default_factory=list)

    @property
    def ref(self) -> TableRef:
        """The table's reference."""
        return self.declared.ref

    @property
    def spec(self) -> Table:
        """What the user wrote."""
        return self.declared.spec

    @property
    def owner(self) -> Owner:
        """The use case or project that declares it."""
        return self.declared.owner

    @property
    def source(self) -> Source[UseCase] | Source[Project]:
        """The file that declares it."""
        return self.declared.owner.source

    def path(self, *keys: Key) -> tuple[Key, ...]:
        """Return the path of a part of it in its file."""
        return (*self.declared.path, *keys)

    @property
    def key_sound(self) -> bool:
        """Whether nothing is wrong with its key: all known columns, as far as they are known."""
        known = self.columns is None or all(name in self.columns for name in self.spec.key)
        return known and self.source.sound(*self.path("key"))

    def input_spec(self, name: str) -> Input:
        """Return what the user wrote about an input."""
        return self.spec.inputs[name]

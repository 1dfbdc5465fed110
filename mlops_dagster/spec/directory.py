"""Which tables a workspace declares, and what a table's name in YAML refers to."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_dagster.errors import nearest_name
from mlops_dagster.spec.files import Owner, WorkspaceFiles
from mlops_dagster.spec.positions import Key
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.tables import Table
from mlops_dagster.spec.use_case import LAYERS

# The keys of a table that say where its rows come from; without any of them its SQL file does.
SOURCE_KEYS = ("files", "source", "hook", "keep")


@dataclass(frozen=True)
class Declared:
    """A table as it stands in YAML; `key` is its key under `tables`."""

    ref: TableRef
    owner: Owner
    key: str
    spec: Table

    @property
    def path(self) -> tuple[Key, ...]:
        """Where its mapping stands in the owner's file."""
        return ("tables", self.key)

    @property
    def place(self) -> str:
        """File and line, for messages about two places."""
        return f"{self.owner.source.file}:{self.owner.source.line(*self.path)}"


@dataclass(frozen=True)
class Directory:
    """All declared tables.

    Naming one of `unreadable`, whose YAML is wrong, is no second mistake; neither is naming one
    that `unsure_owners` lack, where one key stands for two tables. `misnamed_sql` holds, for tables
    without rows, the `<layer>.<name>` of the SQL file that is probably meant.
    """

    tables: Mapping[TableRef, Declared]
    unreadable: frozenset[TableRef]
    unreadable_owners: frozenset[str]
    unsure_owners: frozenset[str]
    misnamed_sql: Mapping[TableRef, str]

    def resolve(self, text: str, *path: Key, owner: Owner, at_key: bool = False) -> TableRef | None:
        """Return the table that `owner` means; report at `path` when there is none."""
        ref = _ref(text, owner)
        if ref is not None and (ref in self.unreadable or ref.owner in self.unreadable_owners):
            return None
        names = self.names_for(owner)
        if ref is None or ref not in self.tables:
            if ref is not None and ref.owner in self.unsure_owners:
                return None
            owner.source.report(
                *path,
                expected=(
                    "a declared table, written 'layer.name', 'project.name' or "
                    "'use_case.layer.name'"
                ),
                found=f"'{text}'",
                names=names,
                nearest_to=text,
                at_key=at_key,
            )
            return None
        declared = self.tables[ref]
        hidden = not declared.spec.export and declared.owner.source.sound(*declared.path, "export")
        if ref.owner != owner.name and hidden:
            owner.source.report(
                *path,
                expected="a table of this use case or one that its owner exports",
                found=f"'{text}', which {declared.place} does not export",
                at_key=at_key,
            )
            return None
        return ref

    def names_for(self, owner: Owner) -> list[str]:
        """Return how the owner may write each table that it can name."""
        names: list[str] = []
        for ref, declared in self.tables.items():
            if ref.owner == owner.name and ref.owner != PROJECT_OWNER:
                names.append(f"{ref.layer}.{ref.name}")
            elif ref.owner == PROJECT_OWNER and (
                declared.spec.export or owner.name == PROJECT_OWNER
            ):
                names.append(f"project.{ref.name}")
            elif declared.spec.export:
                names.append(str(ref))
        return names


def directory_of(files: WorkspaceFiles) -> Directory:
    """Return the tables that the files of a workspace declare."""
    tables: dict[TableRef, Declared] = {}
    unreadable: set[TableRef] = set()
    unreadable_owners: set[str] = set()
    for owner in files.owners():
        model = owner.source.model
        if model is None:
            unreadable_owners.add(owner.name)
            continue
        for key, spec in model.tables.items():
            ref = _own_ref(owner, key)
            tables[ref] = Declared(ref, owner, key, spec)
        unreadable |= {
            ref
            for key in owner.source.keys_at("tables")
            for ref in _possible_refs(owner, key)
            if ref not in tables
        }
    misnamed = {ref: name for ref, one in tables.items() if (name := _misnamed_sql(one))}
    # Either the file's name is wrong or the key; then the others name the table as the file does.
    unreadable |= {
        meant for ref, name in misnamed.items() if (meant := _named(ref.owner, name)) not in tables
    }
    return Directory(
        tables,
        frozenset(unreadable),
        frozenset(unreadable_owners),
        frozenset(owner.name for owner in files.owners() if owner.source.repeats("tables")),
        misnamed,
    )


def unused_sql(declared: Declared) -> frozenset[str]:
    """Return the SQL files in a table's layer that no table of its owner has the name of."""
    keys = {_own_ref(declared.owner, key) for key in declared.owner.source.keys_at("tables")}
    return frozenset(
        name
        for name in declared.owner.sql
        if (ref := _named(declared.ref.owner, name)) not in keys and ref.layer == declared.ref.layer
    )


def _misnamed_sql(declared: Declared) -> str | None:
    spec, ref, source = declared.spec, declared.ref, declared.owner.source
    name = f"{ref.layer}.{ref.name}"
    given = (spec.files, spec.source, spec.hook, spec.keep)
    if name in declared.owner.sql or any(one is not None for one in given):
        return None
    if not all(source.sound(*declared.path, key) for key in SOURCE_KEYS):
        return None
    return nearest_name(name, unused_sql(declared))


def _named(owner: str, name: str) -> TableRef:
    """Return the table of a `<layer>.<name>`."""
    return TableRef(owner, *name.split(".", 1))


def _own_ref(owner: Owner, key: str) -> TableRef:
    if owner.name == PROJECT_OWNER:
        return TableRef.shared(key)
    layer, _, name = key.partition(".")
    return TableRef(owner.name, layer, name)


def _possible_refs(owner: Owner, key: str) -> tuple[TableRef, ...]:
    """Return the tables that a key may mean; one without a layer may mean any."""
    if owner.name == PROJECT_OWNER or "." in key:
        return (_own_ref(owner, key),)
    return tuple(TableRef(owner.name, layer, key) for layer in LAYERS)


def _ref(text: str, owner: Owner) -> TableRef | None:
    parts = text.split(".")
    if len(parts) == 2 and parts[0] == PROJECT_OWNER:
        return TableRef.shared(parts[1])
    if len(parts) == 2:
        return TableRef(owner.name, *parts)
    return TableRef(*parts) if len(parts) == 3 and parts[0] != PROJECT_OWNER else None

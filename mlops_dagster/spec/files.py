"""Finding and reading every file of a workspace."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mlops_dagster.errors import nearest_name
from mlops_dagster.spec.base import NAME_PATTERN, SpecModel
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.environment import Environment
from mlops_dagster.spec.hook_files import HooksFile, read_hooks
from mlops_dagster.spec.hooks import HOOKS_FILE, HookSource
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.positions import read_bounded, read_document
from mlops_dagster.spec.problems import Problem, ProblemList
from mlops_dagster.spec.refs import PROJECT_OWNER, SHARED_LAYER
from mlops_dagster.spec.source import Source, read_source
from mlops_dagster.spec.use_case import LAYERS, Project, UseCase

Model = TypeVar("Model", bound=SpecModel)


@dataclass(frozen=True)
class SqlFile:
    """A file `<layer>/<name>.sql`; `shown` is its path in messages."""

    path: Path
    shown: str
    text: str


@dataclass(frozen=True)
class Owner:
    """What owns tables: a use case, or the project for the shared ones.

    `sql` and `contracts` are by `<layer>.<name>`.
    """

    name: str
    folder: Path
    source: Source[UseCase] | Source[Project]
    sql: Mapping[str, SqlFile]
    contracts: Mapping[str, Source[Contract]]
    hooks_file: HooksFile

    @property
    def hooks(self) -> Mapping[str, HookSource]:
        """The hooks of its hooks.py by name."""
        return self.hooks_file.hooks


@dataclass
class WorkspaceFiles:
    """All files of a workspace, read."""

    root: Path
    problems: ProblemList
    project: Owner
    environment: Source[Environment] | None
    use_cases: dict[str, Owner] = field(default_factory=dict)

    def owners(self) -> Iterator[Owner]:
        """Yield the project, then its use cases."""
        yield self.project
        yield from self.use_cases.values()


def read_files(root: Path, environment: str) -> WorkspaceFiles:
    """Read project.yaml, the environment and every use case below a folder; collect mistakes."""
    problems = ProblemList()
    project = _read_yaml(root / "project.yaml", Project, root=root, problems=problems)
    if project is None:
        _report(problems, "project.yaml", "no such file: this folder is not the root of a project")
        project = Source("project.yaml", read_document(b""), problems)
    files = WorkspaceFiles(
        root=root,
        problems=problems,
        project=_owner(
            PROJECT_OWNER, root, project, root=root, problems=problems, layers=(SHARED_LAYER,)
        ),
        environment=_environment(root, environment, problems),
    )
    for folder in sorted(_folders(root / "use_cases")):
        source = _read_yaml(folder / "use_case.yaml", UseCase, root=root, problems=problems)
        shown = folder.relative_to(root).as_posix()
        if source is None:
            _report(
                problems,
                f"{shown}/use_case.yaml",
                "no such file: a folder in use_cases/ is a use case",
            )
            continue
        files.use_cases[folder.name] = _owner(
            folder.name, folder, source, root=root, problems=problems, layers=LAYERS
        )
    return files


def _environment(root: Path, name: str, problems: ProblemList) -> Source[Environment] | None:
    source = None
    # A name is no path: it may come from an environment variable.
    if re.fullmatch(NAME_PATTERN, name):
        path = root / "environments" / f"{name}.yaml"
        source = _read_yaml(path, Environment, root=root, problems=problems)
    if source is not None:
        if source.model is not None and source.model.name != name:
            source.report(
                "name", expected=f"the name of the file, '{name}'", found=f"'{source.model.name}'"
            )
        return source
    known = sorted(path.stem for path in (root / "environments").glob("*.yaml"))
    near = nearest_name(name, known)
    problems.add(
        Problem(
            file=f"environments/{name}.yaml",
            line=1,
            column=1,
            key_path="",
            problem="no such file",
            expected=f"one of the environments {quoted(known)}" if known else "an environment",
            found=f"'{name}'",
            nearest=None if near is None else f"'{near}'",
        )
    )
    return None


def _owner(
    name: str,
    folder: Path,
    source: Source[UseCase] | Source[Project],
    *,
    root: Path,
    problems: ProblemList,
    layers: tuple[str, ...],
) -> Owner:
    hooks_file = HooksFile(HOOKS_FILE)
    if name != PROJECT_OWNER:
        hooks_file = read_hooks(folder / HOOKS_FILE, root=root, problems=problems)
        _report_stray_sql(folder, root, problems)
    return Owner(
        name=name,
        folder=folder,
        source=source,
        sql={
            file.path.parent.name + "." + file.path.stem: file
            for file in _sql(folder, layers, root, problems)
        },
        contracts=_contracts(folder, layers, root, problems),
        hooks_file=hooks_file,
    )


def _sql(
    folder: Path, layers: tuple[str, ...], root: Path, problems: ProblemList
) -> Iterator[SqlFile]:
    for layer in layers:
        for path in sorted((folder / layer).glob("*.sql")):
            shown = path.relative_to(root).as_posix()
            try:
                yield SqlFile(path, shown, read_bounded(path).decode("utf-8"))
            except (OSError, ValueError) as error:
                _report(problems, shown, f"the file cannot be read as UTF-8 text: {error}")


def _report_stray_sql(folder: Path, root: Path, problems: ProblemList) -> None:
    for path in sorted((*folder.glob("*.sql"), *folder.glob("*/*.sql"))):
        parent = path.parent.name
        if path.parent == folder or parent not in LAYERS:
            near = nearest_name(parent, LAYERS) if path.parent != folder else None
            problems.add(
                Problem(
                    file=path.relative_to(root).as_posix(),
                    line=1,
                    column=1,
                    key_path="",
                    problem="this SQL file belongs to no table",
                    expected=f"one of the folders {quoted(LAYERS)}",
                    nearest=None if near is None else f"'{near}/{path.name}'",
                )
            )


def _contracts(
    folder: Path, layers: tuple[str, ...], root: Path, problems: ProblemList
) -> dict[str, Source[Contract]]:
    found: dict[str, Source[Contract]] = {}
    for path in sorted((folder / "contracts").glob("*.yaml")):
        layer = path.stem.partition(".")[0]
        # The root's contracts folder holds those of shared tables only.
        if folder != root or layer in layers:
            source = _read_yaml(path, Contract, root=root, problems=problems)
            if source is not None:
                found[path.stem] = source
    return found


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        for path in parent.iterdir():
            if path.is_dir() and not path.name.startswith((".", "_")):
                yield path


def _read_yaml(
    path: Path, model: type[Model], *, root: Path, problems: ProblemList
) -> Source[Model] | None:
    """Return the file read as a model, or None when there is no such file."""
    if not path.is_file():
        return None
    shown = path.relative_to(root).as_posix()
    try:
        content = read_bounded(path)
    except (OSError, ValueError) as error:
        _report(problems, shown, f"the file cannot be read: {error}")
        return Source(shown, read_document(b""), problems)
    return read_source(content, model, file=shown, problems=problems)


def _report(problems: ProblemList, file: str, problem: str) -> None:
    problems.add(Problem(file=file, line=1, column=1, key_path="", problem=problem))

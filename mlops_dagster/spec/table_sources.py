"""Where each table's rows come from: files, a source, a hook or SQL, and which tables it reads."""

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules import parse_select
from mlops_dagster.spec.calendars import Calendars
from mlops_dagster.spec.check_files import check_files, check_files_only
from mlops_dagster.spec.directory import SOURCE_KEYS, Declared, Directory, unused_sql
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import Owner, SqlFile
from mlops_dagster.spec.find_hook import find_hook
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.problems import Problem, ProblemList
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef
from mlops_dagster.spec.resolve_kept import check_kept
from mlops_dagster.spec.resolve_sources import check_source
from mlops_dagster.spec.workspace import TableKind

# The window being built, for hooks that want it; so no input may be called so.
WINDOW_PARAMETER = "window"
_DELIVERED_AS = {"files": "files", "source": "a source"}


def draft_tables(directory: Directory, calendars: Calendars) -> dict[TableRef, Draft]:
    """Return a draft of every declared table with its source and inputs."""
    return {
        ref: _draft(declared, directory, calendars) for ref, declared in directory.tables.items()
    }


def parse_sql(draft: Draft, drafts: dict[TableRef, Draft], problems: ProblemList) -> None:
    """Parse a table's SQL file over its inputs, reporting mistakes at the file's lines.

    Drafts of the inputs must know their columns already: these resolve a `*`.
    """
    file = draft.sql_file
    if draft.kind != "sql" or file is None or not draft.spec.inputs:
        return
    if not draft.source.sound(*draft.path("inputs")):
        return
    try:
        draft.sql = parse_select(
            file.text,
            draft.spec.inputs.keys(),
            columns={
                name: tuple(columns)
                for name, ref in draft.inputs.items()
                if (columns := drafts[ref].columns) is not None
            },
        )
    except ExpressionError as error:
        problems.add(_sql_problem(file, error))
        return
    for name in draft.inputs:
        if name not in draft.sql.tables and name not in draft.spec.inputs_of_rules:
            draft.source.report(
                *draft.path("inputs", name),
                problem=f"{file.shown} never reads this input",
                at_key=True,
            )


def report_unused(
    owner: Owner,
    directory: Directory,
    problems: ProblemList,
) -> None:
    """Report SQL files and contracts that no table of the owner uses."""
    if owner.source.model is None:
        return
    declared = {f"{ref.layer}.{ref.name}" for ref in directory.tables if ref.owner == owner.name}
    unsure = {f"{ref.layer}.{ref.name}" for ref in directory.unreadable if ref.owner == owner.name}
    misnamed = {name for ref, name in directory.misnamed_sql.items() if ref.owner == owner.name}
    for name, file in owner.sql.items():
        if name not in declared | unsure | misnamed:
            _report_file(problems, file.shown, f"no table '{name}' is declared for this SQL file")
    for name, contract in owner.contracts.items():
        if name not in declared | unsure:
            _report_file(
                problems, contract.file, f"no table '{name}' is declared for this contract"
            )


def _draft(declared: Declared, directory: Directory, calendars: Calendars) -> Draft:
    owner, spec = declared.owner, declared.spec
    calendar = calendars.of(owner.name)
    draft = Draft(declared, calendar=calendar, calendar_known=calendars.known(owner.name))
    own_name = f"{declared.ref.layer}.{declared.ref.name}"
    draft.sql_file = owner.sql.get(own_name)
    contract = owner.contracts.get(own_name)
    draft.contract = contract.model if contract is not None else None
    named = None if draft.contract is None else draft.contract.table
    if contract is not None and named not in (None, str(declared.ref)):
        contract.report("table", expected=f"'{declared.ref}'", found=f"'{named}'")
    _find_kind(draft)
    for name, given in spec.inputs.items():
        path = draft.path("inputs", name, "table")
        ref = directory.resolve(given.table, *path, owner=owner)
        if ref is not None:
            draft.inputs[name] = ref
    _check_inputs(draft)
    if spec.files is not None:
        check_files(draft, spec.files)
    else:
        check_files_only(draft)
    resolved = len(draft.inputs) == len(draft.source.keys_at(*draft.path("inputs")))
    missing = draft.kind == "sql" and not draft.inputs
    if (
        draft.kind is None
        or missing
        or not resolved
        or not draft.source.sound(*draft.path("inputs"))
    ):
        draft.windowed_known = False
    check_kept(draft)
    if spec.evolve is not None and draft.kind in ("sql", "hook", "keep"):
        draft.source.report(
            *draft.path("evolve"),
            problem="what makes it says which columns it has; only a delivered table grows",
            at_key=True,
        )
    if spec.hook is not None:
        _find_hook(draft, spec.hook)
    if spec.source is not None:
        check_source(draft, spec.source, directory)
    return draft


def _find_kind(draft: Draft) -> None:
    spec, file, ref = draft.spec, draft.sql_file, draft.ref
    sources: dict[TableKind, str | None] = {
        "files": "files" if spec.files is not None else None,
        "source": "source" if spec.source is not None else None,
        "hook": "hook" if spec.hook is not None else None,
        "keep": "keep" if spec.keep is not None else None,
        "sql": None if file is None else f"the SQL file {file.shown}",
    }
    kinds: list[TableKind] = [kind for kind, shown in sources.items() if shown is not None]
    present = [shown for shown in sources.values() if shown is not None]
    if len(kinds) == 1:
        draft.kind = kinds[0]
        return
    if not all(draft.source.sound(*draft.path(key)) for key in SOURCE_KEYS):
        return
    unused = unused_sql(draft.declared)
    draft.source.report(
        *draft.path(),
        expected=(
            "exactly one source of its rows: files, source, hook, keep or the SQL file "
            f"{ref.layer}/{ref.name}.sql"
        ),
        found=" and ".join(present) or "none",
        names=[f"{name.replace('.', '/')}.sql" for name in unused],
        nearest_to=None if present else f"{ref.layer}/{ref.name}.sql",
        at_key=True,
    )


def _check_inputs(draft: Draft) -> None:
    if draft.kind in ("files", "source") and draft.spec.inputs:
        draft.source.report(
            *draft.path("inputs"),
            problem=f"a table of {_DELIVERED_AS[draft.kind]} reads no other tables",
            at_key=True,
        )
    if draft.kind == "sql" and not draft.spec.inputs and draft.source.sound(*draft.path("inputs")):
        draft.source.report(
            *draft.path(),
            expected="inputs: the tables that the SQL file reads, by the names it uses",
            found="none",
            at_key=True,
        )


def _find_hook(draft: Draft, name: str) -> None:
    owner, source, path = draft.owner, draft.source, draft.path("hook")
    if owner.name == PROJECT_OWNER:
        source.report(*path, problem="only a use case has hooks", at_key=True)
        return
    hook = draft.hook = find_hook(owner, name, "transform", *path)
    if hook is None or not source.sound(*draft.path("inputs")):
        return
    parameters = set(hook.parameters) - {WINDOW_PARAMETER}
    if parameters != set(draft.spec.inputs) - (draft.spec.inputs_of_rules - parameters):
        source.report(
            *path,
            expected=(
                f"inputs named as the parameters of {name}: {quoted(sorted(parameters)) or 'none'}"
            ),
            found=quoted(sorted(draft.spec.inputs)) or "none",
        )


def _sql_problem(file: SqlFile, error: ExpressionError) -> Problem:
    return Problem(
        file=file.shown,
        line=error.line,
        column=error.column,
        key_path="",
        problem=f"column {error.column}: {error.problem}",
        expected=error.expected,
        found=error.found,
        nearest=error.nearest,
        next_step=error.next_step,
    )


def _report_file(problems: ProblemList, file: str, problem: str) -> None:
    problems.add(Problem(file=file, line=1, column=1, key_path="", problem=problem))

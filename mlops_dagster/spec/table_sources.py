"""Where each table's rows come from: files, a hook or a SQL file, and which tables it reads."""

import re

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules import parse_select
from mlops_dagster.spec.calendars import Calendars
from mlops_dagster.spec.directory import Declared, Directory, unused_sql
from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.files import Owner, SqlFile
from mlops_dagster.spec.find_hook import find_hook
from mlops_dagster.spec.messages import quoted
from mlops_dagster.spec.problems import Problem, ProblemList
from mlops_dagster.spec.refs import PROJECT_OWNER, TableRef

# The window being built, for hooks that want it; so no input may be called so.
WINDOW_PARAMETER = "window"
# How the name of a file says what is in it; `.gz` may follow those of texts.
TEXT_ENDINGS = (".csv", ".json", ".jsonl", ".ndjson")
PARQUET_ENDING = ".parquet"
ENDINGS = f"{', '.join((*TEXT_ENDINGS, PARQUET_ENDING))}, texts also with .gz"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


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
        _check_files(draft, spec.files)
    else:
        _check_files_only(draft)
    resolved = len(draft.inputs) == len(draft.source.keys_at(*draft.path("inputs")))
    missing = draft.kind == "sql" and not draft.inputs
    if (
        draft.kind is None
        or missing
        or not resolved
        or not draft.source.sound(*draft.path("inputs"))
    ):
        draft.windowed_known = False
    if spec.hook is not None:
        _find_hook(draft, spec.hook)
    return draft


def _find_kind(draft: Draft) -> None:
    spec, file, ref = draft.spec, draft.sql_file, draft.ref
    sources = {
        "files": "files" if spec.files is not None else None,
        "hook": "hook" if spec.hook is not None else None,
        "sql": None if file is None else f"the SQL file {file.shown}",
    }
    present = [shown for shown in sources.values() if shown is not None]
    if len(present) == 1:
        draft.kind = "files" if spec.files is not None else "hook" if spec.hook else "sql"
        return
    if not all(draft.source.sound(*draft.path(key)) for key in ("files", "hook")):
        return
    unused = unused_sql(draft.declared)
    draft.source.report(
        *draft.path(),
        expected=(
            "exactly one source of its rows: files, hook or the SQL file "
            f"{ref.layer}/{ref.name}.sql"
        ),
        found=" and ".join(present) or "none",
        names=[f"{name.replace('.', '/')}.sql" for name in unused],
        nearest_to=None if present else f"{ref.layer}/{ref.name}.sql",
        at_key=True,
    )


def _check_inputs(draft: Draft) -> None:
    if draft.kind == "files" and draft.spec.inputs:
        draft.source.report(
            *draft.path("inputs"), problem="a table of files reads no other tables", at_key=True
        )
    if draft.kind == "sql" and not draft.spec.inputs and draft.source.sound(*draft.path("inputs")):
        draft.source.report(
            *draft.path(),
            expected="inputs: the tables that the SQL file reads, by the names it uses",
            found="none",
            at_key=True,
        )


def _check_files(draft: Draft, files: str) -> None:
    source, path = draft.source, draft.path("files")
    wildcards = re.search(r"[*?\[\]{}]", _PLACEHOLDER.sub("", files)) is not None
    draft.windowed_known = not wildcards and _is_below(files)
    if not _is_below(files):
        source.report(
            *path,
            expected="a path below the landing folder, without '..' or an address",
            found=f"'{files}'",
        )
    placeholders = _PLACEHOLDER.findall(files)
    if placeholders.count("window") > 1 or set(placeholders) - {"window"}:
        source.report(*path, expected="at most one placeholder, '{window}'", found=f"'{files}'")
        draft.windowed_known = False
        return
    if wildcards:
        source.report(
            *path,
            expected="a path without wildcards; a folder stands for all its files",
            found=f"'{files}'",
        )
    ending = _unreadable_ending(files)
    if ending is not None and not wildcards:
        source.report(
            *path,
            expected=f"a name that ends in {ENDINGS}, or a folder, written with '/' at its end",
            found=f"'{ending}'",
        )
    draft.windowed = bool(placeholders)
    if draft.windowed and draft.calendar is None and draft.calendar_known:
        where = "project.yaml" if draft.ref.owner == PROJECT_OWNER else "the use case"
        source.report(*path, problem=f"'{{window}}' has no meaning: {where} declares no windows")


def _check_files_only(draft: Draft) -> None:
    """Report what only a table of files may say."""
    if draft.spec.nulls:
        draft.source.report(
            *draft.path("nulls"),
            problem="only a table of files has texts that mean null",
            at_key=True,
        )
    if draft.spec.row_number is not None:
        draft.source.report(
            *draft.path("row_number"),
            problem="only records of files have places that could be numbered",
            next_step="In SQL write row_number() over (order by ...)",
            at_key=True,
        )


def _is_below(files: str) -> bool:
    """Tell whether a path stays below the folder it is joined to, on every system."""
    absolute = files.startswith(("/", "~")) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", files)
    parts = files.removesuffix("/").split("/")
    return not absolute and not any(
        part.strip() in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts
    )


def _unreadable_ending(files: str) -> str | None:
    """Return the ending of a path that looks like a file's, when no table can be read from it."""
    name = files.rpartition("/")[2].replace("{window}", "")
    zipped = name.endswith(".gz")
    ending = re.search(r"\.[A-Za-z][A-Za-z0-9]*$", name.removesuffix(".gz"))
    if ending is None:
        return ".gz" if zipped else None
    readable = TEXT_ENDINGS if zipped else (*TEXT_ENDINGS, PARQUET_ENDING)
    return None if ending[0] in readable else ending[0] + (".gz" if zipped else "")


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

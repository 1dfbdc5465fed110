"""Tables of files: where they lie, how rows find their window, whether they are watched."""

import re

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.refs import PROJECT_OWNER

# How the name of a file says what is in it; `.gz` may follow those of texts.
TEXT_ENDINGS = (".csv", ".json", ".jsonl", ".ndjson")
PARQUET_ENDING = ".parquet"
ENDINGS = f"{', '.join((*TEXT_ENDINGS, PARQUET_ENDING))}, texts also with .gz"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def check_files(draft: Draft, files: str) -> None:
    """Report a path that names no files, and mark the draft as windowed or not."""
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
    draft.windowed = bool(placeholders) or draft.spec.window_by is not None
    _check_window_by(draft, placeholders)
    _check_watch(draft)
    if placeholders and draft.calendar is None and draft.calendar_known:
        where = "project.yaml" if draft.ref.owner == PROJECT_OWNER else "the use case"
        source.report(*path, problem=f"'{{window}}' has no meaning: {where} declares no windows")


def check_files_only(draft: Draft) -> None:
    """Report what only a table of files may say."""
    for key, given in (("watch", draft.spec.watch), ("lateness", draft.spec.lateness)):
        if given:
            draft.source.report(
                *draft.path(key), problem="only a table of files is watched", at_key=True
            )
    if draft.spec.window_by is not None:
        draft.source.report(
            *draft.path("window_by"),
            problem="only rows of files are told apart here",
            next_step="A source has a window_by of its own: source: {..., window_by: ...}",
            at_key=True,
        )
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


def _check_window_by(draft: Draft, placeholders: list[str]) -> None:
    spec, source, path = draft.spec, draft.source, draft.path("window_by")
    if spec.window_by is None:
        return
    if placeholders:
        source.report(*path, problem="'{window}' in `files` says already which window a row is of")
    elif spec.window_by != spec.event_time and source.sound(*draft.path("event_time")):
        source.report(
            *path,
            expected="the event_time of the table",
            found=f"'{spec.window_by}'",
            next_step="Rows without a place are told from others by the rule about event times",
        )
    if spec.row_number is not None:
        source.report(
            *draft.path("row_number"),
            problem="a file whose rows belong to several windows has no numbers in one of them",
            at_key=True,
        )
    if draft.calendar is None and draft.calendar_known:
        where = "project.yaml" if draft.ref.owner == PROJECT_OWNER else "the use case"
        source.report(*path, problem=f"window_by has no meaning: {where} declares no windows")


def _check_watch(draft: Draft) -> None:
    spec, source = draft.spec, draft.source
    if spec.watch and draft.ref.owner == PROJECT_OWNER:
        source.report(
            *draft.path("watch"), problem="only tables of a use case are watched", at_key=True
        )
    if spec.lateness is None:
        return
    if not spec.watch:
        source.report(
            *draft.path("lateness"), problem="lateness needs 'watch: true' beside it", at_key=True
        )
    elif not draft.windowed:
        source.report(
            *draft.path("lateness"),
            problem="a table without windows is never late: every change of its files is taken",
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

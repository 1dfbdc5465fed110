"""Deliveries that are refused whole: copied aside by digest with the reason, and recorded.

What was published before stays readable. The files of the landing folder stay where they are; a
copy is kept because whoever delivers may overwrite them. The slice is put right by a run of it:
with other files, or with a contract that says what came.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from mlops_dagster.crash_points import CrashPoint, crash_point
from mlops_dagster.data.delivery_events import DeliverySetAside, delivery_stream
from mlops_dagster.data.file_digests import DeliveredFile, delivered, sha256_of
from mlops_dagster.data.landing import LandingFile, existing_files
from mlops_dagster.errors import ContractViolation, MlopsDagsterError, SourceError
from mlops_dagster.spec.use_case import AlertKind
from mlops_dagster.spec.workspace import ResolvedTable, Workspace
from mlops_dagster.state.fence import Claim
from mlops_dagster.state.store import EventStore

_FOLDER = "set_aside"


class SetAsideNote(BaseModel):
    """What lies beside a copy as JSON: whose file it was, and why it was refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    file: str
    table: str
    window: str
    as_of: datetime
    run_id: str
    reason: str
    differences: tuple[str, ...]


@contextmanager
def set_aside_if_refused(
    workspace: Workspace, table: ResolvedTable, window: str, *, held: Claim, store: EventStore
) -> Iterator[None]:
    """Set a delivery aside when the block refuses it; the error goes on.

    Of files, those that the error names are copied, all of the slice where it names none or speaks
    of the contract. A file that is missing, and a source that cannot be read, are no deliveries.
    """
    try:
        yield
    except (SourceError, ContractViolation) as error:
        if table.kind == "files":
            _set_files_aside(workspace, table, window, error, held=held, store=store)
        elif table.kind == "source" and isinstance(error, ContractViolation):
            _record(workspace, table, window, error, held=held, store=store)
        raise


def folder_of(workspace: Workspace) -> Path:
    """Return where copies lie: a folder a digest, with the file and a note for each slice."""
    return workspace.state_folder / _FOLDER


def _set_files_aside(
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    error: MlopsDagsterError,
    *,
    held: Claim,
    store: EventStore,
) -> None:
    files = existing_files(workspace.landing, table.spec.files or "", window)
    if not files:
        return
    found = _readable(files, workspace.landing)
    kept = []
    for file in _refused(tuple(found), error):
        digest = _copy(file, folder_of(workspace))
        if digest is None:
            continue
        kept.append(digest)
        note = SetAsideNote(
            digest=digest,
            file=found[file].path,
            table=str(table.ref),
            window=window,
            as_of=held.as_of,
            run_id=held.run_id,
            reason=str(error),
            differences=_differences(error),
        )
        place = folder_of(workspace) / digest / f"{table.ref}.{window}.json"
        place.write_text(note.model_dump_json(indent=2) + "\n", encoding="utf-8")
    whole, copied = tuple(found.values()), tuple(kept)
    _record(workspace, table, window, error, held=held, store=store, files=whole, kept=copied)


def _refused(files: Sequence[LandingFile], error: MlopsDagsterError) -> Sequence[LandingFile]:
    if isinstance(error, ContractViolation):
        return files
    named = [file for file in files if file.path.name in (error.where or "")]
    return named or files


def _readable(files: Sequence[LandingFile], landing: Path) -> dict[LandingFile, DeliveredFile]:
    found = {}
    for file in files:
        # One that nobody may read is named by the error that is on its way.
        with suppress(SourceError):
            found[file] = delivered(file, landing)
    return found


def _copy(file: LandingFile, folder: Path) -> str | None:
    """Copy a file under the digest of what was copied; None where it cannot be copied."""
    unfinished = folder / f".{uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, unfinished)
        digest = sha256_of(unfinished)
        place = folder / digest / file.path.name
        place.parent.mkdir(exist_ok=True)
        unfinished.replace(place)
    except OSError:
        # A full disk must not hide why the file was refused; that is recorded all the same.
        unfinished.unlink(missing_ok=True)
        return None
    return digest


def _record(
    workspace: Workspace,
    table: ResolvedTable,
    window: str,
    error: MlopsDagsterError,
    *,
    held: Claim,
    store: EventStore,
    files: tuple[DeliveredFile, ...] = (),
    kept: tuple[str, ...] = (),
) -> None:
    event = DeliverySetAside(
        token=held.token,
        files=files,
        kept=kept,
        reason=str(error),
        differences=_differences(error),
        problem=error.problem,
        tell=AlertKind.DELIVERY_REFUSED in workspace.alerts_about(table.ref),
    )
    stream = delivery_stream(table.ref, window)
    store.append_next(stream, event, as_of=held.as_of, run_id=held.run_id)
    crash_point(CrashPoint.DELIVERY_RECORDED, stream)


def _differences(error: MlopsDagsterError) -> tuple[str, ...]:
    return error.differences if isinstance(error, ContractViolation) else ()

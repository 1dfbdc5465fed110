"""The order of tables, cycles, and which tables have windows."""

from collections.abc import Mapping

from mlops_dagster.spec.drafts import Draft
from mlops_dagster.spec.refs import TableRef


def order_tables(drafts: Mapping[TableRef, Draft]) -> list[TableRef]:
    """Return tables so that each comes after what it reads, reporting every cycle once.

    A cycle is cut at the input that closes it; where that leaves a choice, declaration order holds.
    """
    done: list[TableRef] = []
    state: dict[TableRef, bool] = {}
    for ref in drafts:
        _visit(ref, drafts, state, [], done)
    return done


def mark_windowed(drafts: Mapping[TableRef, Draft], order: list[TableRef]) -> None:
    """Mark as windowed each table one of whose inputs is, and check what only windows allow."""
    for ref in order:
        draft = drafts[ref]
        if draft.kind == "keep":
            draft.windowed = False
        elif draft.kind not in ("files", "source"):
            read = [drafts[ref] for ref in draft.inputs.values()]
            draft.windowed = any(one.windowed for one in read)
            known = all(one.windowed_known for one in read)
            draft.windowed_known = draft.windowed or (draft.windowed_known and known)
        for name, ref_read in draft.inputs.items():
            _check_input(draft, name, drafts[ref_read])


def _visit(
    ref: TableRef,
    drafts: Mapping[TableRef, Draft],
    state: dict[TableRef, bool],
    trail: list[tuple[TableRef, str]],
    done: list[TableRef],
) -> None:
    """Walk depth first; `state` is false while a table is on the trail and true when it is done."""
    if ref in state:
        return
    state[ref] = False
    for name, read in drafts[ref].inputs.items():
        if state.get(read) is False:
            _report_cycle(drafts, [*trail, (ref, name)], read)
        else:
            _visit(read, drafts, state, [*trail, (ref, name)], done)
    state[ref] = True
    done.append(ref)


def _report_cycle(
    drafts: Mapping[TableRef, Draft], trail: list[tuple[TableRef, str]], closing: TableRef
) -> None:
    start = next(number for number, (ref, _) in enumerate(trail) if ref == closing)
    cycle = trail[start:]
    last, name = cycle[-1]
    shown = " reads ".join(
        f"{ref} ({drafts[ref].declared.place})" for ref in [*(r for r, _ in cycle), closing]
    )
    drafts[last].source.report(
        *drafts[last].path("inputs", name), problem=f"tables read each other in a circle: {shown}"
    )
    for ref, _ in cycle:
        drafts[ref].windowed_known = False


def _check_input(draft: Draft, name: str, read: Draft) -> None:
    given, source = draft.input_spec(name), draft.source
    if not read.windowed:
        for key, value in (("back", given.back), ("until", given.until)):
            if value is not None and read.windowed_known:
                source.report(
                    *draft.path("inputs", name, key),
                    problem=f"{read.ref} has no windows, it is read whole",
                    at_key=True,
                )
        return
    if not (draft.calendar_known and read.calendar_known):
        return
    if draft.calendar is None:
        source.report(
            *draft.path("inputs", name),
            problem=f"{read.ref} has windows ({read.declared.place}), this use case declares none",
        )
    elif read.calendar is not None and (
        (read.calendar.grain, read.calendar.time_zone)
        != (draft.calendar.grain, draft.calendar.time_zone)
    ):
        source.report(
            *draft.path("inputs", name),
            expected=(
                f"a table by {draft.calendar.grain.value} in {draft.calendar.time_zone}, "
                "as this use case, or one without windows"
            ),
            found=(
                f"{read.ref} by {read.calendar.grain.value} in {read.calendar.time_zone} "
                f"({read.declared.place})"
            ),
        )

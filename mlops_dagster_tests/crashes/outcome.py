"""What a life has come to, and what another life has lost or got twice beside it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_dagster.engine.connect import open_engine
from mlops_dagster.engine.transfer import rows_to_client
from mlops_dagster.registry.events import Promoted, Registered, Trained, model_stream
from mlops_dagster.spec.refs import TableRef
from mlops_dagster.state.fence import SlicePublished
from mlops_dagster_tests.crashes.commits import SliceCommit, slice_commits
from mlops_dagster_tests.end_to_end.live_project import LiveProject, Snapshot

# Batches are named by random tokens, and so are runs.
_RANDOM = ["batch", "first_batch", "run_id"]
# A table without windows is judged at the instant of its run.
_RESULTS, _OF_RUNS = ".quality_results", ["as_of"]


@dataclass(frozen=True)
class Outcome:
    """What a life has come to.

    Attributes:
        snapshot: Digests, decisions, versions, aliases and materialized windows.
        rows: Every table's rows as readers see them, each with its window, and how often it is
            there.
        contracts: The text of each contract file.
        effective: Of each slice, the digests of what its commits gave readers.
        events: How often each window of each model was trained, registered and promoted.
        orphans: Commits that no publication names: readers never saw them.
        twice: What is written twice where it may be there once.
    """

    snapshot: Snapshot
    rows: Mapping[str, Counter[str]]
    contracts: Mapping[str, str]
    effective: Mapping[str, frozenset[str]]
    events: Mapping[str, int]
    orphans: int
    twice: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What a disturbed life lacks, has too much of, or has otherwise than an undisturbed one."""

    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def outcome_of(project: LiveProject) -> Outcome:
    """Return what a project has come to; reads every table once."""
    warehouse = Path(project.workspace.state_folder) / "warehouse"
    commits = slice_commits(warehouse)
    published = _publications(project)
    return Outcome(
        snapshot=project.snapshot(),
        rows=_rows(project, {commit.table for commit in commits}),
        contracts={
            path.name: path.read_text("utf-8")
            for path in sorted(project.workspace.root.glob("use_cases/*/contracts/*.yaml"))
        },
        effective=_effective(commits, published),
        events=_model_events(project),
        orphans=sum(commit.token not in published for commit in commits),
        twice=tuple(_twice(commits)),
    )


def difference(disturbed: Outcome, undisturbed: Outcome) -> Difference:
    """Return what a disturbed life has lost, got twice or changed; nothing if they are equal."""
    found, expected = _counted(disturbed), _counted(undisturbed)
    told, right = _told(disturbed), _told(undisturbed)
    return Difference(
        lost=(
            *sorted((expected - found).elements()),
            *sorted(set(right) - set(told)),
        ),
        duplicated=(
            *sorted((found - expected).elements()),
            *sorted(set(told) - set(right)),
            *disturbed.twice,
        ),
        changed=tuple(sorted(n for n in set(told) & set(right) if told[n] != right[n])),
    )


def _counted(outcome: Outcome) -> Counter[str]:
    """Return what may be lost or be there twice, with how often it is there."""
    counted: Counter[str] = Counter(dict(outcome.events))
    for table, rows in outcome.rows.items():
        counted.update({f"{table}: {row}": count for row, count in rows.items()})
    for slice_name, digests in outcome.effective.items():
        counted.update(f"{slice_name} = {digest}" for digest in digests)
    shown = outcome.snapshot
    for model, decisions in shown.decisions.items():
        counted.update(f"{model} decided {decision}" for decision in decisions)
    for model, versions in shown.mlflow_versions.items():
        counted.update(f"{model} version {version} in MLflow" for version in versions)
    for asset, windows in shown.materialized.items():
        counted.update(f"{asset} {window} materialized" for window in windows)
    return counted


def _told(outcome: Outcome) -> Mapping[str, object]:
    """Return what is there once under a name, and may be another thing than it should be."""
    shown = outcome.snapshot
    return {
        **{f"contract {name}": text for name, text in outcome.contracts.items()},
        **{f"digest of {name}": digest for name, digest in shown.digests.items()},
        **{f"versions of {model}": found for model, found in shown.versions.items()},
        **{f"bundles of {model}": found for model, found in shown.bundles.items()},
        **{f"champion of {model}": found for model, found in shown.champions.items()},
    }


def _rows(project: LiveProject, tables: set[str]) -> Mapping[str, Counter[str]]:
    engine = open_engine(project.workspace.environment, project.workspace.state_folder)
    found = {}
    try:
        with engine.step("reading what a life has come to") as session:
            for table in sorted(tables):
                location = project.locations.of(TableRef.parse(table))
                frame = rows_to_client(location.read(session), what=table)
                other = [*_RANDOM, *(_OF_RUNS if table.endswith(_RESULTS) else ())]
                told = frame.drop(columns=other, errors="ignore").to_dict("records")
                found[table] = Counter(repr(sorted(row.items())) for row in told)
    finally:
        engine.close()
    return found


def _publications(project: LiveProject) -> Mapping[str, str]:
    """Return the digest of every publication there was, by its token."""
    store = project.store
    return {
        stored.event.token: stored.event.digest
        for stream in store.streams("slice/")
        for stored in store.read(stream)
        if isinstance(stored.event, SlicePublished)
    }


def _effective(
    commits: list[SliceCommit], published: Mapping[str, str]
) -> Mapping[str, frozenset[str]]:
    digests: defaultdict[str, set[str]] = defaultdict(set)
    for commit in commits:
        if commit.token in published:
            digests["/".join(filter(None, commit.slice))].add(published[commit.token])
    return {name: frozenset(found) for name, found in digests.items()}


def _twice(commits: list[SliceCommit]) -> Iterator[str]:
    counts = Counter((commit.slice, commit.token) for commit in commits)
    for (of_slice, token), count in counts.items():
        if count > 1:
            yield f"{of_slice} was committed {count} times under the claim {token}"


def _model_events(project: LiveProject) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for model in project.use_case.models.values():
        for stored in project.store.read(model_stream(model.stream)):
            event = stored.event
            if isinstance(event, Trained | Registered | Promoted):
                found[f"{model.stream} {event.cutoff_window} {event.kind}"] += 1
    return found

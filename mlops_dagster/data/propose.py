"""Proposing rules for a table: learnt on some of its rows, tried on others, brittle ones left out.

Learnt on the older windows and tried on the newest quarter of them; of a table with one window on
three quarters of its rows and tried on the others, equal rows on one side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data.batch import batch_of
from mlops_dagster.data.builtin import BUILT_IN
from mlops_dagster.data.column_proposals import column_proposals
from mlops_dagster.data.counting import measure_batch
from mlops_dagster.data.covered import is_covered
from mlops_dagster.data.delivery import PREFIX, Delivery
from mlops_dagster.data.learn import learnt
from mlops_dagster.data.past_batches import PastBatch, valid_again
from mlops_dagster.data.proposals import LEAST_ROWS, Learnt, Proposal, row_count_proposal
from mlops_dagster.data.relation_proposals import relation_proposals
from mlops_dagster.data.table_profile import PART, profile_parts
from mlops_dagster.data.verdict import RuleResult, judge
from mlops_dagster.errors import SourceError
from mlops_dagster.spec.contract import Contract
from mlops_dagster.spec.rule_lists import read_rules
from mlops_dagster.spec.workspace import ResolvedTable
from mlops_dagster.tables.folding import fold
from mlops_dagster.tables.locations import Locations
from mlops_dagster.tables.measure import row_hash

# One part of so many is held out.
HOLD_OUT = 4
# Each costs a narrow query; a table with more keys than these is a list of codes.
MOST_KEYS = 3
_UNIQUE = "unique"
_SIDE = f"{PREFIX}side"


@dataclass(frozen=True)
class LeftOut:
    """A proposal that is not made, and why."""

    proposal: Proposal
    why: str


@dataclass(frozen=True)
class Proposed:
    """The rules that are proposed for a table.

    Attributes:
        table: The table.
        rows: How many rows they were learnt from.
        learnt_from: What these were, in words.
        tried_on: On what they were tried beside, in words.
        kept: Proposals that held on all of it.
        left_out: Those that did not.
        known: How many suggestions are rules of the table already.
    """

    table: str
    rows: int
    learnt_from: str
    tried_on: str
    kept: tuple[Proposal, ...]
    left_out: tuple[LeftOut, ...]
    known: int


@dataclass(frozen=True)
class Trial:
    """Rows on which proposals are tried.

    Attributes:
        name: What they are, in words.
        rows: The rows.
        past: The batch that they are of.
        learnt: Whether proposals are made from them.
        keys: Whether rules about keys are tried on them.
        others: Whether the other rules are.
    """

    name: str
    rows: DataFrame
    past: PastBatch
    learnt: bool
    keys: bool = True
    others: bool = True


def propose(
    session: SparkSession,
    batches: Sequence[PastBatch],
    *,
    table: ResolvedTable,
    locations: Locations,
) -> Proposed:
    """Return proposals for a table from its past batches; valid rows alone are looked at.

    Cost: one scan of what is learnt from; then one of each batch to try the proposals, with a
    narrow query for each column that may be a key.

    Args:
        session: A Spark session; it may be one that only reads.
        batches: Published batches, oldest window first.
        table: The table; what its rules say already is not proposed.
        locations: Where tables lie.

    Raises:
        SourceError: Nothing is published, or rows have other types by now.
    """
    if not batches:
        raise SourceError(
            "there is nothing to learn from",
            where=str(table.ref),
            expected="a published batch",
            next_step=f"Run {table.ref} first",
        )
    read = [(one, *valid_again(session, one, table=table, locations=locations)) for one in batches]
    contract = read[-1][2]
    trials = list(_by_window(read) if len(read) > 1 else _by_hash(*read[0][:2]))
    learning = [one for one in trials if one.learnt]
    rows = [one.rows.withColumn(PART, F.lit(one.name)) for one in learning]
    found = profile_parts(fold(DataFrame.unionByName, rows), contract.types)
    known = Learnt(contract.types, [found[name] for name in sorted(found)], len(read) > 1)
    suggested = _suggestions(known)
    new = [one for one in suggested if not is_covered(one, table)]
    kept, left_out = _tried(session, new, trials, table=table, contract=contract)
    return Proposed(
        table=str(table.ref),
        rows=known.rows,
        learnt_from=_words([one.name for one in learning]),
        tried_on=_words([one.name for one in trials if one.others and not one.learnt]),
        kept=tuple(kept),
        left_out=tuple(left_out),
        known=len(suggested) - len(new),
    )


def _by_window(read: Sequence[tuple[PastBatch, DataFrame, Contract]]) -> Iterator[Trial]:
    held = max(1, len(read) // HOLD_OUT)
    for place, (past, rows, _) in enumerate(read):
        yield Trial(past.window, rows, past, learnt=place < len(read) - held)


def _by_hash(past: PastBatch, rows: DataFrame) -> Iterator[Trial]:
    sides = rows.withColumn(_SIDE, F.pmod(row_hash(rows.schema), F.lit(HOLD_OUT)) != 0)
    most, fewer = sides.where(_SIDE).drop(_SIDE), sides.where(~F.col(_SIDE)).drop(_SIDE)
    # Two rows of one key may lie on two sides: keys are tried on all rows.
    yield Trial("three quarters of the rows", most, past, learnt=True, keys=False)
    yield Trial("the other quarter", fewer, past, learnt=False, keys=False)
    yield Trial("all rows", rows, past, learnt=False, others=False)


def _suggestions(known: Learnt) -> list[Proposal]:
    if known.rows < LEAST_ROWS:
        return []
    of_batch = row_count_proposal(known)
    found = [] if of_batch is None else [of_batch]
    for name in known.columns:
        found += column_proposals(name, known)
    found += relation_proposals(known)
    keys = [one for one in found if one.kind == _UNIQUE]
    return [one for one in found if one not in keys[MOST_KEYS:]]


def _tried(
    session: SparkSession,
    new: Sequence[Proposal],
    trials: Sequence[Trial],
    *,
    table: ResolvedTable,
    contract: Contract,
) -> tuple[list[Proposal], list[LeftOut]]:
    """Return the proposals that hold on every trial, and the others with the first that failed."""
    if not new:
        return [], []
    text = "rules:\n" + "".join(f"  - {one.entry}\n" for one in new)
    rules = read_rules(text, table, contract.types)
    failed: dict[str, str] = {}
    for trial in trials:
        wanted = [
            rule
            for rule, one in zip(rules, new, strict=True)
            if rule.name not in failed and (trial.keys if one.kind == _UNIQUE else trial.others)
        ]
        for result in _results(session, trial, replace(table, rules=tuple(wanted)), contract):
            if result.status != "passed":
                failed[result.name] = f"{trial.name}: {_why(result)}"
    pairs = list(zip(rules, new, strict=True))
    kept = [one for rule, one in pairs if rule.name not in failed]
    return kept, [LeftOut(one, failed[rule.name]) for rule, one in pairs if rule.name in failed]


def _results(
    session: SparkSession, trial: Trial, candidate: ResolvedTable, contract: Contract
) -> tuple[RuleResult, ...]:
    if not candidate.rules:
        return ()
    delivery = Delivery(frame=trial.rows, contract=contract, contract_is_new=False)
    batch = batch_of(candidate, window=trial.past.window, as_of=trial.past.as_of, delivery=delivery)
    # Published rows have passed the built-in rules.
    batch = replace(batch, rules=tuple(one for one in batch.rules if one.kind != BUILT_IN))
    batch = learnt(session, batch)
    return judge(batch.rules, measure_batch(batch).counts).results


def _why(result: RuleResult) -> str:
    if result.failed_rows is None:
        return result.message.partition(": ")[2] or result.message
    return f"{result.failed_rows:,} of {result.rows:,} rows fail"


def _words(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"

"""Rules about keys - unique, pointing to another table, statistics by group - as sets of bad keys.

Rules over the same columns share one query that reads nothing else: one scan, one shuffle. Its
result is the keys that fail. A few are fetched once and sent along with every later query, which
joins them without moving a row; many are left in Spark and joined there.
"""

from collections.abc import Collection, Iterator, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from mlops_dagster.data import builtin
from mlops_dagster.data.batch import BadKeys, Batch, KeyGroup, key_columns
from mlops_dagster.data.delivery import PREFIX
from mlops_dagster.data.rising import with_falls
from mlops_dagster.data.tolerances import same
from mlops_dagster.engine.identifiers import quote
from mlops_dagster.engine.transfer import table_to_client
from mlops_dagster.rules.columns import quoted
from mlops_dagster.rules.kinds import Kind, kind_of_type
from mlops_dagster.spec.rule_checks import Grouped, KeyCheck, Reference, Rising, SameRow, Unique
from mlops_dagster.spec.tables import UnknownPolicy
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster.tables.folding import any_of, fold

# Bad keys up to this number travel in the plan of later queries.
FEW_KEYS = 10_000


def key_groups(batch: Batch) -> tuple[KeyGroup, ...]:
    """Return the groups of a batch's rules about keys, the built-in unique key among them.

    The latter needs no query where the table's SQL makes one row for each key.
    """
    members: dict[tuple[tuple[str, ...], str | None], list[str]] = {}
    if any(rule.name == builtin.KEY_UNIQUE for rule in batch.rules) and not _made_unique(batch):
        key = tuple(sorted(builtin.unique_columns(batch.table)))
        members[key, None] = [builtin.KEY_UNIQUE]
    for rule in batch.declared:
        if isinstance(rule.check, KeyCheck):
            key = tuple(sorted(set(key_columns(rule, batch.delivery))))
            when = None if rule.when is None else rule.when.text
            members.setdefault((key, when), []).append(rule.name)
    return tuple(
        KeyGroup(number, columns, when, tuple(names))
        for number, ((columns, when), names) in enumerate(members.items())
    )


def find_bad_keys(session: SparkSession, batch: Batch) -> tuple[BadKeys, ...]:
    """Return the keys of each group that fail some of its rules.

    Cost: a query a group, over its columns and those of its statistics: one scan, one shuffle, and
    one join for each table that its rules point to.
    """
    return tuple(_fetched(session, group, bad_keys(batch, group)) for group in key_groups(batch))


def bad_keys(batch: Batch, group: KeyGroup) -> DataFrame:
    """Return the keys of a group that fail some of its rules; lazy. See `BadKeys.frame`."""
    rules = dict(_members(batch, group))
    rows = batch.delivery.frame.where(batch.readable)
    chosen = next((batch.chosen(rule) for rule in rules.values() if rule is not None), None)
    if chosen is not None:
        rows = rows.where(chosen)
    keys = [quoted(name).alias(_key(group, place)) for place, name in enumerate(group.columns)]
    flags = {
        name: _fails(batch, rule).alias(_bad(group, name))
        for name, rule in rules.items()
        if rule is None or isinstance(rule.check, Unique | Grouped)
    }
    grouped = rows.groupBy(*keys).agg(
        F.count(F.lit(1)).alias(f"{PREFIX}rows{group.number}"), *flags.values()
    )
    for name, rule in rules.items():
        match None if rule is None else rule.check:
            case Reference() as check:
                grouped = _with_reference(grouped, batch, group, name, check)
            case Rising() as check:
                grouped = with_falls(
                    grouped,
                    _bad(group, name),
                    value=_column(group, check.column),
                    order=_column(group, check.order),
                    by=[_column(group, column) for column in check.by],
                )
            case SameRow() as check:
                grouped = _with_counterpart(grouped, batch, group, name, check)
    bad = [F.col(quote(_bad(group, name))) for name in rules]
    return grouped.where(any_of(bad)).select(
        *(_key(group, place) for place in range(len(group.columns))), *bad
    )


def with_bad_keys(rows: DataFrame, batch: Batch, names: Collection[str]) -> DataFrame:
    """Add to each row the flags of its bad keys, for the groups of these rules."""
    for bad in batch.known.bad_keys:
        if bad.frame is None or not set(bad.group.rules) & set(names):
            continue
        equal = [
            quoted(name).eqNullSafe(F.col(_key(bad.group, place)))
            for place, name in enumerate(bad.group.columns)
        ]
        keys = F.broadcast(bad.frame) if bad.small else bad.frame
        rows = rows.join(keys, fold(Column.__and__, equal), "left")
    return rows


def fails_by_key(batch: Batch, name: str) -> Column:
    """Return whether a row of `with_bad_keys` fails a rule about keys; never null.

    A null in the key of a unique rule or a reference makes the answer unknown.
    """
    found: Column = F.lit(False)
    if name == builtin.KEY_UNIQUE and _made_unique(batch):
        return found
    bad = next(bad for bad in batch.known.bad_keys if name in bad.group.rules)
    if bad.frame is not None:
        found = F.coalesce(F.col(quote(_bad(bad.group, name))), F.lit(False))
    rule = dict(_members(batch, bad.group))[name]
    if rule is None:
        return found
    if rule.spec.unknown is UnknownPolicy.FAIL:
        found = found | any_of([quoted(column).isNull() for column in _never_null(rule)])
    chosen = batch.chosen(rule)
    return found if chosen is None else chosen & found


def _made_unique(batch: Batch) -> bool:
    made = batch.delivery.unique_by
    key = {name.lower() for name in builtin.unique_columns(batch.table)}
    return made is not None and made <= key


def _members(batch: Batch, group: KeyGroup) -> Iterator[tuple[str, ResolvedRule | None]]:
    """Yield the rules of a group by name; None stands for the built-in one."""
    declared = {rule.name: rule for rule in batch.declared}
    for name in group.rules:
        yield name, declared.get(name)


def _fetched(session: SparkSession, group: KeyGroup, frame: DataFrame) -> BadKeys:
    # As Arrow, there and back: Python has no year 0, and its floats no bigint.
    found = table_to_client(
        frame.limit(FEW_KEYS + 1), what="keys that fail", limit_rows=FEW_KEYS + 1
    )
    if found.num_rows == 0:
        return BadKeys(group, None, small=True)
    if found.num_rows > FEW_KEYS:
        return BadKeys(group, frame, small=False)
    return BadKeys(group, session.createDataFrame(found, frame.schema), small=True)


def _fails(batch: Batch, rule: ResolvedRule | None) -> Column:
    """Return the aggregate that tells whether a group of rows fails; None is the built-in rule."""
    if rule is None:
        return _several(builtin.unique_columns(batch.table))
    match rule.check:
        case Unique(columns=columns):
            return _several(columns)
        case Grouped(expression=expression):
            unknown = F.lit(rule.spec.unknown is UnknownPolicy.FAIL)
            return F.coalesce(~batch.column(expression), unknown)
    raise TypeError(f"{rule.name} is not about groups of rows")


def _several(columns: Sequence[str]) -> Column:
    """Return whether a group has several rows and no null in these columns."""
    several = F.count(F.lit(1)) > 1
    return several & F.every(fold(Column.__and__, _present(columns))) if columns else several


def _with_reference(
    grouped: DataFrame, batch: Batch, group: KeyGroup, name: str, check: Reference
) -> DataFrame:
    """Add whether a key points to no row of the input, or to one where it must not."""
    found = f"{_bad(group, name)}_found"
    pointed = [f"{_bad(group, name)}_{place}" for place in range(len(check.columns))]
    others = (
        batch.delivery.references[check.input]
        .select(*(quoted(other).alias(to) for other, to in zip(check.others, pointed, strict=True)))
        .where(fold(Column.__and__, _present(pointed)))
        .distinct()
        .withColumn(found, F.lit(True))
    )
    keys = [_column(group, column) for column in check.columns]
    equal = [key == F.col(quote(to)) for key, to in zip(keys, pointed, strict=True)]
    whole = fold(Column.__and__, [key.isNotNull() for key in keys])
    stands = F.col(quote(found)).isNotNull()
    return (
        grouped.join(others, fold(Column.__and__, equal), "left")
        .withColumn(_bad(group, name), whole & (~stands if check.present else stands))
        .drop(found, *pointed)
    )


def _with_counterpart(
    grouped: DataFrame, batch: Batch, group: KeyGroup, name: str, check: SameRow
) -> DataFrame:
    """Add whether no row of the input has a key and the values beside it."""
    demand, found = check.demand, f"{_bad(group, name)}_found"
    pairs = {**demand.key, **demand.columns}
    theirs = {mine: f"{_bad(group, name)}_{place}" for place, mine in enumerate(pairs)}
    others = (
        batch.delivery.references[demand.input]
        .select(*(quoted(other).alias(theirs[mine]) for mine, other in pairs.items()))
        .withColumn(found, F.lit(True))
    )
    tests = [_column(group, mine) == F.col(quote(theirs[mine])) for mine in demand.key]
    for mine in demand.columns:
        number = kind_of_type(batch.delivery.contract.types[mine]) is Kind.NUMBER
        allowed = demand.within if number and demand.within.value else None
        tests.append(same(_column(group, mine), F.col(quote(theirs[mine])), allowed))
    whole = fold(Column.__and__, [_column(group, mine).isNotNull() for mine in demand.key])
    return (
        grouped.join(others, fold(Column.__and__, tests), "left")
        # Several rows of the input may agree with one key.
        .dropDuplicates([_key(group, place) for place in range(len(group.columns))])
        .withColumn(_bad(group, name), whole & F.col(quote(found)).isNull())
        .drop(found, *theirs.values())
    )


def _present(columns: Sequence[str]) -> list[Column]:
    return [quoted(name).isNotNull() for name in columns]


def _never_null(rule: ResolvedRule) -> tuple[str, ...]:
    """Return the columns in which a null hides the answer; elsewhere nulls are compared too."""
    match rule.check:
        case Unique(columns=columns) | Reference(columns=columns):
            return columns
        case Rising(column=column, order=order):
            return column, order
        case SameRow(demand):
            return tuple(demand.key)
    return ()


def _column(group: KeyGroup, name: str) -> Column:
    return F.col(_key(group, group.columns.index(name)))


def _key(group: KeyGroup, place: int) -> str:
    return f"{PREFIX}key{group.number}_{place}"


def _bad(group: KeyGroup, name: str) -> str:
    return f"{PREFIX}bad{group.number}_{name}"

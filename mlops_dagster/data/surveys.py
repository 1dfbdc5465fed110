"""Rules about the data set that take a query of their own, over the columns they name.

They see all readable rows, before other rules have sent some of them away.
"""

import math
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from mlops_dagster.data.batch import Batch
from mlops_dagster.data.slots import slot_bounds, slot_column
from mlops_dagster.data.tolerances import within
from mlops_dagster.engine.transfer import one_row
from mlops_dagster.rules.columns import quoted, to_column
from mlops_dagster.spec.rule_checks import Covers, Entropy, FullSlots, GroupsAgree, SurveyCheck
from mlops_dagster.spec.workspace import ResolvedRule
from mlops_dagster.tables.folding import fold

Answer = tuple[bool | None, str]


def survey(batch: Batch) -> Mapping[str, Answer]:
    """Return for each such rule whether it holds (None: unknown), and what was found.

    Cost: one query a rule over its columns: one scan and one shuffle by them, a second shuffle for
    slots by group, and a scan and a join of the input where there is one.
    """
    return {
        rule.name: _answer(batch, rule, rule.check)
        for rule in batch.declared
        if isinstance(rule.check, SurveyCheck)
    }


def query(batch: Batch, rule: ResolvedRule, check: SurveyCheck) -> DataFrame:
    """Return the one row that answers a rule; lazy."""
    rows = batch.delivery.frame.where(batch.readable)
    chosen = batch.chosen(rule)
    if chosen is not None:
        rows = rows.where(chosen)
    match check:
        case FullSlots():
            return _slots(batch, rows, check)
        case Covers():
            return _coverage(batch, rows, check)
        case GroupsAgree():
            return _groups(batch, rows, check)
        case Entropy(column=column):
            counted = rows.where(quoted(column).isNotNull()).groupBy(quoted(column)).count()
            number = F.col("count").cast("double")
            return counted.agg(F.sum(number), F.sum(number * F.ln(number)))


def _answer(batch: Batch, rule: ResolvedRule, check: SurveyCheck) -> Answer:
    row = one_row(query(batch, rule, check), what=f"{rule.name} of {batch.table.ref}")
    match check:
        case FullSlots():
            first, after = slot_bounds(batch, check)
            return _said_of_slots(check, row, wanted=after - first)
        case Covers():
            return _said_of_values(check, row)
        case GroupsAgree():
            return _said_of_groups(check, row)
        case Entropy():
            return _said_of_entropy(check, row)


def _slots(batch: Batch, rows: DataFrame, check: FullSlots) -> DataFrame:
    first, after = slot_bounds(batch, check)
    by = _names("by", check.by)
    counted = (
        rows.select(*_renamed(check.by, by), slot_column(batch, check).alias("slot"))
        .where(F.col("slot").between(first, after - 1))
        .groupBy(*by, "slot")
        .count()
    )
    full = counted.groupBy(*by).agg(F.count_if(F.col("count") >= check.at_least).alias("full"))
    lacking = F.col("full") < after - first
    worst = F.struct("full", _shown(by).alias("group"))
    return full.agg(
        F.count(F.lit(1)).alias("groups"),
        F.count_if(lacking).alias("lacking"),
        F.min(F.when(lacking, worst)).alias("worst"),
    )


def _said_of_slots(check: FullSlots, row: Row, *, wanted: int) -> Answer:
    if row["groups"] == 0:
        return None, "no row lies in the window"
    if not row["lacking"]:
        return True, f"all {wanted} slots have enough rows"
    full = row["worst"]["full"]
    if not check.by:
        return False, f"{full} of {wanted} slots have enough rows"
    return False, (
        f"{row['lacking']} of {row['groups']} groups lack slots; "
        f"{row['worst']['group']} has {full} of {wanted}"
    )


def _coverage(batch: Batch, rows: DataFrame, check: Covers) -> DataFrame:
    mine, theirs = _names("mine", check.columns), _names("theirs", check.columns)
    here = rows.select(*_renamed(check.columns, mine)).dropna().distinct()
    read = batch.delivery.references[check.input]
    there = read.select(*_renamed(check.others, theirs)).dropna().distinct()
    joined = here.withColumn("here", F.lit(True)).join(
        there.withColumn("there", F.lit(True)),
        fold(Column.__and__, [F.col(one) == F.col(o) for one, o in zip(mine, theirs, strict=True)]),
        "full" if check.exact else "right",
    )
    missing, foreign = F.col("here").isNull(), F.col("there").isNull()
    return joined.agg(
        F.count_if("there").alias("values"),
        F.count_if(missing).alias("missing"),
        F.count_if(foreign).alias("foreign"),
        F.min(F.when(missing, _shown(theirs))).alias("missed"),
        F.min(F.when(foreign, _shown(mine))).alias("found"),
    )


def _said_of_values(check: Covers, row: Row) -> Answer:
    named = ", ".join(f"{check.input}.{other}" for other in check.others)
    said = [f"{row['missing']} of {row['values']} values of {named} are missing"]
    if row["missing"]:
        said[0] += f", such as {row['missed']}"
    if check.exact:
        said.append(f"{row['foreign']} are not among them")
    if row["foreign"]:
        said[-1] += f", such as {row['found']}"
    return row["missing"] == row["foreign"] == 0, "; ".join(said)


def _groups(batch: Batch, rows: DataFrame, check: GroupsAgree) -> DataFrame:
    mine, theirs = _names("mine", check.by), _names("theirs", check.by)
    read = batch.delivery.references[check.demand.input]
    its = to_column(check.its, column_count=len(read.columns), moments=batch.moments)
    here = rows.groupBy(*_renamed(check.by, mine)).agg(
        batch.column(check.statistic).cast("double").alias("one"), F.lit(True).alias("here")
    )
    there = read.groupBy(*_renamed(check.by, theirs)).agg(
        its.cast("double").alias("other"), F.lit(True).alias("there")
    )
    pairs = zip(mine, theirs, strict=True)
    joined = here.join(
        there, fold(Column.__and__, [F.col(one).eqNullSafe(F.col(o)) for one, o in pairs]), "full"
    )
    fails = ~(
        F.col("here").isNotNull()
        & F.col("there").isNotNull()
        & within(F.col("one"), F.col("other"), check.demand.within)
    )
    shown = F.when(F.col("here").isNull(), _shown(theirs)).otherwise(_shown(mine))
    return joined.agg(
        F.count(F.lit(1)).alias("groups"),
        F.count_if(fails).alias("failing"),
        F.min(F.when(fails, F.struct(shown.alias("group"), "one", "other"))).alias("example"),
    )


def _said_of_groups(check: GroupsAgree, row: Row) -> Answer:
    if not row["failing"]:
        return True, f"all {row['groups']} groups agree"
    example = row["example"]
    one, other = (
        "nothing" if value is None else f"{value:.10g}"
        for value in (example["one"], example["other"])
    )
    return False, (
        f"{row['failing']} of {row['groups']} groups differ, such as {example['group']}: "
        f"{check.demand.of} is {one}, that of {check.demand.input} {other}"
    )


def _said_of_entropy(check: Entropy, row: Row) -> Answer:
    number, weighted = row
    if number is None:
        return None, f"{check.column} has no values"
    # The bits that a value carries: ln n less the mean of ln of how often its like are there.
    bits = max(0.0, (math.log(number) - weighted / number) / math.log(2))
    # Equal shares give a whole number but for the last digit.
    near = math.isclose(bits, check.low, abs_tol=1e-9) or math.isclose(
        bits, check.high, abs_tol=1e-9
    )
    return near or check.low <= bits <= check.high, f"the entropy is {bits:.6g} bits"


def _names(prefix: str, columns: Sequence[str]) -> list[str]:
    return [f"{prefix}{place}" for place in range(len(columns))]


def _renamed(columns: Sequence[str], names: Sequence[str]) -> list[Column]:
    return [quoted(column).alias(name) for column, name in zip(columns, names, strict=True)]


def _shown(names: Sequence[str]) -> Column:
    """Return the values of some columns as one text."""
    parts = [F.coalesce(F.col(name).cast("string"), F.lit("null")) for name in names]
    return F.concat_ws(", ", *parts)

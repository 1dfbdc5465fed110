"""Great Expectations: the forty rules as one suite on a Spark frame; rows are not split."""

import sys
from pathlib import Path

import great_expectations as gx
from great_expectations import expectations as gxe
from pyspark.sql import DataFrame

from benchmarks.checked_rows import RULES, AtMost, Matches, NotNull, OneOf, Rule, Within
from benchmarks.peers.measure import measured


def _expectation(rule: Rule) -> gxe.Expectation:
    match rule:
        case NotNull(column):
            return gxe.ExpectColumnValuesToNotBeNull(column=column)
        case Within(column, low, high):
            return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)
        case OneOf(column, values):
            return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(values))
        case Matches(column, pattern):
            return gxe.ExpectColumnValuesToMatchRegex(column=column, regex=pattern)
        case AtMost(column, other, factor):
            # Its comparison of two columns knows no factor.
            return gxe.UnexpectedRowsExpectation(
                unexpected_rows_query=f"SELECT * FROM {{batch}} WHERE {column} > {factor} * {other}"
            )


def _validate(rows: DataFrame, _: Path) -> int:
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_spark("spark").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    suite = gx.ExpectationSuite("rules", expectations=[_expectation(rule) for rule in RULES])
    result = batch.validate(suite, result_format="BASIC")
    errors = [one for one in result.results if one.exception_info.get("raised_exception")]
    assert not errors, errors
    return sum(int(one.result.get("unexpected_count") or 0) for one in result.results)


if __name__ == "__main__":
    measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), _validate)

"""Databricks DQX: the forty rules, rows split in two, both parts written."""

import sys
from pathlib import Path
from unittest.mock import create_autospec

from databricks.labs.dqx.engine import DQEngineCore
from databricks.sdk import WorkspaceClient
from pyspark.sql import DataFrame

from benchmarks.checked_rows import RULES, AtMost, Matches, NotNull, OneOf, Rule, Within
from benchmarks.peers.measure import measured


def _check(rule: Rule) -> dict[str, object]:
    match rule:
        case NotNull(column):
            function, arguments = "is_not_null", {"column": column}
        case Within(column, low, high):
            function = "is_in_range"
            arguments = {"column": column, "min_limit": low, "max_limit": high}
        case OneOf(column, values):
            # It takes texts as expressions.
            allowed = [f"'{value}'" for value in values]
            function, arguments = "is_in_list", {"column": column, "allowed": allowed}
        case Matches(column, pattern):
            function, arguments = "regex_match", {"column": column, "regex": pattern}
        case AtMost(column, other, factor):
            function = "sql_expression"
            arguments = {"expression": f"{column} <= {factor} * {other}"}
    return {"criticality": "error", "check": {"function": function, "arguments": arguments}}


CHECKS = [_check(rule) for rule in RULES]


def _split(rows: DataFrame, folder: Path) -> int:
    # DQX asks the workspace for its version; nothing else of it is used.
    engine = DQEngineCore(create_autospec(WorkspaceClient), rows.sparkSession)
    valid, invalid = engine.apply_checks_by_metadata_and_split(rows, CHECKS)
    invalid.write.parquet(str(folder / "invalid"))
    valid.write.parquet(str(folder / "valid"))
    return rows.sparkSession.read.parquet(str(folder / "invalid")).count()


if __name__ == "__main__":
    measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), _split)

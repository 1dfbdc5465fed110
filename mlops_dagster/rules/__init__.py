"""Rules, gates, limits and SQL files: texts that users write, parsed into typed trees.

A text is read by a grammar that knows only what is allowed; everything else is refused with its
place. Rendering to Spark is in `rules.columns`, evaluation in plain Python in `rules.oracle`:
importing this package imports neither Spark nor the SQL parser.
"""

from mlops_dagster.rules.checks import check_columns
from mlops_dagster.rules.expression import Expression
from mlops_dagster.rules.grammar import (
    parse_gate,
    parse_relative,
    parse_rule,
    parse_statistic,
)
from mlops_dagster.rules.limits import Limit, parse_limit
from mlops_dagster.rules.select import SelectStatement, parse_select

__all__ = [
    "Expression",
    "Limit",
    "SelectStatement",
    "check_columns",
    "parse_gate",
    "parse_limit",
    "parse_relative",
    "parse_rule",
    "parse_select",
    "parse_statistic",
]

"""Functions whose value depends on the order of rows: allowed where the text gives an order."""

from sqlglot import exp

from mlops_dagster.rules.spark_functions import COLLECT, NEED_ORDER, ORDER_BLIND
from mlops_dagster.rules.sql_places import refused
from mlops_dagster.rules.sql_tokens import SqlText


def check_order(sql: SqlText, node: exp.Func) -> None:
    """Refuse a call that takes "the first" or "all" of rows in no order.

    Raises:
        ExpressionError: at the call, with what to write instead.
    """
    name = _written_name(sql, node)
    if name not in NEED_ORDER | COLLECT:
        return
    user = node.parent
    while isinstance(user, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.Paren):
        user = user.parent
    if isinstance(user, exp.Window) and _ordered_window(user):
        return
    if name in COLLECT:
        if isinstance(user, exp.Func) and _written_name(sql, user) in ORDER_BLIND:
            return
        step = f"Write sort_array({name}(...)), or use a window with ORDER BY"
    else:
        step = "Use a window with ORDER BY, or min_by and max_by"
    raise refused(sql, node, f"{name} without an order differs each time", next_step=step)


def _written_name(sql: SqlText, node: exp.Func) -> str:
    if "start" not in node.meta:
        return ""
    return sql.text[int(node.meta["start"]) : int(node.meta["end"]) + 1].lower()


def _ordered_window(window: exp.Window) -> bool:
    if window.args.get("order") is not None:
        return True
    select = window.find_ancestor(exp.Select)
    named = select.args.get("windows") if select is not None else None
    return any(
        candidate.args.get("order") is not None and candidate.name == window.alias
        for candidate in named or ()
    )

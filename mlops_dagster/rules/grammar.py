"""The grammar of rules and gates, read by descent: a text is refused where it leaves it.

    condition   any ("or" any)*            any = all ("and" all)*          all = "not" all | test
    test        sum [comparison sum | "is" ["not"] "null" | ["not"] ("between" sum "and" sum
                | "in" "(" literals ")" | ("like" | "ilike" | "rlike") text) | "~" text]
    sum         terms joined by + - * / %, with signs and parentheses
    term        literal | column | table.column | function(...) | column.str.contains("x")

The places of all nodes are exact, and what is not written above cannot be said: no list of
forbidden things has to be complete.
"""

from mlops_dagster.rules.checks import refuse_clashes, refuse_mixed
from mlops_dagster.rules.cursor import Cursor
from mlops_dagster.rules.expression import Expression, deepest
from mlops_dagster.rules.kinds import Kind
from mlops_dagster.rules.nodes import (
    And,
    Between,
    Comparator,
    Comparison,
    InList,
    IsNull,
    Like,
    Literal,
    Node,
    Not,
    Or,
    RegexMatch,
)
from mlops_dagster.rules.patterns import like_problem, regex_problem
from mlops_dagster.rules.terms import TermReader
from mlops_dagster.rules.tokens import Token

# Spark Connect's client refuses messages nested 100 deep; a level is two messages, and the rest is
# left for what a rule is wrapped in.
MAX_LEVELS = 38

_COMPARATORS = {
    "=": Comparator.EQUAL,
    "==": Comparator.EQUAL,
    "!=": Comparator.NOT_EQUAL,
    "<>": Comparator.NOT_EQUAL,
    "<": Comparator.LESS,
    "<=": Comparator.LESS_OR_EQUAL,
    ">": Comparator.GREATER,
    ">=": Comparator.GREATER_OR_EQUAL,
}
_TESTS = ("between", "in", "like", "ilike", "rlike", "regexp", "~")


def parse_rule(text: str, *, table: str | None = None) -> Expression:
    """Parse a rule; `table` may stand before its columns, as in `customers.id is not null`.

    Raises:
        ExpressionError: not in the language, no condition, or rows and statistics of rows mixed.
    """
    expression = _parse(text, table=table, metrics=False)
    refuse_mixed(expression)
    return expression


def parse_relative(text: str, *, table: str | None = None) -> Expression:
    """Parse a rule that holds each row against statistics of all, as `x < 3 * mean(x)` does.

    Such a statistic may be one of statistics, as `mean(abs(x - mean(x)))` is.

    Raises:
        ExpressionError: not in the language, no condition, or no statistic in it.
    """
    expression = _parse(text, table=table, metrics=False)
    if not expression.aggregates:
        raise Cursor(text).refused(expression.root.span, "the rule names no statistic")
    return expression


def parse_statistic(text: str, *, table: str | None = None) -> Expression:
    """Parse a number that stands for a data set, such as `row_count` or `mean(x) / max(x)`.

    Raises:
        ExpressionError: not in the language, no number, or nothing about the data set in it.
    """
    expression = _parse(text, table=table, metrics=False, kind=Kind.NUMBER)
    refuse_mixed(expression)
    if not expression.aggregates:
        raise Cursor(text).refused(
            expression.root.span,
            "not about the data set",
            expected="a statistic such as row_count or mean(amount)",
            found=text[:60],
        )
    return expression


def parse_gate(text: str) -> Expression:
    """Parse a gate such as `roc_auc >= 0.65 and log_loss < 0.5`; its `columns` are metrics.

    Raises:
        ExpressionError: not in the language, or no condition on metrics.
    """
    expression = _parse(text, table=None, metrics=True)
    if not expression.columns:
        raise Cursor(text).refused(expression.root.span, "the gate names no metric")
    return expression


def _parse(text: str, *, table: str | None, metrics: bool, kind: Kind = Kind.BOOLEAN) -> Expression:
    cursor = Cursor(text)
    if cursor.at_end:
        raise cursor.unexpected("a condition such as 'amount > 0'")
    root = _ConditionReader(cursor, table=table, metrics=metrics).condition()
    if not cursor.at_end:
        raise cursor.unexpected("'and', 'or' or the end")
    levels, node = deepest(root)
    if levels > MAX_LEVELS:
        raise cursor.refused(
            node.span,
            "the text is nested too deeply",
            next_step="Compute parts of it as columns in the table's SQL",
        )
    expression = Expression(text=text, root=root, kind=kind)
    refuse_clashes(expression, metrics=metrics)
    return expression


class _ConditionReader(TermReader):
    """Reads conditions."""

    def condition(self) -> Node:
        self.cursor.deeper()
        operands = [self._all()]
        while self.cursor.take_if("or"):
            operands.append(self._all())
        self.cursor.shallower()
        if len(operands) == 1:
            return operands[0]
        return Or(span=operands[0].span.to(operands[-1].span), operands=tuple(operands))

    def _all(self) -> Node:
        operands = [self._negated()]
        while self.cursor.take_if("and"):
            operands.append(self._negated())
        if len(operands) == 1:
            return operands[0]
        return And(span=operands[0].span.to(operands[-1].span), operands=tuple(operands))

    def _negated(self) -> Node:
        word = self.cursor.take_if("not")
        if word is None:
            return self._test()
        self.cursor.deeper()
        value = self._negated()
        self.cursor.shallower()
        return Not(span=word.span.to(value.span), value=value)

    def _test(self) -> Node:
        value = self.sum()
        token = self.cursor.here
        if token.keyword in _COMPARATORS:
            node: Node = self._comparison(value)
        elif token.keyword == "is":
            node = self._null_test(value)
        elif token.keyword == "not" and self.cursor.ahead(1).keyword in _TESTS:
            self.cursor.take()
            inner = self._membership(value)
            node = Not(span=inner.span, value=inner)
        elif token.keyword in _TESTS:
            node = self._membership(value)
        else:
            return value
        if self.cursor.here.keyword in (*_COMPARATORS, "is", *_TESTS):
            raise self.cursor.unexpected(
                "'and', 'or' or the end",
                next_step="Comparisons do not chain; write 'x between 1 and 3' or use 'and'",
            )
        return node

    def _comparison(self, left: Node) -> Comparison:
        comparator = _COMPARATORS[self.cursor.take().keyword]
        right = self.sum()
        span = left.span.to(right.span)
        return Comparison(span=span, comparator=comparator, left=left, right=right)

    def _null_test(self, value: Node) -> Node:
        self.cursor.take()
        negated = self.cursor.take_if("not")
        if self.cursor.here.keyword != "null":
            steps = {
                "unique": "Write a rule of the kind 'unique: x'",
                "nan": "Write 'isnan(x)'",
                "true": "Write the condition itself, or 'x = true'",
                "false": "Write 'not x', or 'x = false'",
            }
            raise self.cursor.unexpected("'null'", next_step=steps.get(self.cursor.here.keyword))
        self.cursor.take()
        span = value.span.to(self.cursor.last)
        test = IsNull(span=span, value=value)
        return Not(span=span, value=test) if negated else test

    def _membership(self, value: Node) -> Node:
        word = self.cursor.take()
        if word.keyword == "between":
            low = self.sum()
            self.cursor.demand("and")
            high = self.sum()
            span = value.span.to(high.span)
            return Between(span=span, value=value, low=low, high=high)
        if word.keyword == "in":
            return self._in_list(value)
        return self._pattern(value, word)

    def _in_list(self, value: Node) -> InList:
        cursor = self.cursor
        cursor.demand("(")
        options: list[Literal] = []
        while True:
            start = cursor.here
            option = self.sum()
            if not isinstance(option, Literal):
                raise cursor.refused(
                    start.span.to(cursor.last),
                    "a list holds only written values",
                    expected="numbers, texts or dates such as ('a', 'b')",
                )
            options.append(option)
            if not cursor.take_if(","):
                break
        cursor.demand(")")
        return InList(span=value.span.to(cursor.last), value=value, options=tuple(options))

    def _pattern(self, value: Node, word: Token) -> Node:
        pattern = self.cursor.demand_text("a pattern")
        span = value.span.to(pattern.span)
        like = word.keyword in ("like", "ilike")
        problem = like_problem(pattern.value) if like else regex_problem(pattern.value)
        if problem is not None:
            raise self.cursor.refused(pattern.span, f"the pattern is refused: {problem}")
        if like:
            ignore_case = word.keyword == "ilike"
            return Like(span=span, value=value, pattern=pattern.value, ignore_case=ignore_case)
        return RegexMatch(span=span, value=value, pattern=pattern.value)

"""The tokens of a SQL file: size, signs and functions are checked, and texts rebuilt from them.

Texts are rebuilt from the very tokens that were checked, without comments: Spark reads what was
checked even if it finds comments elsewhere than this parser does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot.dialects.spark import Spark
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from mlops_dagster.errors import nearest_name
from mlops_dagster.rules.places import Span, error_at
from mlops_dagster.rules.spark_functions import ALLOWED, BARE, INSTEAD, NOT_CALLS, reason_against

MAX_CHARACTERS = 100_000
MAX_TOKENS = 20_000
MAX_DEPTH = 40

_SIGNS = {
    TokenType.L_PAREN,
    TokenType.R_PAREN,
    TokenType.L_BRACKET,
    TokenType.R_BRACKET,
    TokenType.COMMA,
    TokenType.DOT,
    TokenType.PLUS,
    TokenType.DASH,
    TokenType.STAR,
    TokenType.SLASH,
    TokenType.MOD,
    TokenType.EQ,
    TokenType.NEQ,
    TokenType.LT,
    TokenType.LTE,
    TokenType.GT,
    TokenType.GTE,
    TokenType.NULLSAFE_EQ,
    TokenType.DPIPE,
    TokenType.DCOLON,
    TokenType.ARROW,
    TokenType.FARROW,
    TokenType.AMP,
    TokenType.PIPE,
    TokenType.CARET,
    TokenType.TILDE,
}
_VALUES = {TokenType.NUMBER, TokenType.STRING, TokenType.RAW_STRING, TokenType.IDENTIFIER}
_REFUSED = {
    TokenType.SEMICOLON: "a second statement is not allowed: a file is one SELECT",
    TokenType.HINT: "a hint is not allowed: the plan belongs to the engine",
    TokenType.PARAMETER: "a parameter or variable is not allowed",
    TokenType.PLACEHOLDER: "a parameter is not allowed",
    TokenType.COLON: "a parameter or path is not allowed",
    TokenType.PIPE_GT: "the pipe syntax is not allowed",
}


# A word between one of these and a parenthesis is an alias that names columns, as in `with r(a)`.
_BEFORE_ALIAS = {TokenType.WITH, TokenType.ALIAS, TokenType.VAR, TokenType.IDENTIFIER}


@dataclass(frozen=True)
class SqlText:
    """A SQL text and its checked tokens."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def normalised(self) -> str:
        """The tokens joined by single spaces, without comments."""
        return " ".join(self.source(token) for token in self.tokens)

    def source(self, token: Token) -> str:
        """Return a token as written, with its quotes."""
        return self.text[token.start : token.end + 1]

    def replaced(self, replacements: Mapping[int, str]) -> str:
        """Return the text with tokens replaced, by their start; comments go, lines stay."""
        written: list[str] = []
        end = 0
        for token in self.tokens:
            between = self.text[end : token.start]
            lines = between.count("\n")
            # Only where the text had a gap: `1` and `e5`, `<` and `=` must not come closer or
            # further apart.
            written.append("\n" * lines if lines else " " if between else "")
            written.append(replacements.get(token.start, self.source(token)))
            end = token.end + 1
        return "".join(written)


def tokenise_sql(text: str) -> SqlText:
    """Split a SQL text into tokens and check each.

    Raises:
        ExpressionError: too long, too deep, a sign or function that is not allowed.
    """
    if len(text) > MAX_CHARACTERS:
        raise error_at(
            text,
            Span(MAX_CHARACTERS, MAX_CHARACTERS + 1),
            "the text is too long",
            expected=f"at most {MAX_CHARACTERS} characters",
        )
    try:
        found = Spark().tokenize(text)
    except TokenError as error:
        start = _unended(text, error)
        raise error_at(
            text, Span(start, start + 1), "a text, name or comment without its end"
        ) from error
    tokens = _written(text, found)
    if not tokens:
        raise error_at(text, Span(0, 0), "the file is empty", expected="one SELECT")
    if len(tokens) > MAX_TOKENS:
        raise error_at(text, _span(tokens[MAX_TOKENS]), "the text is too long")
    _check_depth(text, tokens)
    for index, token in enumerate(tokens):
        _check(text, tokens, index, token)
    return SqlText(text, tuple(tokens))


def _unended(text: str, error: TokenError) -> int:
    """Return where the text, name or comment begins that does not end."""
    # The tokeniser tells the line and, as the second number, the offset in the whole text.
    told = re.search(r"from [0-9]+:([0-9]+)", str(error.__cause__))
    return int(told[1]) if told else max(text.rfind("/*"), 0)


def _written(text: str, found: list[Token]) -> list[Token]:
    """Drop tokens that the tokeniser adds (`1L` becomes `1::bigint`) and final semicolons."""
    tokens: list[Token] = []
    for token in found:
        if not tokens or token.start > tokens[-1].end:
            tokens.append(token)
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    return tokens


def _span(token: Token) -> Span:
    return Span(token.start, token.end + 1)


def _check_depth(text: str, tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END):
            depth -= 1
        if depth > MAX_DEPTH:
            raise error_at(
                text,
                _span(token),
                "the text is nested too deeply",
                expected=f"at most {MAX_DEPTH} levels",
            )


def _check(text: str, tokens: list[Token], index: int, token: Token) -> None:
    span = _span(token)
    written = text[span.start : span.end]
    kind = token.token_type
    if kind in _REFUSED:
        raise error_at(text, span, _REFUSED[kind])
    is_word = written[:1].isalpha() or written[:1] == "_"
    if kind is TokenType.RAW_STRING and any(pair in written for pair in ("\\'", '\\"')):
        # Where such a text ends is read differently by different parsers.
        raise error_at(text, span, "a raw text cannot hold a backslash before a quote")
    if kind not in _SIGNS | _VALUES and not is_word:
        raise error_at(text, span, "a sign that is not allowed", found=written[:40])
    previous = tokens[index - 1].token_type if index else None
    following = [after.token_type for after in tokens[index + 1 : index + 3]]
    if following[:1] == [TokenType.L_PAREN] and (is_word or kind is TokenType.IDENTIFIER):
        # Some tokens are several words, such as `group by`.
        name = written.lower().split()[-1] if is_word else written
        if name not in NOT_CALLS or previous is TokenType.DOT:
            _check_call(text, span, name, previous)
        if name == "unix_timestamp" and following[1:] == [TokenType.R_PAREN]:
            raise error_at(text, span, "unix_timestamp() without an argument reads the clock")
    elif is_word and previous not in (TokenType.DOT, TokenType.ALIAS) and written.lower() in BARE:
        raise error_at(
            text,
            span,
            f"{written} is refused: {reason_against(written.lower())}",
            next_step=f"A column of this name is written with its table: t.{written}",
        )


def _check_call(text: str, span: Span, name: str, previous: TokenType | None) -> None:
    if name.startswith("`") or previous is TokenType.DOT:
        raise error_at(text, span, "only Spark's own functions may be called, by their bare names")
    reason = reason_against(name)
    if reason is not None:
        raise error_at(text, span, f"{name} is refused: {reason}", next_step=INSTEAD.get(name))
    if name in ALLOWED:
        return
    if previous in _BEFORE_ALIAS:
        raise error_at(text, span, "columns are named inside the query, with AS")
    raise error_at(
        text,
        span,
        "unknown function, or not on the list of allowed ones",
        found=name[:60],
        nearest=nearest_name(name, ALLOWED),
    )

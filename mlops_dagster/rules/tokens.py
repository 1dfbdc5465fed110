"""Words, numbers, texts and signs of the rule language."""

import re
from dataclasses import dataclass
from enum import Enum

from mlops_dagster.rules.places import Span, error_at

MAX_CHARACTERS = 4000
MAX_TOKENS = 1000

RESERVED = frozenset(
    [
        "and",
        "or",
        "not",
        "is",
        "null",
        "in",
        "between",
        "like",
        "ilike",
        "rlike",
        "regexp",
        "true",
        "false",
        "interval",
    ]
)


class TokenKind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED_NAME = "quoted name"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"
    END = "end of the text"


@dataclass(frozen=True)
class Token:
    """A token; `value` is a word or sign as written, or what stands between quotes, unescaped."""

    kind: TokenKind
    value: str
    span: Span

    @property
    def keyword(self) -> str:
        """The lower-case word or sign; empty for names in backticks, texts and numbers."""
        return self.value.lower() if self.kind in (TokenKind.WORD, TokenKind.SIGN) else ""


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<number>(?:[0-9]+\.[0-9]+|[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<word>[^\W\d]\w*)
  | `(?P<quoted_name>(?:[^`]|``)+)`
  | '(?P<single>(?:[^'\\]|\\.|'')*)'
  | "(?P<double>(?:[^"\\]|\\.|"")*)"
  | (?P<sign><=>|=>|->|<=|>=|<>|!=|==|\|\||::|--|/\*|[-+*/%<>=~(),.])
    """,
    re.VERBOSE | re.DOTALL,
)

_REFUSED_SIGNS = {
    "--": "a comment",
    "/*": "a comment or hint",
    "<=>": "a null-safe comparison",
    "->": "a lambda function",
    "||": "joining of texts",
    "::": "a cast",
}
_REFUSED_LETTERS = {
    ";": "a second statement",
    "@": "a session variable",
    ":": "a parameter",
    "?": "a parameter",
    "$": "a parameter",
    "{": "a template",
    "}": "a template",
    "[": "access to an element",
    "]": "access to an element",
    "#": "a comment",
    "&": "an operator on bits",
    "|": "an operator on bits",
    "^": "an operator on bits",
    "'": "a text without its end",
    '"': "a text without its end",
    "`": "a name without its end",
    "\0": "a zero byte",
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokenise(text: str) -> tuple[Token, ...]:
    r"""Split a text; the last token is always the end.

    A backslash in a text takes quotes and backslashes literally, and makes n, t, r a line feed,
    tab, carriage return; before any other character it stays, so that the pattern `'\d+'` needs no
    doubling.

    Raises:
        ExpressionError: too long, or holds something that is no part of the language.
    """
    if len(text) > MAX_CHARACTERS:
        raise error_at(
            text,
            Span(MAX_CHARACTERS, len(text)),
            "the text is too long",
            expected=f"at most {MAX_CHARACTERS} characters",
            found=f"{len(text)}",
        )
    tokens: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            found = _REFUSED_LETTERS.get(text[offset], "a character that has no meaning here")
            sign = text[offset]
            in_name = not sign.isascii() or (offset > 0 and sign in "[]{}#@:?$")
            raise error_at(
                text,
                Span(offset, offset + 1),
                f"{found} is not part of the rule language",
                next_step="A column with such signs in its name is written in backticks"
                if in_name
                else None,
            )
        span = Span(offset, match.end())
        offset = match.end()
        if match.lastgroup == "space":
            continue
        tokens.append(_token(text, match, span))
        if len(tokens) > MAX_TOKENS:
            raise error_at(
                text, span, "the text is too long", expected=f"at most {MAX_TOKENS} words"
            )
    return (*tokens, Token(TokenKind.END, "", Span(len(text), len(text))))


def _token(text: str, match: re.Match[str], span: Span) -> Token:
    group = str(match.lastgroup)
    value = match[group]
    if group == "number":
        following = text[span.end : span.end + 1]
        if following == "_" or following.isalnum():
            raise _bad_number(text, span)
        return Token(TokenKind.NUMBER, value, span)
    if group == "word":
        return Token(TokenKind.WORD, value, span)
    if group == "quoted_name":
        return Token(TokenKind.QUOTED_NAME, value.replace("``", "`"), span)
    if group in ("single", "double"):
        quote = "'" if group == "single" else '"'
        return Token(TokenKind.TEXT, _unescaped(value.replace(quote * 2, quote)), span)
    if value in _REFUSED_SIGNS:
        raise error_at(text, span, f"{_REFUSED_SIGNS[value]} is not part of the rule language")
    return Token(TokenKind.SIGN, value, span)


def _bad_number(text: str, span: Span) -> Exception:
    whole = re.compile(r"[\w.]+").match(text, span.start)
    written = whole[0] if whole else ""
    plain = written.replace("_", "")
    example = plain if plain.isdecimal() else "20000"
    return error_at(
        text,
        Span(span.start, span.start + len(written)),
        "not a number",
        expected=f"a number without underscores or letters, such as {example}",
        found=written[:40],
        next_step="A column whose name begins with a digit is written in backticks",
    )


def _unescaped(value: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in "'\"\\":
            return letter
        return _ESCAPES.get(letter, match[0])

    return re.sub(r"\\(.)", replacement, value, flags=re.DOTALL)

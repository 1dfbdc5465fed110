"""A position in a list of tokens: looking, taking, refusing."""

from mlops_dagster.errors import ExpressionError
from mlops_dagster.rules.places import Span, error_at
from mlops_dagster.rules.tokens import Token, TokenKind, tokenise

# Levels while reading; what a tree may become in Spark is bounded by the grammar.
MAX_DEPTH = 32


class Cursor:
    """Reads the tokens of one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokenise(text)
        self._index = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        """The next token, not yet taken."""
        return self._tokens[self._index]

    @property
    def at_end(self) -> bool:
        """True when every token was taken."""
        return self.here.kind is TokenKind.END

    @property
    def last(self) -> Span:
        """The place of the token taken last."""
        return self._tokens[max(self._index - 1, 0)].span

    def ahead(self, steps: int) -> Token:
        """Return the token some steps after the next one; the end of the text stays the end."""
        return self._tokens[min(self._index + steps, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Take the next token."""
        token = self.here
        if token.kind is not TokenKind.END:
            self._index += 1
        return token

    def take_if(self, *keywords: str) -> Token | None:
        """Take the next token if it is one of these words or signs."""
        return self.take() if self.here.keyword in keywords else None

    def demand(self, keyword: str) -> Token:
        """Take this word or sign, or refuse the text."""
        token = self.take_if(keyword)
        if token is None:
            raise self.unexpected(f"'{keyword}'")
        return token

    def demand_text(self, what: str) -> Token:
        """Take a text in quotes, or refuse."""
        if self.here.kind is not TokenKind.TEXT:
            raise self.unexpected(f"{what} in quotes")
        return self.take()

    def deeper(self) -> None:
        """Note one more level of nesting, or refuse."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused(
                self.here.span,
                "the text is nested too deeply",
                expected=f"at most {MAX_DEPTH} levels",
            )

    def shallower(self) -> None:
        """Note that a level of nesting ended."""
        self._depth -= 1

    def unexpected(self, expected: str, *, next_step: str | None = None) -> ExpressionError:
        """Return the error for the next token."""
        token = self.here
        ended = token.kind is TokenKind.END
        found = "the end" if ended else self.text[token.span.start : token.span.end][:60]
        problem = "the text ends too early" if ended else "not understood"
        return self.refused(
            token.span, problem, expected=expected, found=found, next_step=next_step
        )

    def refused(
        self,
        span: Span,
        problem: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        nearest: str | None = None,
        next_step: str | None = None,
    ) -> ExpressionError:
        """Return the error for a place of this text."""
        return error_at(
            self.text,
            span,
            problem,
            expected=expected,
            found=found,
            nearest=nearest,
            next_step=next_step,
        )

"""No sign of a password is shown, whatever the password is made of and however it is quoted."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import ArgumentError

from mlops_dagster.addresses import (
    holds_secrets,
    is_ambiguous,
    redacted,
    shown_scheme,
    without_secret,
    without_secrets,
)

# Letters and digits that nothing but a password has here, so that each of them that is shown is a
# leak; and the signs that end a password for somebody.
_LETTERS = "ZJVé漢78"
_SIGNS = "/?#@:;%&=+ \\'\"[]!"
PASSWORDS = st.text(_LETTERS + _SIGNS, min_size=1, max_size=12)
SECRETS = PASSWORDS.filter(lambda text: any(sign in text for sign in _LETTERS))
ADDRESSES = st.sampled_from(
    [
        "postgresql://me:{}@host.example/db",
        "postgresql+psycopg://me:{}@host.example:5432/db?sslmode=on",
        "http://{}@host.example:5000",
        "https://me:{}@host.example/base/path",
        "https://host.example/base?token={}",
        "https://host.example/base?token={}&user=me",
        "sc://host.example:15002/;token={};user_id=me",
        "sc://host.example:15002;token={}",
        "postgresql://host.example/db?user=me&password={}",
        "postgres://me:{}@[::1]/db",
        "me:{}@host.example",
        "postgresql:me:{}@host.example/db",
        "{}",
        "unheard-of://{}",
    ]
)


def leaks(text: str) -> list[str]:
    """Return the password's letters that a text shows, of which lower case is no other."""
    return [letter for letter in text if letter.lower() in _LETTERS.lower()]


@given(ADDRESSES, SECRETS)
@example("postgresql://me:{}@host.example/db", "Z/J")
@example("postgresql://me:{}@host.example/db", "Z@J/V?Z")
@example("sc://host.example:15002;token={}", "Z/J")
def test_an_address_shows_no_letter_of_its_password(address: str, secret: str) -> None:
    full = address.format(secret)
    assert leaks(without_secrets(full)) == []
    assert leaks(shown_scheme(full)) == []
    assert holds_secrets(full)
    # What was shown may be shown again.
    assert leaks(redacted(without_secrets(full), full)) == []


def quotations(full: str, secret: str) -> Iterator[str]:
    """Yield what errors of clients quote of an address: all, or pieces by their own reading."""
    yield from (full, f"{full}/api/2.0", repr(full), json.dumps(full))
    decoded = (secret, unquote(secret), unquote_plus(secret))
    yield from decoded
    for one in decoded:
        yield from (quote(one), quote(one, safe=""), quote_plus(one), json.dumps(one))
        yield ascii(one)
    with suppress(ValueError):
        parts = urlsplit(full)
        yield from (parts.netloc, parts.path, parts.query, parts.fragment)
        yield from (parts.username or "", parts.password or "", parts.hostname or "")
    with suppress(ValueError, ArgumentError):
        url = sa.make_url(full)
        yield from (url.render_as_string(False), url.password or "", str(url.username))
        yield from (str(url.host), str(url.database), str(url.query))


@settings(deadline=None, max_examples=200)
@given(ADDRESSES.filter(lambda address: "://" in address and "unheard" not in address), SECRETS)
@example("postgresql://me:{}@host.example/db", "Z")
@example("http://{}@host.example:5000", "ZJ/VV")
@example("https://host.example/base?token={}", "Z&J;V=Z")
def test_no_quotation_of_an_address_shows_a_letter_of_its_password(
    address: str, secret: str
) -> None:
    full = address.format(secret)
    for quoted in quotations(full, secret):
        assert leaks(redacted(f"login failed <{quoted}> on port", full)) == [], quoted


@given(SECRETS)
def test_what_basic_authentication_sends_is_masked(secret: str) -> None:
    coded = quote(secret, safe="")
    sent = base64.b64encode(f"me:{secret}".encode()).decode()
    told = f"Authorization: Basic {sent}"
    assert redacted(told, f"https://me:{coded}@host.example") == "Authorization: Basic ***"


@given(st.text(_LETTERS + _SIGNS, min_size=3, max_size=12).filter(leaks))
def test_a_token_is_masked_in_each_of_its_forms(token: str) -> None:
    for quoted in (token, quote(token), quote_plus(token), unquote(token), json.dumps(token)):
        assert leaks(without_secret(f"refused with {quoted}: no", token)) == []
    assert without_secret("refused", "") == "refused"


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_two_texts_are_read_without_an_error(address: str, text: str) -> None:
    assert not holds_secrets(without_secrets(address)) or without_secrets(address) == "***"
    assert isinstance(redacted(text, address), str)
    assert "://" in shown_scheme(address) or shown_scheme(address) == "an address of another form"


@given(SECRETS.filter(lambda secret: any(sign in secret for sign in "/?#@")))
def test_a_password_that_is_not_encoded_makes_an_address_ambiguous(secret: str) -> None:
    assert is_ambiguous(f"https://me:{secret}@host")
    assert not is_ambiguous(f"https://me:{quote(secret, safe='')}@host/a?b#c")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:pass@host:5000/x", "http://host:5000/x"),
        ("https://host/x?key=pass#pass", "https://host/x"),
        ("sc://host:15002/;token=pass;user_id=me", "sc://host:15002/"),
        ("sc://host:15002;token=pass", "sc://host:15002"),
        ("postgresql://user:p%40ss@host/db?password=pass", "postgresql://host/db"),
        ("postgresql://user@[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("sqlite:////a/b@c/#1.db", "sqlite:////a/b@c/#1.db"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
        # Nobody knows where the password ends.
        ("postgresql://user:se/cret@host/db", "postgresql://***"),
        ("postgresql://user:se?cret@host/db", "postgresql://***"),
        ("postgresql://user:se#cret@host/db", "postgresql://***"),
        ("postgresql://user:se@cret@host/db", "postgresql://***"),
        # The host is missing.
        ("postgresql://user:pass", "postgresql://***"),
        ("http://[pass/", "http://***"),
        ("user:pass@host", "***"),
        ("pass@host", "***"),
        ("secret://pass", "***"),
    ],
)
def test_an_address_shows_no_more_than_where_it_leads(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


def test_a_text_that_quotes_parts_of_an_address_is_masked() -> None:
    address = "http://user:p%40ss@host/x?key=sesame"
    text = f"cannot open {address}: login user with p@ss (p%40ss) and sesame failed"
    assert redacted(text, address) == (
        "cannot open http://host/x: login *** with *** (***) and *** failed"
    )


def test_a_short_password_is_masked_where_it_stands_alone() -> None:
    assert redacted("cannot: a 'a' <a>", "http://user:a@host") == "cannot: *** '***' <***>"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mysql://user:pass@host", "an address that starts with 'mysql://'"),
        ("htp://host", "an address that starts with 'htp://'"),
        ("hunter2://pass", "an address of another form"),
        ("user:pass@host", "an address of another form"),
    ],
)
def test_a_refused_address_shows_a_scheme_that_is_one(address: str, shown: str) -> None:
    assert shown_scheme(address) == shown

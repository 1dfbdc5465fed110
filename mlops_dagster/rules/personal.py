"""Patterns of personal data in free texts: what is certain enough to refuse a row for."""

from collections.abc import Mapping
from enum import Enum


class PersonalKind(str, Enum):
    """A kind of personal data."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"


# Thirteen to nineteen digits, or groups as they are printed on cards (ISO/IEC 7812); only those
# whose check digit is right count. Each place is looked at, for numbers may follow each other.
CARD = (
    r"(?<![0-9])(?=([0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -][0-9]{1,3})?"
    r"|[0-9]{4}[ -][0-9]{6}[ -][0-9]{4,5})(?![0-9]))"
)
PERSONAL: Mapping[PersonalKind, str] = {
    PersonalKind.EMAIL: r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,9}[A-Za-z]{2,24}",
    # In international form (E.164): a plus sign and seven to fifteen digits.
    PersonalKind.PHONE: r"\+[1-9](?:[ ()./-]{0,2}[0-9]){6,14}",
    PersonalKind.CARD: CARD,
}

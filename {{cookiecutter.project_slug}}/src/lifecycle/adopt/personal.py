"""Personal data, by the shape of values and by the names of columns: it is proposed as private.

Checksums are those of the standards, a few lines each: libraries that do this bring the rules of
every country, which is more than is asked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

# Distinct values of each part of a column that are looked at.
LOOKED_AT = 500
# Of those, so many must have a shape.
MOST = 0.6
MAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?:\+|00)[1-9][0-9 ()./-]{6,18}[0-9]"
                   r"|\(?0[0-9]{1,4}[)/ .-][0-9 ()./-]{4,14}[0-9]"
                   r"|(?:\+?1[ .-])?\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}")  # fmt: skip
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
CARD = re.compile(r"[2-6](?:[ -]?[0-9]){12,18}")
PERSON = re.compile(
    r"(?:\w+, )?[^\W\d_][^\W\d_'\u2019.-]*\.?(?:[ '\u2019-][^\W\d_][^\W\d_'\u2019.-]*\.?){1,4}"
)
SHAPES = ("mail address", "account number", "card number", "phone number")
BY_NAME = {
    "mail address": r"e?_?mail(?:_?address)?",
    "phone number": r"(?:tele)?phone(?:_?n(?:o|umber))?|mobile|fax|telefon",
    "account number": r"iban|account_?(?:no|number)",
    "card number": r"(?:credit_?)?card_?(?:no|number)|pan",
    "birth date": r"(?:date_?of_?)?birth(?:_?da(?:te|y))?|dob|born(?:_on)?|geburtsdatum",
    "name": r"(?:full|first|last|sur|given|family|middle|maiden|customer|patient|person)_?name"
    r"|vorname|nachname",
    "address": r"(?:street|home|postal|billing)(?:_?address)?|address|strasse",
    "social security number": r"ssn|social_?security(?:_?n(?:o|umber))?|passport(?:_?n(?:o|umber))?"
    r"|tax_?id|national_?id",
}


def luhn(digits: str) -> bool:
    """Say whether the last digit of a card's number fits the others: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed([int(one) for one in digits])):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def iban(text: str) -> bool:
    """Say whether the check digits of an account's number fit: ISO 13616, by modulo 97."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def shape(text: str) -> str | None:
    """Return what a text is by its shape alone."""
    if MAIL.fullmatch(text):
        return "mail address"
    bare = re.sub(r"[ -]", "", text)
    if IBAN.fullmatch(text.upper()) and bare.isascii() and iban(bare.upper()):
        return "account number"
    if CARD.fullmatch(text) and luhn(bare):
        return "card number"
    if PHONE.fullmatch(text):
        return "phone number"
    return "words of a name" if PERSON.fullmatch(text) and not text.islower() else None


def shapes(texts: Iterable[str]) -> Counter[str]:
    """Count the shapes of some values."""
    return Counter(found for text in texts if len(text) <= 100 and (found := shape(text)))


def by_name(name: str) -> str | None:
    """Return what a column probably holds by its name."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    plain = re.sub(r"\W+", "_", plain).strip("_").lower()
    # Of a name with several words, some at its end or the whole.
    words = plain.split("_")
    ends = {"_".join(words[start:]) for start in range(len(words))}
    for what, pattern in BY_NAME.items():
        if any(re.fullmatch(pattern, end) for end in ends):
            return what
    return None


def of_column(
    name: str, counted: Mapping[str, int], looked_at: int, *, kind: str, distinct: int, rows: int
) -> str | None:
    """Return which personal data a column probably holds, or None.

    A card's number that a checksum fits by chance is one of ten: shapes must be those of most
    values. Words with capitals are a person's name where nearly each row has others, or the column
    is called a name.
    """
    for what in SHAPES:
        if looked_at and counted.get(what, 0) >= MOST * looked_at:
            return what
    named = by_name(name)
    if named == "birth date":
        return named if kind in ("datetime", "string", "category", "integer") else None
    if named in ("name", "address", "mail address", "social security number"):
        return named if kind in ("string", "category") or named.startswith("social") else None
    if named and kind in ("string", "integer") and distinct > rows / 2:
        return named
    is_name = name.lower() in ("name", "person", "patient", "customer", "passenger", "employee")
    like_names = looked_at > 0 and counted.get("words of a name", 0) >= MOST * looked_at
    share = distinct / max(1, rows)
    if like_names and kind == "string" and share > (0.5 if is_name else 0.9):
        return "name"
    return None

"""Takes e-mail addresses, telephone numbers and identity numbers out of texts that everybody may read."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "•••"
_IN_NAME = r"[^\s@\uff20<>()\[\]{},;:\"']"
_AT = r"(?:[@\uff20]|[ \u00a0]{0,2}[(\[{][ ]?at[ ]?[)\]}][ \u00a0]{0,2})"
_DOT = r"(?:[.\uff0e]|[ \u00a0]{0,2}[(\[{][ ]?dot[ ]?[)\]}][ \u00a0]{0,2})"
_IN_LABEL = r"[^\s@\uff20<>()\[\]{},;:\"'.\uff0e]"
_EMAIL = re.compile(
    rf"(?<!{_IN_NAME}){_IN_NAME}++{_AT}(?:{_IN_LABEL}{{1,63}}+{_DOT}){{1,8}}[^\W\d_]{{2,24}}", re.IGNORECASE
)
"""A name begins where the one before it ends and is taken whole, so that a text is gone through once."""
_DATE = r"(?:(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d)(?!\d)"
_DEGREES = r"[1-9]\d{0,2}\.\d{4,}(?!\d)"
_UNSEEN = r"\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_DOTS = r"\u2022\u2219\u22c5\u00b7\u30fb\u25cf\u25e6"
_BETWEEN = rf"(?:[\s{_UNSEEN}{_DOTS}().\-\u2010-\u2015\u2026\uff0d\uff0e\uff0c/_*|]|,(?!\s)){{0,3}}"
"""What stands between the digits of one number; a comma with a blank after it stands between two. Not a possessive
group: Python before 3.11.5 finds too little behind one that holds a choice.
"""
_FREE = r"(?<![\w.,/-])"
_GLUED = rf"(?<!\d)(?<!\d[.,/-])(?=\+|\(?0|\d(?:{_BETWEEN}\d){{9}})"
"""What is written onto a word, as in “WA0812…” and “Telp.0812…”, begins as a telephone number or has ten digits: links
and the numbers of reports mostly do not.
"""
_NUMBER = re.compile(
    rf"(?=[+(\d])(?=(?:\+|00)?\(?\d(?:{_BETWEEN}\d){{7}})(?:{_FREE}|{_GLUED})(?!{_DATE})(?!{_DEGREES})"
    rf"(?:\+|00)?\(?\d(?:{_BETWEEN}\d){{7,30}}(?!\d)"
)
_MAY_HOLD_NUMBER = re.compile(r"(?:\D*+\d){8}")

_TELLING = 8
"""How many digits at the end of a number tell whose it is."""


def mask_personal(text: str) -> str:
    """The text with every e-mail address, and every 8 to 31 digits written like one telephone number, masked.

    Dates, coordinates, and house numbers, prices and the like with less than eight digits stay. Names are not
    recognised: what a reporter writes about people in his own words is public where reports are public.
    """
    if "@" in text or "\uff20" in text or "at" in text.casefold():
        text = _EMAIL.sub(MASK, text)
    return _NUMBER.sub(MASK, text) if _MAY_HOLD_NUMBER.match(text) else text


class PublicTexts:
    """Masks the texts of one answer, of which all together cost no more than so much: then texts are cut short.

    What costs are characters, and much more each digit and each @, of which numbers and addresses may begin.
    """

    def __init__(self, most: int = 600_000) -> None:
        self._left = most

    def public(self, text: str) -> tuple[str, bool]:
        """A text as everybody may read it, and whether it is the whole text."""
        whole = _cut(text, _LONGEST)
        cost = _cost(whole)
        if cost > self._left:
            whole = _cut(whole, _SHORT)
            cost = _cost(whole)
        self._left -= cost
        masked = mask_personal(whole)
        return (masked, True) if len(whole) == len(text) else (f"{masked} …", False)


_LONGEST, _SHORT = 20_000, 80
_END = re.compile(r"[\W\d_]{1,200}\Z")
_DEAR = "0123456789@"


def _cut(text: str, most: int) -> str:
    """The beginning of a text, without half a number or half an address at its end."""
    if len(text) <= most:
        return text
    return _END.sub("", text[:most].rpartition(" ")[0])


def _cost(text: str) -> int:
    return len(text) + 15 * sum(map(text.count, _DEAR)) if len(text) > _SHORT else len(text)


def mask_quoted(text: str, quoted: Iterable[str]) -> str:
    """The text, with only those e-mail addresses and numbers masked that also occur in one of the `quoted` texts.

    Two numbers count as the same when their last eight digits are: "0812…" is found for "+62 812…".
    """
    sources = list(quoted)
    addresses = {found.casefold() for source in sources for found in _EMAIL.findall(source)}
    numbers = {_digits(found) for source in sources for found in _NUMBER.findall(source)}

    def address(found: re.Match[str]) -> str:
        return MASK if found[0].casefold() in addresses else found[0]

    def number(found: re.Match[str]) -> str:
        digits = _digits(found[0])
        known = any(one[-_TELLING:] in digits or digits[-_TELLING:] in one for one in numbers)
        return MASK if known else found[0]

    return _NUMBER.sub(number, _EMAIL.sub(address, text))


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)

"""The words of the pages in the reader's language, for what the server itself writes; the catalogues are the pages'."""

from __future__ import annotations

import functools
import re
from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.requests import Request

from api_client.decoding import decode
from console.rules.names import languages_read

LANGUAGES = ("en", "id")
_PLACE = re.compile(r"\{(\w+)\}")
_COLON = {"en": ":", "id": "."}
"""Between hours and minutes."""


class PageTexts(msgspec.Struct, frozen=True):
    """The words of one language; `is_chosen` is whether the reader chose it, and his browser did not."""

    language: str
    is_chosen: bool = False

    def t(self, key: str, **values: str | int) -> str:
        """The words of a key, with {name} replaced."""
        return _PLACE.sub(lambda found: str(values.get(found[1], found[0])), _catalogue(self.language)[key])

    def date_time(self, when: datetime, zone: str) -> str:
        """A time as it is written in this language, by the clock of the city."""
        here = _in_zone(when, zone)
        return f"{self.date(when, zone)}, {here.hour:02}{_COLON[self.language]}{here.minute:02}"

    def date(self, when: datetime, zone: str) -> str:
        """A day as it is written in this language, by the clock of the city."""
        here = _in_zone(when, zone)
        months = self.t("months").split()
        return f"{here.day} {months[here.month - 1]} {here.year}"


def texts_for(request: Request) -> PageTexts:
    """The words for who asks: as he chose (`lang`), else the first language of his browser that there is."""
    chosen = request.query_params.get("lang", "")
    accepted = request.headers.get("accept-language", "")[:200].lower().split(",")
    wanted = [chosen, *(one.strip()[:2] for one in accepted)]
    return PageTexts(next((one for one in wanted if one in LANGUAGES), LANGUAGES[0]), chosen in LANGUAGES)


def names_wanted(request: Request) -> tuple[str, ...]:
    """The languages in which who asks reads the city's names: the one that he chose (`lang`), those of his browser, of
    which the page speaks the first that it can, and at last the page's.
    """
    read = languages_read(request.headers.get("accept-language", ""), request.query_params.get("lang", ""))
    return tuple(dict.fromkeys((*read, texts_for(request).language)))


@functools.cache
def _catalogue(language: str) -> dict[str, str]:
    path = resources.files("resources").joinpath("public", "texts", f"{language}.json")
    texts: dict[str, str] = decode(path.read_bytes(), dict[str, str])
    return texts


def _in_zone(when: datetime, zone: str) -> datetime:
    try:
        return when.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return when

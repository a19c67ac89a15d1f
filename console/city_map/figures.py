"""Read a place that is given as figures: coordinates in all spellings, a map's link, a geo: address, a Plus Code."""

from __future__ import annotations

import math
import re
from urllib.parse import unquote

import msgspec

from console.city_map.messages import LatLon
from console.city_map.plus_code import cell_of, is_plus_code, is_short

_MOST = 2_000
"""Letters of a text that are looked at: links of maps are long."""
_NUMBER = r"[-+]?\d{1,3}(?:\.\d{1,15})"
_PAIR = rf"({_NUMBER})\s*(?:,|%2C|/|\s)\s*({_NUMBER})"
_LINKS = tuple(
    re.compile(one, re.IGNORECASE)
    for one in (
        rf"!3d({_NUMBER})!4d({_NUMBER})",  # the place that is meant, where @ is only what the map showed
        rf"[?&](?:q|query|ll|daddr|destination|center|cp|sll)=(?:loc:)?{_PAIR}",
        rf"[?&]mlat=({_NUMBER})&mlon=({_NUMBER})",
        rf"/(?:place|search|dir/[^@]*)/{_PAIR}",
        rf"@{_PAIR}",
        rf"#map=\d{{1,2}}(?:\.\d+)?/{_PAIR}",
        rf"[?&#]lat=({_NUMBER})&(?:lon|lng)=({_NUMBER})",
    )
)
_GEO = re.compile(r"geo:\s*([-+]?\d{1,3}(?:\.\d+)?),([-+]?\d{1,3}(?:\.\d+)?)(?:,[-\d.]+)?(?:;.*|\?.*)?", re.IGNORECASE)
_GEO_UNSURE = re.compile(r";u=(\d{1,6}(?:\.\d+)?)", re.IGNORECASE)
_MINUS = str.maketrans(
    {"−": "-", "–": "-", "‒": "-", "º": "°", "˚": "°", "’": "'", "′": "'", "‘": "'", "”": '"', "″": '"', "“": '"'}
)
_LABELS = re.compile(
    r"\b(?:lat(?:itude)?|lon(?:gitude)?|lng|long|lintang|bujur|koordinat|coordinates?|gps)\b\s*[:=]?", re.IGNORECASE
)
_SIDES = {
    "n": (1, True), "s": (-1, True), "lu": (1, True), "ls": (-1, True), "u": (1, True),
    "e": (1, False), "w": (-1, False), "bt": (1, False), "bb": (-1, False), "o": (-1, False), "l": (1, False),
    "t": (1, False), "b": (-1, False),
}  # fmt: skip
"""How a hemisphere is written, and whether it is of a latitude: in English, Indonesian, Portuguese (O, L)."""
_SIDE = r"(?:LU|LS|BT|BB|[NSEWOLUTB])"
_ANGLE = re.compile(
    rf"(?P<before>{_SIDE})?\s*(?P<sign>[-+])?\s*(?P<degrees>\d{{1,3}}(?:[.,]\d{{1,15}})?)\s*(?:°|\bdeg\b|:)?"
    r"(?:\s*(?P<minutes>\d{1,2}(?:[.,]\d{1,12})?)\s*(?:'|\bmin\b|:)?)?"
    rf"(?:\s*(?P<seconds>\d{{1,2}}(?:[.,]\d{{1,10}})?)\s*(?:\"|''|\bsec\b)?)?\s*(?P<after>{_SIDE}\b)?",
    re.IGNORECASE,
)
_DECIMALS = re.compile(r"([-+]?\d{1,3})([.,])(\d{1,15})\s*(?:[,;/|]\s*|\s+)([-+]?\d{1,3})\2(\d{1,15})")
_CODE = re.compile(
    r"(?<![\w+])([23456789CFGHJMPQRVWX]{2,8}0{0,6}\+[23456789CFGHJMPQRVWX]{0,9})(?![\w+])", re.IGNORECASE
)
METRES_PER_DEGREE = 111_195.0


class Figures(msgspec.Struct, frozen=True):
    """A place given as figures: where, how far off it may be in metres, its name; and the words beside a short Plus
    Code, near which it is (then `place` is that of whatever reference was known).
    """

    place: LatLon
    within_m: float
    name: str
    near_words: str = ""


def read_figures(text: str, near: LatLon | None = None) -> Figures | None:
    """The place that a text gives as figures; None where it gives none.

    `near` is where the city is: figures that can be read both ways round mean the place that is nearer to it, and a
    short Plus Code is near it.
    """
    plain = text[:_MOST].translate(_MINUS).strip()
    if (found := _link(plain)) is None and (found := _code(plain, near)) is None:
        pair = _pair(plain)
        found = Figures(_the_right_way(pair, near), 0.0, "") if pair is not None else None
    if found is None or not _is_on_earth(found.place):
        return None
    return found if found.name else msgspec.structs.replace(found, name=f"{found.place[0]:.5f}, {found.place[1]:.5f}")


def short_code_in(text: str) -> tuple[str, str] | None:
    """(code, the other words) of a text with a short Plus Code: "8V62+QC Tebet"."""
    found = _CODE.search(text)
    if found is None or not is_plus_code(found[1]) or not is_short(found[1]) or found[1].replace("+", "").isdigit():
        return None
    return found[1].upper(), " ".join((text[: found.start()] + " " + text[found.end() :]).strip(" ,").split())


def _code(text: str, near: LatLon | None) -> Figures | None:
    found = _CODE.search(text)
    if found is None:
        return None
    code = found[1].upper()
    words = ""
    if (short := short_code_in(text)) is not None:
        words = short[1]
    elif not is_plus_code(code) or is_short(code):
        return None
    cell = cell_of(code, near)
    if cell is None:
        return None
    width_m = cell.width * METRES_PER_DEGREE * math.cos(math.radians(cell.middle[0]))
    within_m = math.hypot(cell.height * METRES_PER_DEGREE, width_m) / 2
    return Figures(cell.middle, within_m, code, words)


def _link(text: str) -> Figures | None:
    if (geo := _GEO.fullmatch(text)) is not None:
        unsure = _GEO_UNSURE.search(text)
        return Figures((float(geo[1]), float(geo[2])), float(unsure[1]) if unsure else 0.0, "")
    if "://" not in text and not text.startswith(("www.", "maps.")) and "@" not in text:
        return None
    for candidate in (text, unquote(text)):
        for link in _LINKS:
            if (found := link.search(candidate)) is not None:
                return Figures((float(found[1]), float(found[2])), 0.0, "")
    return None


def _pair(text: str) -> tuple[LatLon, bool] | None:
    """(The two figures of a text that consists of them, whether a hemisphere says which is the latitude)."""
    text = " ".join(_LABELS.sub(" ", text).strip("()[] .;").split())
    if (decimals := _DECIMALS.fullmatch(text)) is not None:  # also "-6,2 106,8", and "-6,2, 106,8"
        first, _, fraction, second, other = decimals.groups()
        return (float(f"{first}.{fraction}"), float(f"{second}.{other}")), False
    first_angle = _ANGLE.match(text)
    if first_angle is None:
        return None
    rest = text[first_angle.end() :].lstrip(" ,;/")
    second_angle = _ANGLE.fullmatch(rest)
    if second_angle is None:
        return None
    first, second = _degrees(first_angle), _degrees(second_angle)
    if first is None or second is None:
        return None
    (one, side_one), (two, side_two) = first, second
    if side_one is None and side_two is None:
        return ((one, two), False) if text.count("°") == 2 else None
    if side_one is side_two:
        return None
    is_first = side_one is True or side_two is False
    return ((one, two) if is_first else (two, one)), True


def _degrees(angle: re.Match[str]) -> tuple[float, bool | None] | None:
    """(Degrees, whether it is a latitude: None where no hemisphere says so)."""
    before, after = angle["before"], angle["after"]
    if before and after:
        return None
    parts = [float((angle[name] or "0").replace(",", ".")) for name in ("degrees", "minutes", "seconds")]
    if parts[1] >= 60 or parts[2] >= 60:
        return None
    value = parts[0] + parts[1] / 60 + parts[2] / 3600
    if angle["sign"] == "-":
        value = -value
    side = (before or after or "").casefold()
    if not side:
        return value, None
    sign, is_latitude = _SIDES[side]
    return sign * abs(value), is_latitude


def _the_right_way(pair: tuple[LatLon, bool], near: LatLon | None) -> LatLon:
    """Latitude first; the other way round where only that is on the Earth, or in the city."""
    (one, two), is_told = pair
    if is_told:
        return one, two
    if abs(one) > 90:
        return two, one
    if near is not None and abs(two) <= 90:
        as_said, swapped = math.dist((one, two), near), math.dist((two, one), near)
        if swapped < 2.0 < as_said:
            return two, one
    return one, two


def _is_on_earth(place: LatLon) -> bool:
    return abs(place[0]) <= 90 and abs(place[1]) <= 180

"""Plus Codes (Open Location Code): the place of a whole one, and of a short one near a known place.

After the public specification. A code is pairs of digits to the base of 20, latitude first, each pair a 20th of the
one before; from the eleventh digit on a digit is a cell of 4 by 5. Its "+" stands behind the eighth digit.
"""

from __future__ import annotations

import re

import msgspec

from console.city_map.messages import LatLon

_DIGITS = "23456789CFGHJMPQRVWX"
_PLUS_AT, _PAIR_DIGITS, _MOST_DIGITS = 8, 10, 15
_ROWS, _COLUMNS = 5, 4
_CODE = re.compile(rf"([{_DIGITS}]{{0,8}})(0{{0,6}})\+([{_DIGITS}]{{0,20}})")


class CodeCell(msgspec.Struct, frozen=True):
    """What a code stands for: all between its edges, in degrees."""

    south: float
    west: float
    height: float
    width: float

    @property
    def middle(self) -> LatLon:
        """Where it is taken to be."""
        return min(90.0, self.south + self.height / 2), self.west + self.width / 2


def is_plus_code(text: str) -> bool:
    """Whether a word is a Plus Code, whole or short, in either case."""
    found = _CODE.fullmatch(text.upper())
    if found is None:
        return False
    before, padding, after = found.groups()
    if padding:  # only a whole code says less than it has places for
        return len(before) + len(padding) == _PLUS_AT and len(before) % 2 == 0 and bool(before) and not after
    if len(after) == 1 or len(before) % 2:
        return False
    if len(before) < _PLUS_AT:
        return bool(before or after)
    # Latitudes go up to 90 degrees, longitudes to 180.
    return _DIGITS.index(before[0]) < 9 and _DIGITS.index(before[1]) < 18


def is_short(code: str) -> bool:
    """Whether a Plus Code needs a place near which it is."""
    return code.index("+") < _PLUS_AT


def cell_of(code: str, near: LatLon | None = None) -> CodeCell | None:
    """What a Plus Code stands for: of a short one the cell whose middle is the nearest to `near`.

    None for a short one without that, and for what is none.
    """
    if not is_plus_code(code):
        return None
    code = code.upper()
    if not is_short(code):
        return _whole(code)
    if near is None:
        return None
    missing = _PLUS_AT - code.index("+")
    step = 20.0 ** (2 - missing / 2)
    lat, lon = max(-90.0, min(90.0, near[0])), (near[1] + 180) % 360 - 180
    cell = _whole(_beginning(lat, lon)[:missing] + code)
    south, west = cell.south, cell.west
    middle_lat, middle_lon = south + cell.height / 2, west + cell.width / 2
    if lat + step / 2 < middle_lat and middle_lat - step >= -90:
        south -= step
    elif lat - step / 2 > middle_lat and middle_lat + step <= 90:
        south += step
    if lon + step / 2 < middle_lon:
        west -= step
    elif lon - step / 2 > middle_lon:
        west += step
    return CodeCell(south, (west + 180) % 360 - 180, cell.height, cell.width)


def _whole(code: str) -> CodeCell:
    digits = code.replace("+", "").rstrip("0")[:_MOST_DIGITS]
    south, west, step = -90.0, -180.0, 400.0
    for at in range(0, min(len(digits), _PAIR_DIGITS), 2):
        step /= 20
        south += _DIGITS.index(digits[at]) * step
        west += _DIGITS.index(digits[at + 1]) * step
    height = width = step
    for digit in digits[_PAIR_DIGITS:]:
        height, width = height / _ROWS, width / _COLUMNS
        row, column = divmod(_DIGITS.index(digit), _COLUMNS)
        south += row * height
        west += column * width
    return CodeCell(south, west, height, width)


def _beginning(lat: float, lon: float) -> str:
    """The eight digits before the "+" of a place's code."""
    units = 8000  # a degree, in steps of the tenth digit
    up = min(int((lat + 90) * units), 180 * units - 1)
    across = min(int((lon + 180) * units), 360 * units - 1)
    digits = ""
    for _ in range(_PAIR_DIGITS // 2):
        up, low = divmod(up, 20)
        across, left = divmod(across, 20)
        digits = _DIGITS[low] + _DIGITS[left] + digits
    return digits[:_PLUS_AT]

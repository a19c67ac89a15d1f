"""Which reports are asked for: the one filter of the window, its grammar as text, and its chips."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime, tzinfo
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from api_client.model import Status
from console.rules.status import BY_STATUS

T = TypeVar("T")

TABS = ("open", "unassigned", "mine", "active", "validate", "held", "closed")
ORDERS = ("urgency", "newest", "due", "priority", "area")
NONE = "none"
"""Stands for reports without a category, area, agency, unit or holder."""

_NO_OTHERS: Mapping[str, Mapping[str, Collection[str]]] = {}
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


NEAR_M = 500
"""How far around a place what is near it lies, where nothing else is said."""
MOST_RADIUS_M = 20_000


class Circle(msgspec.Struct, frozen=True):
    """All around a place: (lat, lon), metres, and the words for the place; without `place` it has to be found first."""

    place: tuple[float, float] | None
    radius_m: int = NEAR_M
    words: str = ""


class FilterError(ValueError):
    """The text is not a filter; the message is a sentence for the operator."""


class Filter(msgspec.Struct, frozen=True):
    """A set of reports. Empty tuples and None ask for nothing; values of one field are alternatives, fields add up.

    Codes are the city's own (or `none`). Ages are relative to now and `created_*` are unix seconds (from, before).
    `hour` is the first unix second of one hour of creation. `polygon` is (lat, lon) corners.
    `circle` is what lies around a place; it takes the place of any other shape. `street` are words of the address.
    `crewless` asks for those that no crew is on its way to, or at, though the work is not done, `moderation` for those
    whose words and photos wait for an official.
    `tab` and `order` say what the queue shows of it, and how; they are no chips.
    """

    tab: str = "open"
    order: str = "urgency"
    services: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    areas: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    mine: bool = False
    overdue: bool = False
    at_risk: bool = False
    crewless: bool = False
    pending: bool = False
    placeless: bool = False
    moderation: bool = False
    older_s: int | None = None
    younger_s: int | None = None
    created_after: int | None = None
    created_before: int | None = None
    hour: int | None = None
    bbox: Box | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    circle: Circle | None = None
    street: str = ""
    text: str = ""

    @classmethod
    def parse(cls, text: str, tab: str = "open", order: str = "urgency", *, zone: tzinfo) -> Filter:
        """Read `cat=water ward=3 p=1,2 is=overdue age>2d "burst pipe"`; words without a key search the texts.

        `tab` and `order` hold unless the text names others; days and times without a zone are those of `zone`, the
        city's. Raises FilterError with a sentence.
        """
        filter_ = cls(tab=tab, order=order)
        found: list[str] = []
        for token in _tokens(text):
            name, operator, value = _parted(token)
            if not operator:
                found.append(value.text)
            elif name in ("text", "find"):
                _only("=", operator, name)
                found.append(value.text)
            elif name in _DATED:
                filter_ = _DATED[name](filter_, name, operator, value, zone)
            elif name not in _READERS:
                raise FilterError(f"“{name}” is not a filter. {_KNOWN}")
            else:
                filter_ = _READERS[name](filter_, name, operator, value)
        words = " ".join(" ".join(found).split())
        return replace(filter_, text=words) if words else filter_

    def to_text(self) -> str:
        """The text that `parse` reads back as this filter."""
        parts = [f"tab={self.tab}"] if self.tab != "open" else []
        if self.order != "urgency":
            parts.append(f"order={self.order}")
        for field, key in _LISTS.items():
            if getattr(self, field):
                parts.append(f"{key}={','.join(_quoted(str(value)) for value in getattr(self, field))}")
        flags = [word for word, field in _FLAGS.items() if getattr(self, field)]
        if flags:
            parts.append(f"is={','.join(flags)}")
        if self.older_s is not None:
            parts.append(f"age>{_span(self.older_s)}")
        if self.younger_s is not None:
            parts.append(f"age<{_span(self.younger_s)}")
        if self.created_after is not None:
            parts.append(f"created>={_moment(self.created_after)}")
        if self.created_before is not None:
            parts.append(f"created<{_moment(self.created_before)}")
        if self.hour is not None:
            parts.append(f"hour={_moment(self.hour)}")
        if self.bbox is not None:
            parts.append("box=" + ",".join(repr(edge) for edge in self.bbox))
        if self.polygon:
            parts.append("shape=" + ",".join(f"{lat!r}/{lon!r}" for lat, lon in self.polygon))
        if self.circle is not None:
            parts.append(f"near={_quoted(_circle_text(self.circle))}")
        if self.street:
            parts.append(f"street={_quoted(self.street)}")
        if self.text:
            parts.append(f"text={_quoted(self.text)}")
        return " ".join(parts)

    # What the panels change

    def with_tab(self, tab: str) -> Filter:
        """The same filter under another tab."""
        return replace(self, tab=tab)

    def with_order(self, order: str) -> Filter:
        """The same filter in another order."""
        return replace(self, order=order)

    def with_text(self, text: str) -> Filter:
        """The same filter, searching the texts for these words."""
        return replace(self, text=" ".join(text.split()))

    def with_bbox(self, bbox: Box | None) -> Filter:
        """Inside this box only; takes the place of any other shape."""
        return replace(self, bbox=bbox, polygon=(), circle=None)

    def with_polygon(self, corners: Iterable[tuple[float, float]]) -> Filter:
        """Inside these (lat, lon) corners only; takes the place of any other shape."""
        return replace(self, polygon=tuple(corners), bbox=None, circle=None)

    def with_circle(self, circle: Circle | None) -> Filter:
        """Around this place only; takes the place of any other shape."""
        return replace(self, circle=circle, bbox=None, polygon=())

    def toggle_service(self, code: str) -> Filter:
        """Add a category, or take it out again."""
        return replace(self, services=_toggled(self.services, code))

    def only_service(self, code: str) -> Filter:
        """This category alone, or all again when it was alone already."""
        return replace(self, services=() if self.services == (code,) else (code,))

    def toggle_area(self, code: str) -> Filter:
        """Add an area, or take it out again."""
        return replace(self, areas=_toggled(self.areas, code))

    def toggle_hour(self, start_s: int) -> Filter:
        """Only what was created in the hour from this unix second on, or everything again."""
        hour = None if self.hour == start_s else start_s
        return replace(self, hour=hour, created_after=None, created_before=None)

    def toggle_created(self, start_s: int, end_s: int) -> Filter:
        """Only what was created from one unix second to before another, or everything again."""
        if (self.created_after, self.created_before) == (start_s, end_s):
            return replace(self, created_after=None, created_before=None)
        return replace(self, hour=None, created_after=start_s, created_before=end_s)

    def without(self, key: str) -> Filter:
        """The filter without one chip; an unknown key changes nothing."""
        return replace(self, **{field: _EMPTY[field] for field in _CHIP_FIELDS.get(key, ())})

    @property
    def narrowed(self) -> bool:
        """Whether anything but the tab narrows the set down."""
        return any(getattr(self, field) != empty for field, empty in _EMPTY.items())

    @property
    def of_any_status(self) -> bool:
        """Whether reports of every status fit, closed ones included, but for the tab."""
        return not (self.statuses or self.mine or self.overdue or self.at_risk or self.crewless)

    def of_any_time(self) -> Filter:
        """This filter without what it asks of the time of creation."""
        return replace(self, older_s=None, younger_s=None, created_after=None, created_before=None, hour=None)

    def chips(
        self, name: Callable[[str, str], str] = lambda _kind, code: code, zone: tzinfo | None = None
    ) -> list[tuple[str, str]]:
        """(key, English text) for each thing that narrows the set, in the order of the fields.

        `name(kind, code)` gives the city's words for a code (kind: service, area, agency, unit, user); `zone` is the
        city's, for clock times.
        """
        found = []
        for field, (kind, title) in _TITLES.items():
            values = getattr(self, field)
            if values:
                shown = ", ".join(f"No {title.lower()}" if code == NONE else name(kind, code) for code in values)
                found.append((field, shown if kind == "area" else f"{title} {shown}" if NONE not in values else shown))
        if self.statuses:
            labels = [BY_STATUS[Status(word)].label for word in self.statuses]
            found.insert(1 if self.services else 0, ("statuses", ", ".join(labels)))
        if self.priorities:
            found.append(("priorities", ", ".join(f"P{priority}" for priority in self.priorities)))
        found += [(field, text) for field, text in _FLAG_TEXTS.items() if getattr(self, field)]
        if self.older_s is not None or self.younger_s is not None:
            found.append(("age", _age_text(self.older_s, self.younger_s)))
        if self.created_after is not None or self.created_before is not None:
            found.append(("created", _created_text(self.created_after, self.created_before, zone)))
        if self.hour is not None:
            start = datetime.fromtimestamp(self.hour, zone or UTC)
            found.append(
                ("hour", f"Reported {start:%H:%M}–{(start.hour + 1) % 24:02d}:{start:%M}" if zone else "One hour")
            )
        if self.bbox is not None or self.polygon:
            found.append(("shape", "Inside the box" if self.bbox else "Inside the shape"))
        if self.circle is not None:
            found.append(("circle", _circle_words(self.circle)))
        if self.street:
            found.append(("street", f"Address “{self.street}”"))
        if self.text:
            found.append(("text", f"“{self.text}”"))
        return found

    def resolved(
        self, names: Mapping[str, Mapping[str, str]], others: Mapping[str, Mapping[str, Collection[str]]] = _NO_OTHERS
    ) -> Filter:
        """The filter with what the operator typed turned into the city's codes.

        `names` maps a kind (service, area, agency, unit, user) to {code: name}. A word may be the code, the name, or
        the beginning of a word of it; several fitting ones are all meant. `others` are names that are as good, such as
        those in other languages. Raises FilterError when nothing fits.
        """
        changes = {}
        for field, (kind, title) in _TITLES.items():
            if getattr(self, field) and kind in names:
                called = [(code, name) for code, name in names[kind].items()]
                called += [(code, name) for code, more in others.get(kind, {}).items() for name in more]
                codes = [code for word in getattr(self, field) for code in _codes(word, called, title)]
                changes[field] = tuple(dict.fromkeys(codes))
        return replace(self, **changes)


_TITLES: dict[str, tuple[str, str]] = {
    "services": ("service", "Category"),
    "areas": ("area", "Area"),
    "agencies": ("agency", "Agency"),
    "units": ("unit", "Unit"),
    "holders": ("user", "Holder"),
}
_LISTS = {
    "services": "cat",
    "statuses": "status",
    "priorities": "p",
    "areas": "area",
    "agencies": "agency",
    "units": "unit",
    "holders": "by",
}
_ALIASES = {
    "services": ("cat", "category", "service"),
    "areas": ("area", "ward"),
    "agencies": ("agency",),
    "units": ("unit",),
    "holders": ("by", "holder"),
}
_FLAGS = {
    "mine": "mine",
    "overdue": "overdue",
    "risk": "at_risk",
    "crewless": "crewless",
    "pending": "pending",
    "placeless": "placeless",
    "moderation": "moderation",
}
_FLAG_TEXTS = {
    "mine": "Mine",
    "overdue": "Overdue",
    "at_risk": "Due within 1 h",
    "crewless": "No crew on the way",
    "pending": "Not sent yet",
    "placeless": "Without a place",
    "moderation": "Words wait for an official",
}
_EMPTY = {field.name: field.default for field in msgspec.structs.fields(Filter) if field.name not in ("tab", "order")}
_CHIP_FIELDS: dict[str, tuple[str, ...]] = {field: (field,) for field in _EMPTY} | {
    "age": ("older_s", "younger_s"),
    "created": ("created_after", "created_before"),
    "shape": ("bbox", "polygon"),
}
FLAG_WORDS = tuple(_FLAGS)
"""What may stand behind `is=`."""
_KNOWN = (
    "Known: cat, area, near, street, status, p, agency, unit, by, is, age, created, hour, box, tab, order; "
    "other words search."
)


# Reading


class _Token:
    """A word of the text: its characters, and which of them stood in quotes."""

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.quoted: list[bool] = []

    def add(self, character: str, quoted: bool) -> None:
        self.characters.append(character)
        self.quoted.append(quoted)

    @property
    def text(self) -> str:
        return "".join(self.characters)

    def part(self, start: int, end: int | None = None) -> _Token:
        part = _Token()
        part.characters, part.quoted = self.characters[start:end], self.quoted[start:end]
        return part

    def split(self) -> list[str]:
        """The values between commas that do not stand in quotes, empty ones left out."""
        values: list[list[str]] = [[]]
        for character, quoted in zip(self.characters, self.quoted, strict=True):
            if character == "," and not quoted:
                values.append([])
            else:
                values[-1].append(character)
        return [text for value in values if (text := "".join(value).strip())]


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    token: _Token | None = None
    quoted = escaped = False
    for character in text:
        if not quoted and character.isspace():
            token = None
            continue
        if token is None:
            token = _Token()
            tokens.append(token)
        if escaped:
            token.add(character, quoted)
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        else:
            token.add(character, quoted)
    if quoted:
        raise FilterError("A quotation mark is not closed.")
    return tokens


_OF_WORDS = frozenset({"text", "find", "near", "street", "box", "shape"})
"""Conditions that hold what somebody typed or drew: a name, an address, where somebody lives."""


def without_words(text: str) -> str:
    """A filter for a log: with its categories, areas and the like; “…” where a word is searched or a place is meant."""
    try:
        parted = [_parted(token) for token in _tokens(text)]
    except FilterError:
        return "…"
    known = (_READERS.keys() | _DATED.keys()) - _OF_WORDS
    told = ["…" if not operator or name not in known | _OF_WORDS else
            f"{name}{operator}{value.text if name in known else '…'}" for name, operator, value in parted]  # fmt: skip
    return " ".join(dict.fromkeys(told))


_WITH_COLON = ("near", "street")
"""Conditions that may be written with a colon too."""


def _parted(token: _Token) -> tuple[str, str, _Token]:
    """(key, operator, value); the operator is "" for a word that is searched."""
    for at, character in enumerate(token.characters):
        if token.quoted[at]:
            break
        if character == ":" and "".join(token.characters[:at]).casefold() in _WITH_COLON:
            return "".join(token.characters[:at]).casefold(), "=", token.part(at + 1, None)
        if character in "=<>":
            double = token.characters[at + 1 : at + 2] == ["="] and character != "=" and not token.quoted[at + 1]
            operator = character + ("=" if double else "")
            name = "".join(token.characters[:at]).casefold()
            if not name.isidentifier():
                break
            return name, operator, token.part(at + len(operator))
    return "", "", token


def _only(wanted: str, operator: str, name: str) -> None:
    if operator != wanted:
        raise FilterError(f"Write {name}{wanted}…, not {name}{operator}….")


def _values(name: str, operator: str, value: _Token) -> list[str]:
    _only("=", operator, name)
    values = value.split()
    if not values:
        raise FilterError(f"Nothing stands after {name}=.")
    return values


def _read_codes(field: str) -> Callable[[Filter, str, str, _Token], Filter]:
    def read(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
        added = (*getattr(filter_, field), *_values(name, operator, value))
        return replace(filter_, **{field: tuple(dict.fromkeys(added))})

    return read


def _read_statuses(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    words = list(filter_.statuses)
    for typed in _values(name, operator, value):
        plain = typed.casefold()
        fitting = [
            rule.status.value
            for rule in BY_STATUS.values()
            if plain == rule.letter.casefold()
            or rule.status.value.startswith(plain)
            or (len(plain) > 1 and rule.label.casefold().startswith(plain))
        ]
        exact = [word for word in fitting if word == plain or plain == BY_STATUS[Status(word)].letter.casefold()]
        if not fitting:
            known = ", ".join(status.value for status in Status)
            raise FilterError(f"“{typed}” is not a status. Known: {known}.")
        words += exact or fitting
    return replace(filter_, statuses=tuple(dict.fromkeys(words)))


def _read_priorities(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    numbers = list(filter_.priorities)
    for typed in _values(name, operator, value):
        number = typed.casefold().removeprefix("p")
        if number not in ("1", "2", "3", "4"):
            raise FilterError(f"“{typed}” is not a priority. Write 1, 2, 3 or 4.")
        numbers.append(int(number))
    return replace(filter_, priorities=tuple(dict.fromkeys(numbers)))


def _read_flags(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    flags = {}
    for typed in _values(name, operator, value):
        field = _FLAGS.get(typed.casefold())
        if field is None:
            raise FilterError(f"“is={typed}” is not understood. Known: {', '.join(_FLAGS)}.")
        flags[field] = True
    return replace(filter_, **flags)


def _read_age(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    found = re.fullmatch(r"(\d{1,6})\s*(s|m|min|h|d|w)", value.text.strip().casefold())
    if found is None:
        raise FilterError(f"“{value.text}” is not an age. Write 30min, 6h, 2d or 4w.")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if operator in (">", ">="):
        return replace(filter_, older_s=seconds)
    if operator in ("<", "<="):
        return replace(filter_, younger_s=seconds)
    raise FilterError("Write age>… (older) or age<… (younger).")


def _read_created(filter_: Filter, name: str, operator: str, value: _Token, zone: tzinfo) -> Filter:
    if operator in (">", ">="):
        return replace(filter_, created_after=_unix(value.text, zone))
    if operator == "<":
        return replace(filter_, created_before=_unix(value.text, zone))
    raise FilterError("Write created>=2026-01-20 or created<2026-01-21.")


def _read_hour(filter_: Filter, name: str, operator: str, value: _Token, zone: tzinfo) -> Filter:
    _only("=", operator, name)
    return replace(filter_, hour=_unix(value.text, zone))


def _read_box(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    edges = _numbers(_values(name, operator, value), name)
    if len(edges) != 4 or edges[0] > edges[2] or edges[1] > edges[3]:
        raise FilterError("A box has four numbers: west,south,east,north in degrees.")
    return replace(filter_, bbox=(edges[0], edges[1], edges[2], edges[3]), polygon=(), circle=None)


def _read_shape(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    corners = []
    for typed in _values(name, operator, value):
        pair = _numbers(typed.split("/"), name)
        if len(pair) != 2:
            raise FilterError("A corner of a shape is lat/lon in degrees.")
        corners.append((pair[0], pair[1]))
    if len(corners) < 3:
        raise FilterError("A shape has at least three corners.")
    return replace(filter_, polygon=tuple(corners), bbox=None, circle=None)


def _read_near(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    """`near=LAT/LON/METRES/WORDS`, or words that are to be found, with a distance behind them or without."""
    _only("=", operator, name)
    text = " ".join(value.text.split())
    parts = [part.strip() for part in text.split("/", 3)]
    if len(parts) >= 2 and all(re.fullmatch(r"[-+]?\d{1,3}(\.\d+)?([eE]-?\d+)?", part) for part in parts[:2]):
        lat, lon = _numbers(parts[:2], name)
        radius_m = _metres(parts[2] if len(parts) > 2 else "")
        if abs(lat) > 90 or abs(lon) > 180 or radius_m is None:
            raise FilterError("Write near=latitude/longitude/metres.")
        return filter_.with_circle(Circle((lat, lon), radius_m, parts[3] if len(parts) > 3 else ""))
    found = re.fullmatch(r"(.+?)(?:\s*/\s*|\s+(?:within|dalam|radius)\s+)(\d+\s*k?m)", text, re.IGNORECASE)
    words, radius_m = (found[1], _metres(found[2])) if found is not None else (text, NEAR_M)
    if not words or radius_m is None:
        raise FilterError('Write near="Jl. Melati"/500m, up to 20 km.')
    return filter_.with_circle(Circle(None, radius_m, words))


def _read_street(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
    _only("=", operator, name)
    street = " ".join(value.text.split())
    if not street:
        raise FilterError(f"Nothing stands after {name}=.")
    return replace(filter_, street=street)


def _read_choice(field: str, choices: tuple[str, ...]) -> Callable[[Filter, str, str, _Token], Filter]:
    def read(filter_: Filter, name: str, operator: str, value: _Token) -> Filter:
        _only("=", operator, name)
        if value.text.casefold() not in choices:
            raise FilterError(f"“{value.text}” is no {name}. Known: {', '.join(choices)}.")
        return replace(filter_, **{field: value.text.casefold()})

    return read


_READERS: dict[str, Callable[[Filter, str, str, _Token], Filter]] = {
    **{name: _read_codes(field) for field, names in _ALIASES.items() for name in names},
    **dict.fromkeys(("st", "status"), _read_statuses),
    **dict.fromkeys(("p", "priority"), _read_priorities),
    "is": _read_flags,
    "age": _read_age,
    "box": _read_box,
    "shape": _read_shape,
    "near": _read_near,
    "street": _read_street,
    "tab": _read_choice("tab", TABS),
    "order": _read_choice("order", ORDERS),
}

_DATED: dict[str, Callable[[Filter, str, str, _Token, tzinfo], Filter]] = {"created": _read_created, "hour": _read_hour}

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_SPANS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def _numbers(texts: Iterable[str], name: str) -> list[float]:
    numbers = []
    for text in texts:
        try:
            number = float(text)
        except ValueError:
            raise FilterError(f"“{text}” in {name}= is not a number.") from None
        if not -360 <= number <= 360:
            raise FilterError(f"{text} in {name}= is not in degrees.")
        numbers.append(number)
    return numbers


def _metres(text: str) -> int | None:
    """`500`, `500m`, `2 km`; None where it is no distance, or one beyond a city."""
    found = re.fullmatch(r"(\d{1,5})\s*(k?m)?", text.casefold()) if text else None
    if found is None:
        return None if text else NEAR_M
    radius_m = int(found[1]) * (1000 if found[2] == "km" else 1)
    return radius_m if 0 < radius_m <= MOST_RADIUS_M else None


def _unix(text: str, zone: tzinfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not MINYEAR < moment.year < MAXYEAR:  # beyond them some zone cannot show it
        raise FilterError(f"“{text}” is not a date. Write 2026-01-20 or 2026-01-20T14:00.")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _codes(word: str, called: Iterable[tuple[str, str]], title: str) -> list[str]:
    plain = word.casefold()
    if plain == NONE:
        return [NONE]
    tests: tuple[Callable[[str, str], bool], ...] = (
        lambda code, _: code == word,
        lambda code, _: code.casefold() == plain,
        lambda _, name: name == plain,
        # Most names do not hold the word at all, and a city has many: they are not taken apart.
        lambda _, name: plain in name and any(part.startswith(plain) for part in (name, *name.split())),
    )
    folded = [(code, name.casefold()) for code, name in called]
    for fits in tests:
        found = dict.fromkeys(code for code, name in folded if fits(code, name))
        if found:
            return list(found)
    raise FilterError(f"No {title.lower()} is called “{word}”.")


# Writing


def _quoted(text: str) -> str:
    if text and not re.search(r'[\s",\\=<>]', text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _circle_text(circle: Circle) -> str:
    if circle.place is None:
        return f"{circle.words}/{circle.radius_m}m"
    lat, lon = circle.place
    return f"{lat!r}/{lon!r}/{circle.radius_m}" + (f"/{circle.words}" if circle.words else "")


def _circle_words(circle: Circle) -> str:
    distance = f"{circle.radius_m} m" if circle.radius_m < 1000 else f"{circle.radius_m / 1000:g} km"
    place = "{:.5f}, {:.5f}".format(*circle.place) if circle.place is not None else ""
    return f"Within {distance} of {circle.words or place}"


def _span(seconds: int) -> str:
    unit, size = next((unit, size) for unit, size in _SPANS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _moment(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _age_text(older_s: int | None, younger_s: int | None) -> str:
    parts = []
    if older_s is not None:
        parts.append(f"Older than {_spaced(older_s)}")
    if younger_s is not None:
        parts.append(f"Opened ≤ {_spaced(younger_s)}")
    return ", ".join(parts)


def _spaced(seconds: int) -> str:
    return re.sub(r"(\d+)", r"\1 ", _span(seconds))


def _created_text(after: int | None, before: int | None, zone: tzinfo | None) -> str:
    def shown(unix_s: int) -> str:
        moment = datetime.fromtimestamp(unix_s, zone or UTC)
        return f"{moment.day} {moment:%b %Y}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"

    if after is not None and before is not None:
        return f"Reported {shown(after)} to {shown(before)}"
    return f"Reported since {shown(after)}" if after is not None else f"Reported before {shown(before or 0)}"


def _toggled(values: tuple[T, ...], value: T) -> tuple[T, ...]:
    return tuple(old for old in values if old != value) if value in values else (*values, value)

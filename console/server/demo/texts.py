"""What citizens of the demo city write: Indonesian as it is typed into a telephone, no sentence twice in a while."""

from __future__ import annotations

import random
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from console.server.demo.grammar import Grammar, Matter, Pattern, grammar

MAIN, STREET, LANE = "main", "street", "lane"
"""Kinds of streets, as far as one writes differently about them."""

_FAR_APART = 150
"""So many texts lie between two that have a sentence in common, and as many of each service."""
_TRIES = 8
_DEPTHS_CM: Mapping[int, tuple[int, int]] = {1: (70, 140), 2: (40, 70), 3: (10, 35), 4: (5, 15)}
_FORMAL_CHANNELS = frozenset({"telepon", "kelurahan", "e-mail"})
_NOT_LETTERS = re.compile(r"[^a-z0-9 ]+")
_ENDS = re.compile(r"[.!?\n]+")
_TAG = re.compile(r"[#@]\w+")


class Whereabouts(msgspec.Struct, frozen=True):
    """What a text may say of its place: the street, its kind, the ward; "" for what its writer does not tell."""

    street: str = ""
    kind: str = STREET
    ward: str = ""
    number: str = ""


class TextWriter:
    """Writes texts, and remembers what was written lately so that no sentence comes twice on one screen."""

    def __init__(self) -> None:
        self._grammar = grammar()
        self._everywhere = _Memory()
        self._of_service: dict[str, _Memory] = {}
        self._cores: dict[tuple[str, int], deque[Pattern]] = {}

    def remember(self, service: str, text: str) -> None:
        """Take in a text that is there already: none of its sentences is written for a while."""
        self._keep(service, [_plain(sentence) for sentence in sentences(text)])

    def write(
        self,
        service: str,
        priority: int,
        chance: random.Random,
        at: datetime,
        place: Whereabouts,
        channel: str = "JAKI",
        depth_cm: int | None = None,
    ) -> str:
        """A report of this priority that is made `at` (the city's own time) about something at a place.

        `depth_cm` is how high water stands; without it, as high as fits the priority.
        """
        matter = self._grammar.matters[service]
        style = _style(chance, channel, priority)
        text = self._fill(service, priority, chance, at, place, depth_cm)
        core = self._core(service, matter, priority, chance, place)
        parts = [text.core(core, _since(matter, priority, at, chance))]
        if chance.random() < (0.62 if priority > 1 else 0.5):
            more = [text.sentence(patterns) for patterns in self._more(matter, priority, chance)]
            parts += [part for part in more if part is not None]
        opening = text.opening(style)
        styled = style.join(parts, opening)
        if any(map(text.is_known, map(_plain, sentences(styled)))):  # as it is typed it is like another
            parts = parts[:1]
            styled = style.join(parts, opening)
        self._keep(service, [_plain(part) for part in parts])
        self._keep(service, [_plain(part) for part in sentences(styled)])
        return styled + text.tags(channel)

    def _more(self, matter: Matter, priority: int, chance: random.Random) -> Iterable[Sequence[Pattern]]:
        """What else one says, in this order: reasons, what follows, feelings, what is asked for."""
        common, roll = self._grammar.common, chance.random
        if roll() < 0.3:
            yield matter.why
        if roll() < 0.5:
            yield matter.then
        if priority == 1:
            yield common["alarms"]
            return
        if roll() < 0.22:
            yield common["feelings"]
        if roll() < 0.5:
            yield common["alarms"] if priority == 2 and roll() < 0.5 else common["asks"]

    def _core(self, service: str, matter: Matter, priority: int, chance: random.Random, place: Whereabouts) -> Pattern:
        """What is the matter: not what was the matter just before, and nothing that is not in a lane."""
        cores = matter.cores[priority - 1]
        lately = self._cores.setdefault((service, priority), deque(maxlen=len(cores) // 2))
        fit = [one for one in cores if place.kind != LANE or not one.is_of_roads] or list(cores)
        core = chance.choice([one for one in fit if one not in lately] or fit)
        lately.append(core)
        return core

    def _fill(
        self,
        service: str,
        priority: int,
        chance: random.Random,
        at: datetime,
        place: Whereabouts,
        depth_cm: int | None,
    ) -> _Filling:
        everywhere, memory = self._everywhere, self._of_service.setdefault(service, _Memory())

        def known(plain: str) -> bool:
            return plain in everywhere or plain in memory

        least, most = _DEPTHS_CM[priority]
        cm = depth_cm if depth_cm is not None else 5 * chance.randint(least // 5, most // 5)
        return _Filling(self._grammar, service, priority, chance, at, place, cm, known)

    def _keep(self, service: str, plain: Iterable[str]) -> None:
        kept = frozenset(plain)
        self._everywhere.keep(kept)
        self._of_service.setdefault(service, _Memory()).keep(kept)


class _Memory:
    """The sentences of the last texts; a text is kept twice, as it was meant and as it was typed."""

    def __init__(self) -> None:
        self._texts: deque[frozenset[str]] = deque()
        self._counts = Counter[str]()

    def __contains__(self, sentence: str) -> bool:
        return sentence in self._counts

    def keep(self, plain: frozenset[str]) -> None:
        self._texts.append(plain)
        self._counts.update(plain)
        if len(self._texts) > 2 * _FAR_APART:
            for sentence in self._texts.popleft():
                self._counts[sentence] -= 1
                if not self._counts[sentence]:
                    del self._counts[sentence]


class _Filling:
    """One text on its way: fills patterns by what is known of the report, new ones only."""

    def __init__(
        self,
        parts: Grammar,
        service: str,
        priority: int,
        chance: random.Random,
        at: datetime,
        place: Whereabouts,
        cm: int,
        known: Callable[[str], bool],
    ) -> None:
        self._parts = parts
        self._service = service
        self._priority = priority
        self._chance = chance
        self._at = at
        self._place = place
        self._cm = cm
        self.is_known = known

    def core(self, pattern: Pattern, since: Sequence[str]) -> str:
        """What is the matter, and perhaps since when."""
        common, words = self._parts.common, ""
        for _ in range(_TRIES):
            slots = self._slots()
            words = pattern.fill(self._chance, slots)
            if since:
                when = self._chance.choice(common[self._chance.choice(since)])
                words = f"{words}, {when.fill(self._chance, slots)}"
            if not self.is_known(_plain(words)):
                break
        return words

    def sentence(self, patterns: Sequence[Pattern]) -> str | None:
        """One more sentence, None where all that could be said has been."""
        for _ in range(_TRIES):
            words = self._chance.choice(patterns).fill(self._chance, self._slots()).rstrip()
            if not self.is_known(_plain(words)):
                return words
        return None

    def opening(self, style: _Style) -> str:
        """How it begins: a greeting, or who rang up; mostly nothing."""
        common, roll = self._parts.common, self._chance.random()
        if style.is_phoned:
            return self._chance.choice(common["phoned"]).fill(self._chance, self._slots()) + " " if roll < 0.6 else ""
        if roll > (0.16 if self._priority > 1 else 0.05):
            return ""
        return self._chance.choice(common["greetings"]).fill(self._chance, self._slots()) + ", "

    def tags(self, channel: str) -> str:
        """Marks that some put after what they say."""
        likely = 0.6 if channel == "X" else 0.07
        if channel in _FORMAL_CHANNELS or self._chance.random() > likely:
            return ""
        found = self._chance.sample(self._parts.common["tags"], self._chance.randint(1, 3))
        return " " + " ".join(dict.fromkeys(tag.fill(self._chance, self._slots(closed=True)) for tag in found))

    def _slots(self, *, closed: bool = False) -> _Slots:
        return _Slots(self._parts, self._service, self._chance, self._at, self._place, self._cm, closed=closed)


class _Slots(dict[str, str]):
    """What stands in the slots of one sentence, drawn when it is asked for."""

    def __init__(
        self,
        parts: Grammar,
        service: str,
        chance: random.Random,
        at: datetime,
        place: Whereabouts,
        cm: int,
        *,
        closed: bool,
    ) -> None:
        super().__init__()
        self._parts = parts
        self._service = service
        self._chance = chance
        self._at = at
        self._place = place
        self._cm = cm
        self._closed = closed

    def __missing__(self, name: str) -> str:
        value = self[name] = self._drawn(name)
        return value

    def _drawn(self, name: str) -> str:
        chance, place = self._chance, self._place
        if (common := _LISTS.get(name)) is not None:
            return chance.choice(self._parts.common[common]).fill(chance, self)
        match name:
            case "at":
                kind = place.kind if place.street else "nowhere"
                return chance.choice(self._parts.common[kind]).fill(chance, self)
            case "spot":
                spots = "main_spots" if place.kind == MAIN else "spots"
                return chance.choice(self._parts.common[spots]).fill(chance, self)
            case "street":
                return _street_typed(place.street, chance)
            case "ward":
                return place.ward.replace(" ", "").lower() if self._closed else place.ward or "sini"
            case "number":
                return place.number or str(chance.randint(1, 60))
            case "cm":
                return str(self._cm)
            case "part":
                return next((part for cm, part in self._parts.parts if self._cm <= cm), self._parts.parts[-1][1])
            case "rt":
                within = f"/{chance.randint(1, 12):02d}" if chance.random() < 0.5 else ""
                return f"{chance.randint(1, 16):02d}{within}"
            case "rw":
                return f"{chance.randint(1, 12):02d}"
            case "n":
                return str(chance.randint(2, 6))
            case "m":
                return str(chance.choice((2, 3, 4, 5, 6, 8, 10, 12, 15, 20)))
            case "clock":
                return (self._at - timedelta(minutes=chance.randint(0, 9))).strftime("%H:%M")
            case "hour":
                return _hour_said(self._at - timedelta(minutes=chance.randint(10, 80)))
            case "daytime":
                return _daytime(self._at.hour)
            case "word":
                return self._service.replace("-", "")
            case _:
                raise KeyError(name)


_LISTS = {"man": "men", "woman": "women", "shop": "shops", "mosque": "mosques", "school": "schools"}


class _Style:
    """How somebody types."""

    def __init__(self, chance: random.Random, *, slang: float, is_shouting: bool, is_lazy: bool, typos: int) -> None:
        self._chance = chance
        self._slang = slang
        self._is_shouting = is_shouting
        self._is_lazy = is_lazy
        self._typos = typos
        self.is_phoned = False

    def join(self, parts: Sequence[str], opening: str) -> str:
        """The sentences as one text."""
        chance = self._chance
        parts = [opening + parts[0], *parts[1:]]
        if self._slang:
            parts = [self._shortened(part) for part in parts]
        if self._typos:
            parts = [_mistyped(part, chance) if chance.random() < 0.5 else part for part in parts]
        if self._is_lazy:
            return chance.choice((", ", " ", "  ", ",")).join(part.lower() for part in parts)
        parts = [part[:1].upper() + part[1:] for part in parts]
        if self._is_shouting:
            return (
                chance.choice(("! ", ". ", "!! ")).join(part.upper() for part in parts) + chance.choice("!  ").rstrip()
            )
        if not self._slang:
            return ". ".join(parts) + "."
        end = chance.choice((".", "", "", "!", "...", ".."))
        return chance.choice((". ", ". ", "... ", ".. ")).join(parts) + end

    def _shortened(self, part: str) -> str:
        words = []
        for word in part.split(" "):
            bare = word.rstrip(",.")
            short = grammar().slang.get(bare.lower())
            if short is not None and self._chance.random() < self._slang:
                words.append(self._chance.choice(short) + word[len(bare) :])
            else:
                words.append(word)
        return " ".join(words)


def _style(chance: random.Random, channel: str, priority: int) -> _Style:
    roll = chance.random()
    if channel in _FORMAL_CHANNELS:
        style = _Style(chance, slang=0.0, is_shouting=False, is_lazy=False, typos=0)
        style.is_phoned = channel == "telepon"
        return style
    if roll < (0.16 if priority == 1 else 0.03):
        return _Style(chance, slang=0.3, is_shouting=True, is_lazy=False, typos=0)
    if roll < 0.32:
        return _Style(chance, slang=0.0, is_shouting=False, is_lazy=False, typos=0)
    if roll < 0.5:
        return _Style(chance, slang=chance.choice((0.3, 0.7)), is_shouting=False, is_lazy=True, typos=1)
    return _Style(
        chance,
        slang=chance.choice((0.25, 0.5, 0.85)),
        is_shouting=False,
        is_lazy=False,
        typos=1 if chance.random() < 0.25 else 0,
    )


def _since(matter: Matter, priority: int, at: datetime, chance: random.Random) -> Sequence[str]:
    """Of which lists the time comes that is said with it; of none mostly."""
    if not matter.is_acute and priority > 2:
        return ("slow",) if chance.random() < 0.4 else ()
    if chance.random() > 0.4:
        return ()
    return ("now",) if priority <= 2 else ("acute", "acute", _part_of_day(at.hour))


def _part_of_day(hour: int) -> str:
    if 6 <= hour < 11:
        return "morning"
    if 11 <= hour < 15:
        return "midday"
    if 15 <= hour < 19:
        return "evening"
    return "night" if hour >= 20 or hour < 3 else "acute"


def _daytime(hour: int) -> str:
    if 3 <= hour < 11:
        return "pagi"
    if 11 <= hour < 15:
        return "siang"
    return "sore" if 15 <= hour < 18 else "malam"


def _hour_said(at: datetime) -> str:
    return f"{(at.hour - 1) % 12 + 1} {_daytime(at.hour)}"


def _street_typed(street: str, chance: random.Random) -> str:
    """A street's name as somebody types it, without the dots of its abbreviations."""
    name = street.replace("R.S.", "RS")
    if name.startswith("Jl. "):
        return chance.choice(("Jl ", "Jl ", "Jalan ", "Jln ", "jl ")) + name[4:].replace(".", "")
    if name.startswith("Gang "):
        return chance.choice(("Gang ", "Gg ", "gang ", "gg ")) + name[5:].replace(".", "")
    return name.replace(".", "")


def _mistyped(part: str, chance: random.Random) -> str:
    """With one slip of the thumb in a longer word."""
    words = part.split(" ")
    long_ones = [number for number, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()]
    if not long_ones:
        return part
    number = chance.choice(long_ones)
    word = words[number]
    at = chance.randrange(1, len(word) - 1)
    words[number] = chance.choice((
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    ))  # fmt: skip
    return " ".join(words)


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the marks after it."""
    return [found for part in _ENDS.split(_TAG.sub("", text)) if (found := part.strip())]


def _plain(sentence: str) -> str:
    return " ".join(_NOT_LETTERS.sub(" ", sentence.lower()).split())


def services_with_texts() -> frozenset[str]:
    """The services that somebody can write about."""
    return frozenset(grammar().matters)

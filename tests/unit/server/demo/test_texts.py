"""What the demo city's citizens write fits its service, priority and place, and does not come twice in a while."""

from __future__ import annotations

import random
import re
from collections import defaultdict, deque
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from console.server.demo.areas import ZONE
from console.server.demo.grammar import Pattern, grammar
from console.server.demo.texts import LANE, MAIN, STREET, TextWriter, Whereabouts, sentences, services_with_texts
from console.server.demo.vocabulary import HABITS

NOON = datetime(2026, 1, 20, 5, 7, tzinfo=UTC).astimezone(ZONE)
PLACES = (
    Whereabouts("Jl. Rambutan V", STREET, "Tebet Timur", "14"),
    Whereabouts("Gang Sumur 3", LANE, "Kebon Baru", "5"),
    Whereabouts("Jl. Hayam Wuruk", MAIN, "Maphar", "120"),
    Whereabouts(ward="Cawang"),
)
SCREEN = 60
LONG_SINCE = re.compile(r"\b(sudah|sejak|dari) (\d+ )?(hari|minggu|seminggu|dua minggu|bulan|sebulan|kemarin|tahun)\b")


def written(writer: TextWriter, service: str, priority: int, chance: random.Random, channel: str = "e-mail") -> str:
    """A text without slang, as it is written in an e-mail."""
    return writer.write(service, priority, chance, NOON, chance.choice(PLACES), channel)


def plain(sentence: str) -> str:
    """As two sentences look alike."""
    return " ".join(re.sub(r"[^a-z0-9 ]+", " ", sentence.lower()).split())


def test_no_sentence_comes_twice_on_a_screen_of_all_or_of_one_service() -> None:
    writer, chance = TextWriter(), random.Random(1)
    shares = [habit.share for habit in HABITS]
    everywhere: deque[set[str]] = deque(maxlen=SCREEN)
    of_service: dict[str, deque[set[str]]] = defaultdict(lambda: deque(maxlen=SCREEN))
    for _ in range(4_000):
        habit = chance.choices(HABITS, shares)[0]
        priority = chance.choices((1, 2, 3, 4), habit.priorities)[0]
        channel = chance.choice(("JAKI", "JAKI", "WhatsApp", "X", "telepon"))
        text = writer.write(habit.service.code, priority, chance, NOON, chance.choice(PLACES), channel)
        found = {plain(sentence) for sentence in sentences(text)}
        for screen in (everywhere, of_service[habit.service.code]):
            assert not [one for shown in screen for one in shown & found], text
            screen.append(found)


@pytest.mark.parametrize("service", sorted(services_with_texts()))
def test_every_part_of_the_grammar_can_be_said(service: str) -> None:
    """At each priority, at each kind of place; and it says nothing of days where the matter is urgent or just began."""
    writer, chance = TextWriter(), random.Random(2)
    matter = grammar().matters[service]
    assert len(matter.cores) == 4
    assert len(matter.cores[2]) >= 4
    for priority in (1, 2, 3, 4):
        for _ in range(150):
            text = written(writer, service, priority, chance)
            assert not re.search(r"[\[\]{}|^]|  ", text), text
            assert 12 < len(text) < 400, text
            if matter.is_acute or priority <= 2:
                began = text.partition(".")[0].lower()
                assert not LONG_SINCE.search(began), text


def test_the_parts_are_hundreds() -> None:
    parts = grammar()
    cores = {id(core) for matter in parts.matters.values() for group in matter.cores for core in group}
    more = [one for matter in parts.matters.values() for one in (*matter.why, *matter.then)]
    assert len(cores) + len(more) > 450
    assert len(parts.matters) == len(HABITS)


def test_water_stands_as_high_as_the_priority_says() -> None:
    writer, chance = TextWriter(), random.Random(3)
    depths = defaultdict(list)
    for priority in (1, 2, 3):
        for _ in range(200):
            found = re.search(r"(\d+) cm", written(writer, "banjir", priority, chance))
            if found:
                depths[priority].append(int(found[1]))
    for calmer, worse in pairwise((3, 2, 1)):
        assert max(depths[calmer]) <= min(depths[worse]), (calmer, worse)
    told = writer.write("banjir", 1, chance, NOON, PLACES[0], "e-mail", depth_cm=95)
    assert not re.search(r"(?!95 )\b\d+ cm", told)


def test_a_lane_has_no_flyover_and_a_text_names_its_own_street() -> None:
    writer, chance = TextWriter(), random.Random(4)
    named = 0
    for _ in range(300):
        text = writer.write("fasilitas-umum", 3, chance, NOON, PLACES[1], "e-mail")
        assert "eskalator" not in text.lower()
        assert "jpo" not in text.lower()
        named += "sumur 3" in text.lower()
    assert named == 300


def test_nobody_greets_in_the_morning_when_it_is_noon() -> None:
    writer, chance = TextWriter(), random.Random(5)
    texts = [writer.write("sampah", 3, chance, NOON, PLACES[0], "JAKI").lower() for _ in range(600)]
    greeted = [text for text in texts if re.match(r"(selamat|met) ", text)]
    assert greeted
    assert all(re.match(r"(selamat|met) siang", text) for text in greeted)


def test_what_is_typed_shows_how_people_type() -> None:
    writer, chance = TextWriter(), random.Random(6)
    texts = [writer.write("jalan-rusak", 3, chance, NOON, PLACES[0], "JAKI") for _ in range(500)]
    assert 0.02 < sum(text.isupper() for text in texts) / 500 < 0.1
    assert 0.1 < sum(text.islower() for text in texts) / 500 < 0.35
    assert sum(bool(re.search(r"\b(udah|sdh|udh|dah|gak|ga|tdk|yg|dpn|dr)\b", text)) for text in texts) > 60
    phoned = [writer.write("jalan-rusak", 3, chance, NOON, PLACES[0], "telepon") for _ in range(100)]
    assert not [text for text in phoned if re.search(r"\b(udah|gak|yg|dpn)\b|#", text)]


def test_a_slot_that_nobody_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        Pattern("[a {b}|{b}] d").fill(random.Random(1), {"c": ""})
    assert Pattern("[a {b}|{b}]d").fill(random.Random(1), {"b": "x"}) in {"a xd", "xd"}

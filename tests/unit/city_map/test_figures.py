"""A place that is given as figures is read in every spelling; other words with figures in them are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.city_map.figures import read_figures

JAKARTA, PORTO = (-6.2, 106.8), (41.15, -8.61)
HERE = (-6.21, 106.816389)


@pytest.mark.parametrize(
    "text",
    [
        "-6.21, 106.816389",
        "-6.21 106.816389",
        "-6,21 106,816389",
        "-6,21; 106,816389",
        "-6,21, 106,816389",
        "−6.21, 106.816389",
        "(-6.21, 106.816389)",
        "lat: -6.21 lon: 106.816389",
        "106.816389, -6.21",
        "6.21 S 106.816389 E",
        "S6.21 E106.816389",
        "106.816389 E, 6.21 S",
        "6,21 LS 106,816389 BT",
        "6°12'36\"S 106°48'59\"E",
        "6° 12′ 36″ LS, 106° 48′ 59″ BT",
        "6 12 36 S, 106 48 59 E",
        "106°48'59\"E 6°12'36\"S",
        "-6°12'36\", 106°48'59\"",
        "6°12.6'S 106°48.98334'E",
        "https://www.google.com/maps/@-6.21,106.816389,17z",
        "https://www.google.com/maps/place/X/@-6.3,106.9,17z/data=!3m1!4b1!4m6!3d-6.21!4d106.816389",
        "https://maps.google.com/?q=-6.21,106.816389",
        "https://www.google.com/maps/search/?api=1&query=-6.21%2C106.816389",
        "https://www.openstreetmap.org/?mlat=-6.21&mlon=106.816389#map=16/-6.3/106.9",
        "https://www.openstreetmap.org/#map=16/-6.21/106.816389",
        "geo:-6.21,106.816389",
        "geo:-6.21,106.816389?z=16",
    ],
)
def test_coordinates_are_read_in_every_spelling(text: str) -> None:
    found = read_figures(text, JAKARTA)
    assert found is not None
    assert found.place == pytest.approx(HERE, abs=2e-6)
    assert (found.within_m, found.name) == (0.0, "-6.21000, 106.81639")


def test_the_wrong_way_round_is_the_place_in_the_city() -> None:
    for text in ("41.15, -8.61", "-8.61, 41.15"):
        found = read_figures(text, PORTO)
        assert found is not None
        assert found.place == PORTO
    elsewhere = read_figures("12.5, 41.9", PORTO)
    assert elsewhere is not None
    assert elsewhere.place == (12.5, 41.9), "as it was said, where neither is in the city"
    told = read_figures("8.61 N 41.15 E", PORTO)
    assert told is not None
    assert told.place == (8.61, 41.15), "a hemisphere says which is which"


def test_an_address_tells_how_exact_it_is() -> None:
    found = read_figures("geo:-6.21,106.816389;u=35", JAKARTA)
    assert found is not None
    assert found.within_m == 35


@pytest.mark.parametrize(
    ("text", "words", "within_m"),
    [("6P58QRXM+2Q", "", 10), ("QRXM+2Q", "", 10), ("QRXM+2Q Tebet", "Tebet", 10), ("Tebet, qrxm+2q", "Tebet", 10),
     ("6P58QRXM+", "", 196)],
)  # fmt: skip
def test_plus_codes_are_read_with_what_stands_beside_them(text: str, words: str, within_m: float) -> None:
    found = read_figures(text, JAKARTA)
    assert found is not None
    assert found.place == pytest.approx((-6.2024, 106.8344), abs=0.002)
    assert (found.near_words, round(found.within_m)) == (words, within_m)
    assert found.name == text.upper().replace("TEBET", "").strip(" ,")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-96.2, 106.8",
        "jl melati 3",
        "melati 12 5",
        "12.5 3",
        "+62 812",
        "rt 05/03",
        "12 14",
        "6.2",
        "km 12",
        "17 8",
        "no 12-14",
        "Jl. Sudirman 45",
        "S 45 E 3 S",
        "2+3",
        "22+22",
        "mawar 3/5",
        "6 12 36 S",
        "6 72 36 S, 106 48 59 E",
        "6.2 S 106.8 S",
        "https://example.org/a-6.2",
        "8FWC2345+G",
    ],
)
def test_other_figures_are_no_place(text: str) -> None:
    assert read_figures(text, JAKARTA) is None


@given(st.text(alphabet="-6.2,106°'\" SELTBN+/@geo:QRXM", max_size=60))
def test_whatever_is_typed_breaks_nothing(text: str) -> None:
    found = read_figures(text, JAKARTA)
    assert found is None or (abs(found.place[0]) <= 90 and abs(found.place[1]) <= 180)

"""Names for the invented streets of a ward: of flowers, trees, birds, mountains, rivers, stones, or of the ward."""

from __future__ import annotations

import random
from collections import Counter

_THEMES = tuple(
    tuple(words.split())
    for words in (
        "Mawar Melati Kenanga Anggrek Cempaka Dahlia Flamboyan Teratai Bougenvil Kamboja Seruni Tanjung",
        "Mangga Rambutan Nangka Durian Jambu Sawo Manggis Belimbing Kelapa Salak Duku Kecapi",
        "Merpati Kutilang Cendrawasih Rajawali Kenari Gelatik Merak Elang Nuri Kepodang Murai Camar",
        "Akasia Cemara Beringin Mahoni Jati Waru Trembesi Angsana Ketapang Sengon Pinus Bambu",
        "Merapi Semeru Bromo Kerinci Rinjani Galunggung Salak Gede Lawu Slamet Tambora Agung",
        "Musi Mahakam Barito Kapuas Batanghari Serayu Progo Brantas Citarum Cimanuk Asahan Kampar",
        "Delima Safir Zamrud Mirah Nilam Intan Berlian Mutiara Akik Pirus Giok Kecubung",
    )
)
_LANES = ("Haji", "Masjid", "Sekolah", "Langgar", "Sumur", "Damai", "Kelor", "Arus")
_SIDES = ("Raya", "Barat", "Timur", "Utara", "Selatan", "Tengah", "Dalam", "Baru")
_ROMAN = ("", " II", " III", " IV", " V", " VI", " VII", " VIII", " IX", " X", " XI", " XII", " XIII", " XIV", " XV")
_OWN_NAME, _THEMED_LANE = 0.3, 0.7


class StreetNames:
    """Gives each street of one ward a name, and no two streets the same one."""

    def __init__(self, ward: str, chance: random.Random) -> None:
        self._ward = ward
        self._chance = chance
        self._themes = chance.sample(_THEMES, 3)
        self._given: Counter[str] = Counter()

    def name(self, kind: str, *, dead_end: bool = False) -> str:
        """A name for a street of this kind (`tertiary`, `residential` or `living_street`)."""
        if kind == "tertiary":
            return self._main_street()
        if kind == "living_street":
            return self._numbered(self._lane(dead_end), figures=True)
        if self._chance.random() < _OWN_NAME:
            return self._numbered(f"Jl. {self._ward}", figures=False)
        return self._numbered(f"Jl. {self._chance.choice(self._chance.choice(self._themes))}", figures=False)

    def _main_street(self) -> str:
        at = self._given["tertiary"]
        self._given["tertiary"] += 1
        side, round_ = _SIDES[at % len(_SIDES)], at // len(_SIDES)
        return f"Jl. {self._ward} {side}{_ROMAN[min(round_, len(_ROMAN) - 1)]}"

    def _lane(self, dead_end: bool) -> str:
        if dead_end and self._chance.random() < 0.4:
            return "Gang Buntu"
        words = self._themes[1] if self._chance.random() < _THEMED_LANE else _LANES
        return f"Gang {self._chance.choice(words)}"

    def _numbered(self, name: str, *, figures: bool) -> str:
        """The name with its number where the ward has it already; lanes count in figures, streets in Roman numerals."""
        at = self._given[name]
        self._given[name] += 1
        if not at:
            return name
        return f"{name} {at + 1}" if figures or at >= len(_ROMAN) else f"{name}{_ROMAN[at]}"

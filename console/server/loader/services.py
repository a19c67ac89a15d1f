"""Makes services out of the categories of a file that the city does not know yet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from api_client.model import Service
from console.rules.sla import USUAL_TARGETS

_GLYPH_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("fire", ("fire", "smoke", "burn", "kebakaran", "asap", "hydrant")),
    ("flood", ("flood", "banjir", "genangan", "ponding", "standing water")),
    ("drain", ("drain", "sewer", "catch basin", "saluran", "gully", "manhole", "drainase", "water leak", "hydrolog")),
    ("garbage", ("trash", "garbage", "rubbish", "dumping", "litter", "bulky", "waste", "recycl", "sanitation",
                 "sampah", "appliance", "dirty", "street cleaning", "dead animal", "rodent")),
    ("tree", ("tree", "pohon", "branch", "weed", "vegetation", "overgrown")),
    ("lamp", ("light", "streetlight", "lamp", "lampu", "pju")),
    ("parking", ("parking", "parked", "parkir", "vehicle", "driveway", "tow", "abandoned car")),
    ("traffic", ("traffic", "signal", "kemacetan", "congestion", "macet")),
    ("pavement", ("sidewalk", "pavement", "curb", "trotoar", "footway", "pedestrian")),
    ("road", ("road", "pothole", "street condition", "jalan", "asphalt", "highway")),
    ("power", ("power", "electric", "cable", "wire", "kabel", "listrik")),
    ("bed", ("hospital", "bed ", "rumah sakit", "tempat tidur", "clinic", "medical")),
)  # fmt: skip
_NOT_GLYPH = {"power": ("electronic",), "bed": ("bed bug",)}


def guess_glyph(name: str) -> str:
    """The drawing that fits a category's name best, "other" when none does."""
    text = f" {name.casefold()} "
    for glyph, words in _GLYPH_WORDS:
        if any(word in text for word in _NOT_GLYPH.get(glyph, ())):
            continue
        if any(re.search(rf"\b{re.escape(word)}", text) for word in words):
            return glyph
    return "other"


def slug(name: str) -> str:
    """A code out of a name: small letters, digits and hyphens; "" when nothing is left."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64]


class ServiceBook:
    """Finds a service by the code or name that a file uses, and makes those that are missing."""

    def __init__(self, known: Iterable[Service], also: dict[str, str] | None = None) -> None:
        self._by_word: dict[str, Service] = {}
        self._also = also or {}
        self.created: list[Service] = []
        for service in known:
            self._learn(service)
        self.began_empty = not self._by_word

    def find(self, code: str, name: str) -> Service | None:
        """The service of this code or this name, None when there is none."""
        for word in (code, name):
            if word:
                asked = word.strip().casefold()
                found = self._by_word.get(self._also.get(asked, asked).casefold())
                if found is not None:
                    return found
        return None

    def make(self, code: str, name: str) -> Service:
        """A new service for a category; its code is the file's own, or made of the name."""
        name = (name or code)[:200]
        wanted = code if code and not self._taken(code) else slug(name) or "category"
        number, unique = 2, wanted
        while self._taken(unique):
            unique, number = f"{wanted}-{number}", number + 1
        glyph = guess_glyph(name)
        service = Service(
            unique,
            name,
            group=glyph if glyph != "other" else unique,
            glyph=glyph,
            sla=dict(USUAL_TARGETS),
            keywords=name,
        )
        self._learn(service)
        self.created.append(service)
        return service

    def _taken(self, code: str) -> bool:
        found = self._by_word.get(code.casefold())
        return found is not None and found.code.casefold() == code.casefold()

    def _learn(self, service: Service) -> None:
        self._by_word.setdefault(service.name.casefold(), service)
        self._by_word[service.code.casefold()] = service

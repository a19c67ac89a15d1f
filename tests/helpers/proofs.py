"""A city whose crews prove their work with drawn photos, honest ones and forged ones, through its own edits."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from api_client.model import EditBody, Kind, Service, Unit, UnitState
from console.images.worker import make
from console.server.city.city import City
from console.server.city.records import LOCAL
from console.server.demo.pictures import Album, Forgery, Shot, jpeg
from console.server.demo.troubles import SCENES

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_NO_WORK = frozenset({"ketertiban", "kemacetan"})
"""What passes by itself: its street after it is nobody's proof."""
SERVICES = tuple(sorted(set(SCENES) - _NO_WORK))
Variant = Callable[[Image.Image], Image.Image]


def _photographed(picture: Image.Image) -> Image.Image:
    """As if somebody had taken a photo of the screen or print that shows it."""
    wide, tall = picture.size
    corners = (-8, -6, -12, tall + 10, wide + 9, tall + 4, wide + 14, -9)
    turned = picture.transform(picture.size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    return turned.filter(ImageFilter.GaussianBlur(1))


def _cropped(part: float) -> Variant:
    def crop(picture: Image.Image) -> Image.Image:
        wide, tall = picture.size
        return picture.crop((int(wide * part), int(tall * part), int(wide * (1 - part)), int(tall * (1 - part))))

    return crop


VARIANTS: dict[str, tuple[int, Variant]] = {
    "packed again, quality 85": (85, lambda picture: picture),
    "packed again, quality 50": (50, lambda picture: picture),
    "half the size": (75, lambda picture: picture.resize((picture.width // 2, picture.height // 2))),
    "grey": (85, lambda picture: picture.convert("L").convert("RGB")),
    "darkened to 60 %": (85, lambda picture: ImageEnhance.Brightness(picture).enhance(0.6)),
    "brightened to 130 %": (85, lambda picture: ImageEnhance.Brightness(picture).enhance(1.3)),
    "cropped by 1 % a side": (85, _cropped(0.01)),
    "cropped by 2.5 % a side": (85, _cropped(0.025)),
    "cropped by 5 % a side": (85, _cropped(0.05)),
    "cropped by 10 % a side": (85, _cropped(0.1)),
    "turned by 2 degrees": (85, lambda picture: picture.rotate(2)),
    "mirrored": (85, ImageOps.mirror),
    "a photo of a photo": (70, _photographed),
}
"""What somebody may do to a picture before he sends it again, and the quality of the JPEG that it becomes."""


def changed(content: bytes, variant: str) -> bytes:
    """The file of a picture to which this was done."""
    quality, change = VARIANTS[variant]
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        change(picture.convert("RGB")).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


class ProofTrial:
    """One city in a folder; every report has a complaint's photo and a crew that sends a proof."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.now = START
        self.city = City(f"sqlite:///{folder / 'city.db'}", clock=self._tick, name="Proofs", ticks=lambda: 0.0)
        self.city.create_schema()
        self.city.put_services([Service(code, code, priority=3, agency="a") for code in SERVICES])
        self.city.put_units([Unit("u", "U", UnitState.AVAILABLE, START)])
        self._chance = random.Random(seed)
        self._seed, self._edits = seed, 0
        self._media = folder / "media"
        self._album = Album(self._media, seed)

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=10)
        return self.now

    def proofs(self, count: int, forged: float) -> Iterator[tuple[str, Forgery | None, frozenset[str]]]:
        """So many reports from complaint to proof: the report, what was wrong with its proof, the flags that it got."""
        yield self.prove(None)  # there is no older proof before it
        for _ in range(count - 1):
            yield self.prove(self._chance.choice(tuple(Forgery)) if self._chance.random() < forged else None)

    def prove(self, forgery: Forgery | None) -> tuple[str, Forgery | None, frozenset[str]]:
        """One of them."""
        chance = self._chance
        lat, lon = chance.uniform(-6.3, -6.1), chance.uniform(106.7, 106.9)
        service = chance.choice(SERVICES)
        report = self._do(Kind.CREATE, None, service=service, description="x", lat=lat, lon=lon)
        complaint = Shot(service, report, at=self.now, lat=lat, lon=lon)
        self._photo(report, "report", jpeg(complaint, self._seed))
        self.now += timedelta(minutes=chance.uniform(3, 300))
        self._do(Kind.DISPATCH, report, unit="u")
        self._do(Kind.PROGRESS, report, unit="u", state="on_scene")
        self.now += timedelta(minutes=chance.uniform(10, 240))
        shot = Shot(service, report, True, 0, self.now - timedelta(seconds=20), lat + chance.uniform(-1, 1) * 8e-4, lon)
        content, told = self._taken(shot, complaint, forgery)
        sha256 = self._photo(report, "after", content, told)
        self._do(Kind.PROGRESS, report, unit="u", state="done")
        flags = next(photo.flags for photo in self.city.report(report).photos if photo.sha256 == sha256)
        return report, forgery, frozenset(flag.kind for flag in flags)

    def send(self, report: str, content: bytes) -> frozenset[str]:
        """A proof of just this file, sent as if it had been taken now at the report; the flags that it got."""
        there = self.city.report(report)
        told = Shot("", "", at=self.now, lat=there.lat, lon=there.lon)
        sha256 = self._photo(report, "after", content, told)
        flags = next(photo.flags for photo in self.city.report(report).photos if photo.sha256 == sha256)
        return frozenset(flag.kind for flag in flags)

    def open_report(self) -> tuple[str, bytes]:
        """A report with a complaint's photo, and that photo's file."""
        lat, lon, service = self._chance.uniform(-6.3, -6.1), 106.8, self._chance.choice(SERVICES)
        report = self._do(Kind.CREATE, None, service=service, description="x", lat=lat, lon=lon)
        content = jpeg(Shot(service, report, at=self.now, lat=lat, lon=lon), self._seed)
        self._photo(report, "report", content)
        self.now += timedelta(minutes=9)
        return report, content

    def _taken(self, shot: Shot, complaint: Shot, forgery: Forgery | None) -> tuple[bytes, Shot]:
        self._album.take(complaint)
        if forgery is None:
            photo, told = self._album.honest(shot), shot
        else:
            photo, told = self._album.forged(shot, forgery)
        return (self._media / photo.sha256).read_bytes(), told

    def _photo(self, report: str, role: str, content: bytes, told: Shot | None = None) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.city.keep_photo_facts(sha256, make(content, 1280))
        said = {} if told is None else {"taken": told.at, "lat": told.lat, "lon": told.lon}
        data = {"sha256": sha256, "role": role, "size": len(content), **said}
        self._do(Kind.PHOTO, report, **msgspec.to_builtins(data))
        return sha256

    def _do(self, kind: Kind, report: str | None, **data: object) -> str:
        self._edits += 1
        edit = EditBody(f"e{self._edits}", kind, data=data)
        made = self.city.apply(edit, report=report, actor=LOCAL).answer.report
        assert made is not None
        return made.id

"""The photos of the demo city, drawn when they are asked for: the same place before and after, as a telephone takes it.

The same seed, service, key and hour give the same photo, to the byte.
"""

from __future__ import annotations

import functools
import hashlib
import io
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from PIL import Image, ImageChops, ImageDraw, ImageFilter, TiffImagePlugin

from console.images.perceptual_hash import perceptual_hash
from console.images.worker import Made
from console.server.demo.areas import ZONE
from console.server.demo.street_view import HEIGHT, SCALE, WIDTH, Light, StreetView
from console.server.demo.troubles import INDOORS, SCENES, WET

_DAY, _DUSK = range(6, 17), (5, 17, 18)
_VARIANTS, _STOCK_HOURS = 2, (11, 21)
_PHONES = (("Sigap", "Demo Phone 5"), ("Sigap", "Demo Phone 7"), ("Sigap", "Demo Crew Phone"))
_GRAIN_PX = 160
_REMEMBERED, _ONE_FORGED_OF = 40, 30
_UNDRAWN_BYTES = 60_000
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_BEGIN, _EXIF_BEGINS = b"\xff\xd8", b"\xff\xe1"
"""How a JPEG file begins, and what stands before its Exif data, which follow at once."""
_MAKE, _MODEL, _CHANGED, _TAKEN, _ZONE_TAG = 0x010F, 0x0110, 0x0132, 0x9003, 0x9011


_EXPOSED = [min(255, int(255 * (value / 255 * 1.13) ** 0.88)) for value in range(256)] * 3
"""What a telephone makes of the light that falls in: brighter, with more to see where it is dark."""


class DemoPhoto(msgspec.Struct, frozen=True):
    """A drawn photo: its file's name and size."""

    sha256: str
    size: int


class Shot(msgspec.Struct, frozen=True):
    """What a photo shows, and which: `key` names the place, `number` counts the photos taken there.

    `at` is when it was taken (aware), and `lat` and `lon` where; a photo without them bears no time or place.
    """

    service: str
    key: str
    done: bool = False
    number: int = 0
    at: datetime | None = None
    lat: float | None = None
    lon: float | None = None
    hour: int = 12
    in_rain: bool = False
    """Whether it pours there now, whatever the photo is of."""


class Forgery(Enum):
    """What is wrong with a proof that shows no work."""

    COMPLAINT = "the complaint's picture, sent as if the work were done"
    OLD_PROOF = "the picture of an older proof"
    ELSEWHERE = "taken elsewhere"
    EARLIER = "taken before anything was reported"
    BARE = "without time and place"


class Album:
    """Draws photos into `media`, each as a file named by its SHA-256. With None nothing is drawn: each photo has a name
    of its own, as the history needs, and nobody can ask for its file.

    `on_photo` is told what a photo's file says of itself when it is drawn, as a server finds in one that is sent.
    `kept` gives a drawing by its name, and draws it only where it is not there yet; None draws each anew.
    """

    def __init__(
        self,
        media: Path | None,
        seed: int,
        on_photo: Callable[[str, Made], object] | None = None,
        kept: Callable[[str, Callable[[], bytes]], bytes] | None = None,
    ) -> None:
        self._media, self._seed, self._on_photo = media, seed, on_photo
        self._kept_file = kept or (lambda _name, draw: draw())
        self._proofs: deque[Shot] = deque(maxlen=_REMEMBERED)
        self._complaints: dict[tuple[str, str], Shot] = {}
        self._stock: dict[Shot, DemoPhoto] = {}
        if media is not None:
            media.mkdir(parents=True, exist_ok=True)

    def take(self, shot: Shot) -> DemoPhoto:
        """Draw this photo, or take the drawing that is kept and let it bear the photo's time and place."""
        return self._kept(lambda: _bearing(self._drawing(shot), shot), shot)

    def _drawing(self, shot: Shot) -> bytes:
        name = f"{self._seed}/{shot.service}/{shot.key}/{shot.number}/{shot.done}/{_light(shot).value}/{shot.in_rain}"
        return self._kept_file(name, lambda: _drawing(shot, self._seed))

    def proof(self, shot: Shot) -> tuple[DemoPhoto, Shot]:
        """A crew's photo of its work, and the time and place that it bears: of some few the crew has done no work."""
        roll = int.from_bytes(hashlib.sha256(f"{self._seed}/{shot.key}/{shot.number}".encode()).digest()[:4])
        if roll % _ONE_FORGED_OF == 0:
            kinds = tuple(Forgery)
            return self.forged(shot, kinds[roll // _ONE_FORGED_OF % len(kinds)])
        return self.honest(shot), shot

    def honest(self, shot: Shot) -> DemoPhoto:
        """A photo of work that was done."""
        self._proofs.append(shot)
        return self.take(shot)

    def forged(self, shot: Shot, forgery: Forgery) -> tuple[DemoPhoto, Shot]:
        """A proof that shows no work, in place of this one, and the time and place that it bears."""
        at, lat, lon = shot.at, shot.lat, shot.lon
        if at is None or lat is None or lon is None:
            return self.take(shot), shot
        complaint = self._complaints.get((shot.service, shot.key))
        match forgery:
            case Forgery.COMPLAINT if complaint is not None:
                return self._kept(lambda: packed_again(complaint, shot, self._seed), shot), shot
            case Forgery.OLD_PROOF if self._proofs:
                older = self._proofs[-1]
                return self._kept(lambda: packed_again(older, shot, self._seed), shot), shot
            case Forgery.EARLIER:
                shot = replace(shot, at=at - timedelta(days=6, hours=5))
            case Forgery.BARE:
                shot = replace(shot, at=None, lat=None, lon=None, hour=at.astimezone(ZONE).hour)
            case _:  # also where there is no complaint's photo, or no older proof
                shot = replace(shot, lat=lat + 0.0203, lon=lon - 0.0171)
        return self.take(shot), shot

    def stock(self, shot: Shot) -> DemoPhoto:
        """One of few photos of such a matter, by day or at night: a past of tens of thousands of reports needs no more.

        What the work changed is shown at a place that the photo before it may have shown.
        """
        hour = shot.at.astimezone(ZONE).hour if shot.at is not None else shot.hour
        hour = _STOCK_HOURS[hour not in _DAY and shot.service not in INDOORS]
        variants = 1 if shot.done or hour == _STOCK_HOURS[1] else _VARIANTS
        place = int.from_bytes(hashlib.sha256(shot.key.encode()).digest()[:4]) % variants
        few = Shot(shot.service, f"stock {place}", shot.done, hour=hour)
        if few not in self._stock:
            self._stock[few] = self.take(few)
        return self._stock[few]

    def _kept(self, draw: Callable[[], bytes], shot: Shot) -> DemoPhoto:
        if not shot.done and shot.number == 0:
            self._complaints[shot.service, shot.key] = shot
        if self._media is None:
            return DemoPhoto(hashlib.sha256(f"{self._seed}/{shot}".encode()).hexdigest(), _UNDRAWN_BYTES)
        data = draw()
        name = hashlib.sha256(data).hexdigest()
        path = self._media / name
        if not path.exists():
            path.write_bytes(data)
            path.chmod(0o600)
        if self._on_photo is not None:
            with Image.open(io.BytesIO(data)) as picture:
                made = Made(picture_hash=perceptual_hash(picture), taken_at=shot.at, lat=shot.lat, lon=shot.lon)
            self._on_photo(name, made)
        return DemoPhoto(name, len(data))


def packed_again(shown: Shot, told: Shot, seed: int) -> bytes:
    """The picture of one photo in a file that bears the time and place of another."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(jpeg(shown, seed))) as picture:
        picture.save(buffer, "JPEG", quality=68, exif=_exif(told, random.Random(told.key)))  # noqa: S311
    return buffer.getvalue()


def jpeg(shot: Shot, seed: int) -> bytes:
    """The file of a photo, with the time and place that it was taken at as telephones write them."""
    return _bearing(_drawing(shot, seed), shot)


def place_name(report: str, lat: float | None, lon: float | None) -> str:
    """The key of photos that are taken at a report: its place, so that a city made anew has the same ones there."""
    return report if lat is None or lon is None else f"{lat:.6f} {lon:.6f}"


def _light(shot: Shot) -> Light:
    hour = shot.at.astimezone(ZONE).hour if shot.at is not None else shot.hour
    return Light.DAY if hour in _DAY else Light.DUSK if hour in _DUSK else Light.NIGHT


def _bearing(drawing: bytes, shot: Shot) -> bytes:
    """The file with a photo's time and place, and the telephone's name, in it."""
    exif = _exif(shot, random.Random(f"{shot.key}/{shot.number}")).tobytes()  # noqa: S311
    return drawing[: len(_BEGIN)] + _EXIF_BEGINS + (len(exif) + 2).to_bytes(2, "big") + exif + drawing[len(_BEGIN) :]


def _drawing(shot: Shot, seed: int) -> bytes:
    place, light = f"{seed}/{shot.service}/{shot.key}", _light(shot)
    chance, detail = random.Random(place), random.Random(f"{place}/{shot.number}/{shot.done}/{light.value}")  # noqa: S311
    wet = shot.service not in INDOORS and chance.random() < (0.75 if shot.service in WET else 0.12)
    wet = wet or (shot.in_rain and shot.service not in INDOORS)
    view = StreetView(chance, detail, light, wet=wet and not shot.done, number=shot.number)
    SCENES[shot.service](view, shot.done)
    image = _developed(view, indoors=shot.service in INDOORS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=detail.randint(74, 84))
    return buffer.getvalue()


def _developed(view: StreetView, *, indoors: bool) -> Image.Image:
    """The photo of a view: smooth edges, the light of its hour, rain, dust of the air, the noise of a small sensor."""
    image = view.image.reduce(SCALE)
    detail = view.detail
    light = Light.DAY if indoors else view.light
    if view.wet:
        image = _shining_ground(image, view)
    if light is not Light.DAY:
        image = _lit(image, view, light)
    image = ImageChops.multiply(image.point(_EXPOSED), _shade(detail.randrange(4)))
    if view.rain:
        image = _rainy(image, detail)
    image = _noisy(image, detail, light)
    if detail.random() < 0.35:
        image = image.filter(ImageFilter.BoxBlur(0.6))
    return image


def _shining_ground(image: Image.Image, view: StreetView) -> Image.Image:
    """A wet road mirrors what stands behind it."""
    edge = int(view.vanish[1] / SCALE)
    tall = min(edge, HEIGHT - edge)
    strip = image.crop((0, edge - tall, WIDTH, edge)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    strip = strip.resize((WIDTH, 14)).resize((WIDTH, HEIGHT - edge))
    below = image.crop((0, edge, WIDTH, HEIGHT))
    image.paste(Image.blend(below, strip, 0.24), (0, edge))
    return image


def _lit(image: Image.Image, view: StreetView, light: Light) -> Image.Image:
    """By dusk and at night: little light, that of lamps and fires, and the telephone's flash."""
    around = (236, 190, 158) if light is Light.DUSK else (84, 88, 112)
    glow = view.glow.filter(ImageFilter.GaussianBlur(5))
    lamps = Image.new("RGB", glow.size, around)
    if light is Light.NIGHT:
        flash = Image.new("RGB", glow.size)
        wide, tall = glow.size
        ImageDraw.Draw(flash).ellipse((wide * 0.02, tall * 0.3, wide * 0.98, tall * 1.3), fill=(112, 110, 104))
        lamps = ImageChops.add(lamps, flash.filter(ImageFilter.GaussianBlur(14)))
    lamps = ImageChops.add(lamps, glow).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    image = ImageChops.multiply(image, lamps)
    if glow.getbbox() is None:
        return image
    halo = glow.point([value * 2 // 5 for value in range(256)] * 3).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    return ImageChops.add(image, halo)


def _rainy(image: Image.Image, detail: random.Random) -> Image.Image:
    grey = Image.new("RGB", image.size, (150, 156, 160))
    image = Image.blend(image, grey, 0.14)
    streaks = Image.new("L", image.size)
    draw, lean = ImageDraw.Draw(streaks), detail.randint(-10, 10)
    for _ in range(260):
        x, y, long = detail.randint(0, WIDTH), detail.randint(-20, HEIGHT), detail.randint(14, 40)
        draw.line((x, y, x + lean * long // 40, y + long), fill=detail.randint(40, 110))
    image.paste((214, 220, 226), mask=streaks)
    return image


@functools.cache
def _shade(number: int) -> Image.Image:
    """Darker corners, and the unevenness of light on walls and asphalt."""
    random_numbers = np.random.default_rng(number)
    y, x = np.ogrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    far = (x * x + y * y).astype(np.float32)
    grey = 255 - 15 * far * np.sqrt(far)
    for cells, depth in ((5, 18), (30, 12), (110, 14)):
        small = Image.fromarray(random_numbers.integers(0, 256, (cells, cells * 4 // 3), dtype=np.uint8))
        grey -= np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32) * depth / 255
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")


@functools.cache
def _grain(light: Light) -> Image.Image:
    """Noise around the middle grey, larger than a photo, of which each takes a piece; more where it is dark."""
    if light is Light.NIGHT:
        shape = (HEIGHT + _GRAIN_PX, WIDTH + _GRAIN_PX, 3)
        noise = np.random.default_rng(7).standard_normal(shape, dtype=np.float32)
        noise = 128 + 12 * (noise * 0.45 + noise[:, :, :1] * 0.55)
        return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    part = 0.4 if light is Light.DAY else 0.65
    return _grain(Light.NIGHT).point([int(128 + (value - 128) * part) for value in range(256)] * 3)


def _noisy(image: Image.Image, detail: random.Random, light: Light) -> Image.Image:
    x, y = detail.randrange(_GRAIN_PX), detail.randrange(_GRAIN_PX)
    return ImageChops.add(image, _grain(light).crop((x, y, x + WIDTH, y + HEIGHT)), 1.0, -128)


def _exif(shot: Shot, detail: random.Random) -> Image.Exif:
    exif = Image.Exif()
    if shot.at is not None:
        exif[_MAKE], exif[_MODEL] = detail.choice(_PHONES)
        local = shot.at.astimezone(ZONE)
        exif[_CHANGED] = f"{local:%Y:%m:%d %H:%M:%S}"
        exif.get_ifd(_EXIF_IFD).update({_TAKEN: f"{local:%Y:%m:%d %H:%M:%S}", _ZONE_TAG: "+07:00"})
    if shot.lat is not None and shot.lon is not None:
        north, east = ("N" if shot.lat >= 0 else "S"), ("E" if shot.lon >= 0 else "W")
        exif.get_ifd(_GPS_IFD).update({1: north, 2: _degrees(shot.lat), 3: east, 4: _degrees(shot.lon)})
    return exif


def _degrees(value: float) -> tuple[TiffImagePlugin.IFDRational, ...]:
    """Degrees, minutes and hundredths of seconds of an arc."""
    hundredths = round(abs(value) * 360_000)
    rational = TiffImagePlugin.IFDRational
    return (rational(hundredths // 360_000), rational(hundredths // 6000 % 60), rational(hundredths % 6000, 100))

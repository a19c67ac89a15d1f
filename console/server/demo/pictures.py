"""Draws the photos of the demo city: simple street scenes before and after the work, as small JPEG files."""

from __future__ import annotations

import functools
import hashlib
import io
import random
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw

_CANVAS = (641, 425)
_ROAD = 300
"""Where the street begins (pixels from above)."""

SCENES = (
    "flood",
    "drain",
    "road",
    "garbage",
    "tree",
    "lamp",
    "parking",
    "traffic",
    "power",
    "fire",
    "pavement",
    "other",
)
"""One scene for each glyph that a service may have; "bed" shows the scene of "other"."""

_WALLS = ((142, 132, 118), (122, 128, 132), (168, 150, 126), (110, 118, 108), (150, 140, 146), (128, 112, 100))
_ROOFS = ((122, 62, 48), (142, 76, 54), (104, 58, 52), (92, 84, 82))


class DemoPhoto(msgspec.Struct, frozen=True):
    """A drawn photo: its file's name and size."""

    sha256: str
    size: int


class Album(msgspec.Struct, frozen=True):
    """The photos by scene: before and after the work."""

    before: dict[str, DemoPhoto]
    after: dict[str, DemoPhoto]


def draw_album(media: Path | None, seed: int) -> Album:
    """Draw all scenes; the files go into `media`, named by their SHA-256, unless it is None."""
    before: dict[str, DemoPhoto] = {}
    after: dict[str, DemoPhoto] = {}
    for number, scene in enumerate(SCENES):
        for album, done in ((before, False), (after, True)):
            album[scene] = _kept(_jpeg(scene, done=done, seed=seed * 1000 + number), media)
    before["bed"], after["bed"] = before["other"], after["other"]
    return Album(before, after)


@functools.cache  # the city's past needs them, and what arrives later again
def _jpeg(scene: str, *, done: bool, seed: int) -> bytes:
    buffer = io.BytesIO()
    _draw(scene, done=done, chance=random.Random(seed)).save(buffer, "JPEG", quality=72)  # noqa: S311
    return buffer.getvalue()


def _kept(data: bytes, media: Path | None) -> DemoPhoto:
    name = hashlib.sha256(data).hexdigest()
    if media is not None:
        media.mkdir(parents=True, exist_ok=True)
        path = media / name
        if not path.exists():
            path.write_bytes(data)
            path.chmod(0o600)
    return DemoPhoto(name, len(data))


def _draw(scene: str, *, done: bool, chance: random.Random) -> Image.Image:
    night = scene in ("lamp", "fire")
    image = Image.new("RGB", _CANVAS, (38, 44, 58) if night else (150, 166, 178) if not done else (168, 186, 200))
    draw = ImageDraw.Draw(image)
    _houses(draw, chance, night=night)
    asphalt = (44, 46, 50) if night else (92, 94, 96)
    draw.rectangle((0, _ROAD, 640, 424), fill=asphalt)
    draw.polygon(((0, _ROAD - 14), (640, _ROAD - 14), (640, _ROAD + 6), (0, _ROAD + 6)), fill=(122, 120, 114))
    for x in range(20, 640, 120):
        draw.polygon(((x, 366), (x + 60, 366), (x + 54, 372), (x - 8, 372)), fill=(176, 172, 150))
    _MATTERS[scene](draw, chance, done)
    return _soft(image)


def _soft(image: Image.Image) -> Image.Image:
    """Without hard edges: each pixel the mean of two neighbours, for a sixth of what a blur takes."""
    right, bottom = image.size
    return Image.blend(image.crop((0, 0, right - 1, bottom - 1)), image.crop((1, 1, right, bottom)), 0.5)


def _houses(draw: ImageDraw.ImageDraw, chance: random.Random, *, night: bool) -> None:
    x = -20
    while x < 640:
        width, height = chance.randint(90, 150), chance.randint(90, 170)
        top = _ROAD - 14 - height
        wall, roof = chance.choice(_WALLS), chance.choice(_ROOFS)
        if night:
            wall = (wall[0] // 3, wall[1] // 3, wall[2] // 3)
            roof = (roof[0] // 3, roof[1] // 3, roof[2] // 3)
        draw.rectangle((x, top, x + width, _ROAD - 14), fill=wall)
        draw.polygon(((x - 8, top), (x + width + 8, top), (x + width - 20, top - 34), (x + 20, top - 34)), fill=roof)
        lit = (210, 186, 110) if night and chance.random() < 0.4 else (52, 60, 68)
        for window in range(x + 14, x + width - 24, 34):
            draw.rectangle((window, top + 18, window + 18, top + 42), fill=lit)
        draw.rectangle((x + width // 2 - 12, _ROAD - 64, x + width // 2 + 12, _ROAD - 14), fill=(70, 54, 44))
        x += width + chance.randint(-4, 14)


def _flood(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        draw.rectangle((0, 318, 640, 326), fill=(110, 104, 92))
        return
    draw.rectangle((0, 250, 640, 424), fill=(112, 104, 84))
    for _ in range(60):
        x, y = chance.randint(0, 620), chance.randint(256, 420)
        draw.line((x, y, x + chance.randint(14, 60), y), fill=(146, 138, 116), width=2)


def _drain(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    draw.polygon(((180, 424), (460, 424), (390, _ROAD + 6), (300, _ROAD + 6)), fill=(64, 62, 58))
    inside = (74, 92, 96) if done else (84, 76, 58)
    draw.polygon(((210, 424), (430, 424), (376, _ROAD + 20), (314, _ROAD + 20)), fill=inside)
    if not done:
        _heap(draw, chance, 240, 400, 350, 420)


def _road(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        draw.polygon(((200, 330), (470, 330), (520, 412), (150, 412)), fill=(58, 60, 62))
        return
    for _ in range(4):
        x, y, r = chance.randint(140, 480), chance.randint(330, 396), chance.randint(26, 60)
        draw.ellipse((x - r, y - r // 3, x + r, y + r // 3), fill=(54, 50, 46), outline=(128, 122, 112))


def _garbage(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if not done:
        _heap(draw, chance, 120, 420, 250, 330)


def _heap(draw: ImageDraw.ImageDraw, chance: random.Random, west: int, east: int, north: int, south: int) -> None:
    colours = ((44, 44, 48), (170, 168, 160), (52, 88, 120), (150, 60, 52), (88, 110, 70), (196, 180, 120))
    for _ in range(70):
        x, r = chance.randint(west, east), chance.randint(6, 20)
        y = int(south - (south - north) * chance.random() * (1 - abs(2 * (x - west) / (east - west) - 1)))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=chance.choice(colours))


def _tree(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        draw.rectangle((300, 270, 322, _ROAD), fill=(92, 70, 50))
        draw.ellipse((296, 262, 326, 276), fill=(170, 140, 100))
        return
    draw.polygon(((90, 300), (100, 282), (520, 366), (512, 386)), fill=(84, 64, 46))
    for _ in range(70):
        x, y, r = chance.randint(360, 600), chance.randint(310, 410), chance.randint(10, 28)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(46, 80 + chance.randint(0, 40), 44))


def _lamp(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    for x in (130, 330, 530):
        draw.line((x, _ROAD, x, 120), fill=(96, 98, 102), width=7)
        draw.line((x, 122, x + 50, 112), fill=(96, 98, 102), width=6)
        if done or (x == 530 and chance.random() < 0.5):
            draw.polygon(((x + 44, 118), (x + 60, 118), (x + 110, 400), (x - 20, 400)), fill=(96, 88, 60))
            draw.ellipse((x + 40, 106, x + 64, 124), fill=(250, 232, 170))


def _parking(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        return
    for x in (60, 240, 420):
        _car(draw, x, 296, chance)


def _traffic(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    for y in (300, 348) if not done else (348,):
        for x in range(10, 600, 150 if not done else 320):
            _car(draw, x + chance.randint(0, 14), y, chance)


def _car(draw: ImageDraw.ImageDraw, x: int, y: int, chance: random.Random) -> None:
    colour = chance.choice(((150, 40, 40), (190, 192, 196), (44, 48, 56), (54, 84, 130), (214, 200, 160)))
    draw.rounded_rectangle((x, y, x + 130, y + 42), 12, fill=colour)
    draw.polygon(((x + 22, y), (x + 40, y - 26), (x + 92, y - 26), (x + 110, y)), fill=colour)
    draw.polygon(((x + 32, y - 2), (x + 44, y - 21), (x + 88, y - 21), (x + 100, y - 2)), fill=(60, 76, 90))
    for wheel in (x + 28, x + 102):
        draw.ellipse((wheel - 13, y + 28, wheel + 13, y + 54), fill=(24, 24, 26))


def _power(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    draw.line((200, _ROAD, 200, 70), fill=(104, 100, 96), width=10)
    draw.line((150, 90, 250, 90), fill=(104, 100, 96), width=8)
    for y in (92, 104, 116):
        draw.line((0, y - 20, 200, y, 640, y - 10), fill=(30, 30, 32), width=3)
    if not done:
        draw.line((200, 92, 330, 200, 420, 372), fill=(20, 20, 22), width=4)
        for _ in range(6):
            x, y = 420 + chance.randint(-20, 20), 372 + chance.randint(-14, 14)
            draw.line((420, 372, x, y), fill=(250, 226, 120), width=3)


def _fire(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        draw.rectangle((250, 190, 400, 286), fill=(20, 18, 18))
        return
    for _ in range(50):
        x, r = chance.randint(250, 400), chance.randint(10, 30)
        y = chance.randint(150, 286)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(200 + chance.randint(0, 50), chance.randint(70, 170), 40))
    for _ in range(30):
        x, y, r = chance.randint(230, 420), chance.randint(0, 150), chance.randint(20, 50)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(52, 50, 52))


def _pavement(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    for row, y in enumerate(range(290, 400, 22)):
        for x in range(-20 + row * 12, 640, 64):
            sunk = 0 if done else chance.choice((0, 0, 3, 8))
            draw.rectangle((x, y + sunk, x + 60, y + 18 + sunk), fill=(150 - sunk * 6, 140 - sunk * 6, 126 - sunk * 6))


def _other(draw: ImageDraw.ImageDraw, chance: random.Random, done: bool) -> None:
    if done:
        return
    draw.rectangle((230, 220, 410, 292), fill=(180, 120, 52))
    draw.polygon(((216, 222), (424, 222), (400, 188), (240, 188)), fill=(60, 110, 140))
    _heap(draw, chance, 220, 420, 280, 310)


_MATTERS = {
    "flood": _flood, "drain": _drain, "road": _road, "garbage": _garbage, "tree": _tree, "lamp": _lamp,
    "parking": _parking, "traffic": _traffic, "power": _power, "fire": _fire, "pavement": _pavement, "other": _other,
}  # fmt: skip

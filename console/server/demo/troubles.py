"""What a demo photo of each service shows: the trouble, or the same place when the work is done."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin

from PIL import Image, ImageDraw

from console.server.demo.street_view import (
    SKIN,
    STEEL,
    WALL_M,
    Colour,
    Light,
    StreetView,
    car,
    cone,
    crown,
    ground,
    heap,
    houses,
    lamp_post,
    mixed,
    person,
    pole,
    rider,
    sky,
    toned,
    tree,
)

_MUD: Colour = (124, 104, 76)
_FLAME: tuple[Colour, ...] = ((190, 52, 18), (226, 96, 22), (246, 156, 36), (252, 214, 92))
_BAGS: tuple[Colour, ...] = ((226, 224, 218), (50, 94, 150), (176, 52, 46), (206, 186, 112), (34, 34, 38))


def _street(view: StreetView, *, lane: bool = True) -> None:
    sky(view)
    ground(view, lane=lane)
    houses(view)


def _crew(view: StreetView, x: float = 2.4, z: float = 6.5) -> None:
    """What may be left of a crew when its work is done: somebody in a vest, a cone, both or neither."""
    left = view.detail.choice(("both", "person", "cone", "cone", ""))
    if left in ("both", "person"):
        person(view, x, z, vest=True)
    if left in ("both", "cone"):
        cone(view, x - 0.8, z - 0.6)


def _water(
    view: StreetView, up: float, colour: Colour, west: float = -60.0, east: float = 60.0, near: float = 1.2
) -> None:
    """A sheet of water so high over the ground, with what it mirrors and its ripples."""
    top = view.at(0, up, 60)[1]
    below = max(int(top), 0)
    image, tall = view.image, view.image.height - below
    if tall < 8:
        return
    mirrored = image.crop((0, max(0, below - tall), image.width, below)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    few = mirrored.resize((image.width // 8, max(1, tall // 6)), Image.Resampling.BOX)
    sheet = Image.blend(few, Image.new("RGB", few.size, colour), 0.66).resize(
        (image.width, tall), Image.Resampling.BILINEAR
    )
    shape = Image.new("L", sheet.size)
    spots = [view.at(west, up, near), view.at(east, up, near), view.at(east, up, 60), view.at(west, up, 60)]
    ImageDraw.Draw(shape).polygon([(x, y - below) for x, y in spots], fill=255)
    image.paste(sheet, (0, below), shape)
    for _ in range(90):
        z = 1.6 + 20 * view.detail.random() ** 2
        x = view.detail.uniform(max(west, -7), min(east, 7) - 0.3)
        long = view.detail.uniform(0.2, 1.3)
        tone = toned(colour, view.detail.choice((0.84, 1.16, 1.3)))
        view.line(((x, up, z), (min(east, x + long), up, z)), tone, 0.03)


def flood(view: StreetView, done: bool) -> None:
    """A street under water: cars to the bonnet, people who wade, a rubber boat."""
    _street(view)
    if done:
        for side in (-1, 1):  # the mark that the water left on the walls
            x = side * WALL_M
            view.area(((x, 0, 2), (x, 0.7, 2), (x, 0.7, 50), (x, 0, 50)), (116, 100, 78))
        for _ in range(14):
            view.patch(view.detail.uniform(-2.6, 2.6), view.detail.uniform(3, 14), 1.4, 1.2, (104, 92, 74), 0.2)
        _crew(view)
        return
    deep = view.detail.uniform(0.55, 0.85)
    _water(view, deep, _MUD)
    stands = [(view.detail.uniform(-2.7, -1.7), view.detail.uniform(7.0, 9.5), "car"),
              (view.detail.uniform(1.5, 2.7), view.detail.uniform(10.5, 14.0), "car")]  # fmt: skip
    people = view.detail.randint(2, 4)
    stands += [(view.detail.uniform(-1.2, 2.2), view.detail.uniform(4.2, 9), "person") for _ in range(people)]
    for x, z, what in sorted(stands, key=lambda stand: -stand[1]):
        (car if what == "car" else person)(view, x, z, sunk=0.001)
        _water_front(view, x, z, deep, 2.0 if what == "car" else 0.66)
    if view.detail.random() < 0.6:
        _boat(view, view.detail.uniform(-0.4, 0.9), 4.6, deep)


def _boat(view: StreetView, x: float, z: float, deep: float) -> None:
    """An orange rubber boat with people in it."""
    orange = (240, 112, 30)
    for seat, coat in ((-0.45, (60, 90, 150)), (0.1, (210, 190, 60)), (0.55, (240, 112, 26))):
        view.blob((x + seat, deep + 0.62, z + 1.0), 0.46, coat, 0.8)
        view.blob((x + seat, deep + 1.1, z + 1.0), 0.25, SKIN, 0.3)
        view.blob((x + seat, deep + 1.2, z + 1.0), 0.26, (36, 30, 28), 0.16)
    view.area(
        ((x - 1.15, deep - 0.02, z), (x + 1.15, deep - 0.02, z), (x + 1.3, deep + 0.42, z), (x - 1.3, deep + 0.42, z)),
        orange,
    )
    view.area(
        (
            (x - 1.3, deep + 0.42, z),
            (x + 1.3, deep + 0.42, z),
            (x + 1.2, deep + 0.5, z + 0.6),
            (x - 1.2, deep + 0.5, z + 0.6),
        ),
        toned(orange, 1.2),
    )
    view.line(((x - 1.2, deep + 0.24, z), (x + 1.2, deep + 0.24, z)), (250, 240, 220), 0.05)
    view.line(((x - 1.2, deep - 0.06, z), (x + 1.2, deep - 0.06, z)), toned(_MUD, 0.6), 0.07)


def _water_front(view: StreetView, x: float, z: float, deep: float, wide: float = 2.3) -> None:
    """Hides what is below the water of something that stands in it."""
    half, front = wide / 2, z - 0.06
    left, top = view.at(x - half, deep, front)
    right, low = view.at(x + half, -0.15, front)
    box = (int(left), int(top), int(right), int(low))
    if box[2] - box[0] < 2 or box[3] - box[1] < 2 or box[3] <= 0:
        return
    tall = box[3] - box[1]
    above = view.image.crop((box[0], box[1] - tall, box[2], box[1])).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    above = above.resize((box[2] - box[0], max(1, tall // 6))).resize(above.size)
    view.image.paste(Image.blend(above, Image.new("RGB", above.size, view.far(_MUD, z)), 0.72), box[:2])
    for number in range(4):
        y, edge = deep - 0.02 - number * 0.12, half * (1.25 - 0.16 * number)
        view.line(((x - edge, y, front), (x + edge, y, front)), toned(_MUD, 1.34 - 0.08 * number), 0.025)


def puddle(view: StreetView, done: bool) -> None:
    """Water that stands across a road, and a motorbike that rides through it."""
    _street(view)
    if done:
        view.patch(0.1, 5.0, 4.6, 4.0, (74, 76, 80), 0.06)
        _crew(view)
        return
    shift = view.detail.uniform(-0.4, 0.4)
    view.patch(shift, 6.6, 6.0, 7.6, (98, 90, 76), 0.05)
    bright = {Light.DAY: (186, 198, 204), Light.DUSK: (222, 166, 122), Light.NIGHT: (88, 92, 104)}[view.light]
    view.patch(shift, 6.4, 5.7, 7.2, mixed((126, 118, 100), bright, 0.5), 0.05)
    for number in range(30):
        z = 3.2 + number * 0.22
        x = shift + view.detail.uniform(-2.4, 1.6)
        view.line(
            ((x, 0, z), (x + view.detail.uniform(0.3, 1.0), 0, z)), view.detail.choice((bright, (104, 96, 82))), 0.03
        )
    for x, z in ((shift - 1.0, 7.2), (shift + 1.1, 5.6)):
        if x < shift or view.detail.random() < 0.6:
            rider(view, x, z, sunk=0.22)
            for side in (-1, 1):
                for drop in range(14):
                    out = 0.2 + 0.07 * drop
                    up = 0.75 * sin(3.0 * drop / 14) * view.detail.uniform(0.6, 1.0)
                    view.blob((x + side * out, up, z - 0.1), 0.13, (206, 208, 204))


def _channel(view: StreetView, inside: Colour, water: float) -> None:
    """An open gutter along the right side of the street, from close by."""
    west, east, deep = 0.1, 1.7, -0.75
    view.area(
        ((west - 0.3, 0.1, 1.2), (east + 0.3, 0.1, 1.2), (east + 0.3, 0.1, 30), (west - 0.3, 0.1, 30)), (176, 172, 162)
    )
    view.area(((west, 0.1, 1.2), (east, 0.1, 1.2), (east, 0.1, 30), (west, 0.1, 30)), (70, 66, 60))
    view.area(((west, 0.1, 1.2), (west, deep, 1.2), (west, deep, 30), (west, 0.1, 30)), (120, 116, 106))
    view.area(((east, 0.1, 1.2), (east, deep, 1.2), (east, deep, 30), (east, 0.1, 30)), (96, 92, 84))
    view.area(((west, water, 1.2), (east, water, 1.2), (east, water, 30), (west, water, 30)), inside)


def drain(view: StreetView, done: bool) -> None:
    """A gutter full of waste and mud; clean water runs in it when the work is done."""
    view.face(0.8, 4.0)
    sky(view)
    ground(view, lane=False)
    houses(view)
    if done:
        _channel(view, (92, 122, 126), -0.55)
        for number in range(26):
            z = 2 + number * 0.4
            x = view.detail.uniform(0.2, 1.1)
            view.line(((x, -0.55, z), (x + 0.4, -0.55, z)), (152, 176, 178), 0.02)
        _crew(view, 2.6, 5.0)
        return
    _channel(view, (56, 50, 40), 0.02)
    for number in range(150):
        z = 9.0 - 7.0 * number / 150
        x, size = view.detail.uniform(0.2, 1.6), view.detail.uniform(0.07, 0.3)
        colour = view.detail.choice((*_BAGS, (96, 82, 60), (70, 62, 48), (120, 150, 90), (236, 236, 232)))
        if view.detail.random() < 0.55:
            view.blob((x, 0.06 + view.detail.uniform(0, 0.16), z), size, colour, size * 0.55)
        else:
            view.line(((x, 0.1, z), (x + size, 0.16, z)), colour, 0.08)
    for _ in range(12):
        view.patch(view.detail.uniform(-0.9, 0.1), view.detail.uniform(3, 9), 0.9, 0.7, (66, 60, 50), 0.25)


def dike(view: StreetView, done: bool) -> None:
    """A river behind its wall, high and brown, that leaks through a crack."""
    view.face(-1.4, 6.2)
    sky(view)
    ground(view, lane=False)
    houses(view, (1,))
    view.area(((-60, 1.5, 4), (-2.4, 1.5, 4), (-2.4, 1.5, 60), (-60, 1.5, 60)), (134, 108, 74))
    for number in range(40):
        z, x = 5 + number * 0.8, view.detail.uniform(-14, -3)
        view.line(((x, 1.52, z), (x + 1.6, 1.52, z)), (160, 134, 98), 0.05)
    wall, top = (166, 162, 152), 1.75
    view.area(((-2.4, 0, 1.4), (-2.4, top, 1.4), (-2.4, top, 50), (-2.4, 0, 50)), wall)
    view.area(((-2.4, top, 1.4), (-2.75, top, 1.4), (-2.75, top, 50), (-2.4, top, 50)), toned(wall, 1.15))
    for number in range(9):
        z = 2.4 + number * 2.6
        view.line(((-2.4, 0, z), (-2.4, top, z)), toned(wall, 0.82), 0.05)
    x = -2.38
    if done:
        view.area(((x, 0, 5.0), (x, top, 5.0), (x, top, 8.6), (x, 0, 8.6)), (204, 202, 196))
        for number in range(10):
            view.box(-1.9 + 0.04 * (number % 3), 5.0 + 0.36 * number, 0.5, 0.26, 0.4, (196, 182, 148))
        _crew(view, 0.2, 6.0)
        return
    view.area(
        ((x, 1.75, 5.2), (x, 0.9, 5.7), (x, 0.2, 6.0), (x, 0.5, 6.6), (x, 1.0, 6.9), (x, 1.75, 7.6)), (104, 84, 58)
    )
    for start in (5.0, 7.8, 9.4):
        spots = [(x, 1.7 - 0.24 * n, start + 0.3 * ((n * 7) % 3) - 0.2 * n) for n in range(6)]
        view.line(spots, (58, 54, 48), 0.06)
    for _ in range(70):
        part = view.detail.random()
        out = part * 2.3
        up = max(0.03, 0.95 - 0.95 * part * part)
        view.blob(
            (x + out, up, 6.2 + view.detail.uniform(-0.5, 0.5)),
            0.34,
            view.detail.choice(((150, 124, 88), (190, 170, 136), (128, 102, 70))),
        )
    view.patch(-0.2, 5.4, 3.6, 4.2, (132, 108, 76), 0.1)


def pothole(view: StreetView, done: bool) -> None:
    """Holes in the asphalt, close by; dark patches of fresh asphalt when the work is done."""
    _street(view)
    spots = [(view.chance.uniform(-0.9, 0.9), view.chance.uniform(3.0, 3.8), view.chance.uniform(1.5, 2.1))]
    spots += [
        (view.chance.uniform(-2.2, 2.2), view.chance.uniform(5.6, 10), view.chance.uniform(0.8, 1.5)) for _ in range(3)
    ]
    for x, z, wide in sorted(spots, key=lambda spot: -spot[1]):
        if done:
            half, long = wide * 0.62, wide * 0.6
            view.area(
                ((x - half, 0, z - long), (x + half, 0, z - long), (x + half, 0, z + long), (x - half, 0, z + long)),
                (42, 43, 46),
            )
            continue
        view.patch(x, z, wide * 1.25, wide * 1.2, (126, 122, 114), 0.16)
        view.patch(x, z, wide, wide * 0.95, (58, 50, 42), 0.18)
        view.patch(x, z - 0.08, wide * 0.74, wide * 0.62, (44, 38, 32) if not view.wet else (150, 140, 120), 0.2)
        for _ in range(26):
            turn, out = view.detail.uniform(0, 6.28), wide * view.detail.uniform(0.35, 0.8)
            view.blob(
                (x + out * cos(turn), 0.02, z + out * sin(turn)),
                view.detail.uniform(0.05, 0.14),
                view.detail.choice(((150, 144, 134), (92, 86, 78), (60, 56, 52))),
                0.06,
            )
    if done:
        _crew(view)
    else:
        rider(view, view.detail.choice((-1.9, 1.9)), 8.5)


def pavement(view: StreetView, done: bool) -> None:
    """A pavement of red blocks, from where one walks: some are sunk, some are gone."""
    view.face(1.0, 4.0)
    sky(view)
    ground(view)
    houses(view, (1,))
    hole = [(view.chance.randint(0, 5), view.chance.randint(2, 9)) for _ in range(9)]
    centre = (view.chance.randint(1, 3), view.chance.randint(3, 5))
    for row in range(26, -1, -1):
        z = 1.5 + row * 0.42
        for column in range(6):
            x = 0.5 + column * 0.72 - 1.5
            tone = view.chance.uniform(0.82, 1.06)
            colour = toned((182, 104, 84) if (row + column) % 5 else (214, 186, 92), tone)
            gone = (abs(column - centre[0]) <= 1 and abs(row - centre[1]) <= 1.5) or (column, row) in hole
            if gone and not done:
                view.area(((x, 0, z), (x + 0.72, 0, z), (x + 0.72, 0, z + 0.42), (x, 0, z + 0.42)), (74, 60, 46))
                view.area(
                    ((x, 0, z + 0.42), (x + 0.72, 0, z + 0.42), (x + 0.72, -0.16, z + 0.42), (x, -0.16, z + 0.42)),
                    (46, 38, 30),
                )
                if view.detail.random() < 0.6:
                    turn = view.detail.uniform(-0.2, 0.3)
                    view.area(
                        (
                            (x + 0.1, 0.02, z),
                            (x + 0.6, 0.05 + turn, z + 0.1),
                            (x + 0.66, 0.24 + turn, z + 0.3),
                            (x + 0.12, 0.16, z + 0.3),
                        ),
                        toned(colour, 1.06),
                    )
            else:
                view.area(
                    ((x + 0.02, 0, z + 0.02), (x + 0.7, 0, z + 0.02), (x + 0.7, 0, z + 0.4), (x + 0.02, 0, z + 0.4)),
                    colour,
                )
    if done:
        _crew(view, 1.9, 5.2)


def lamp(view: StreetView, done: bool) -> None:
    """At night a dark street whose lamps are out; by day a lamp that hangs from its arm."""
    side = view.chance.choice((-1, 1))
    view.face(side * 1.8, 6.4, 3.5)
    _street(view)
    for z in (22.0, 14.0):
        lamp_post(view, side * 3.5, z, on=done or (z == 22.0 and view.detail.random() < 0.4))
    x, z, arm = side * 3.0, 6.4, -side * 1.5
    view.line(((x, 0, z), (x, 5.0, z)), STEEL, 0.2)
    view.line(((x, 5.0, z), (x + arm, 5.2, z)), STEEL, 0.13)
    head = (x + arm, 5.15, z)
    if done:
        dark = view.light is not Light.DAY
        view.blob(head, 0.9, (255, 240, 190) if dark else (226, 226, 220), 0.26)
        if dark:
            view.beam(
                ((head[0] - 0.3, 5, z), (head[0] + 0.3, 5, z), (head[0] + 3.4, 0, z + 1), (head[0] - 3.4, 0, z - 2)),
                (190, 160, 104),
            )
            view.shine(head, 3.4, (255, 230, 170))
        _crew(view, -side * 2.0, 7.0)
        return
    view.line((head, (head[0] - 0.1, 4.6, z), (head[0] + 0.1, 4.15, z)), (34, 34, 36), 0.06)
    view.area(
        ((head[0] - 0.3, 3.5, z), (head[0] + 0.22, 3.6, z), (head[0] + 0.3, 4.2, z), (head[0] - 0.18, 4.1, z)),
        (176, 178, 180),
    )
    view.area(
        ((head[0] - 0.22, 3.56, z), (head[0] + 0.1, 3.62, z), (head[0] + 0.14, 3.9, z), (head[0] - 0.16, 3.86, z)),
        (70, 74, 78),
    )


def waste(view: StreetView, done: bool) -> None:
    """A heap of waste at the side of the street."""
    x = view.chance.choice((-1.7, 0.2, 1.8))
    view.face(x, 5.0)
    _street(view)
    if done:
        view.patch(x, 5.0, 4.2, 2.2, (92, 90, 86), 0.08)
        _crew(view, -x or 2.2, 6.0)
        return
    heap(view, x + 0.5, 7.2, 3.6, 1.2)
    heap(view, x, 4.9, view.detail.uniform(3.4, 4.4), view.detail.uniform(1.2, 1.7))
    if view.detail.random() < 0.6:
        person(view, x + 2.9, 7.5)


def _smoke(view: StreetView, x: float, z: float, up: float, colour: Colour, size: float = 1.4, count: int = 46) -> None:
    for number in range(count):
        part = number / count
        y = up + part * 6.5
        drift = x + part * 2.6 + view.detail.uniform(-0.6, 0.6) * (0.4 + part)
        tone = mixed(colour, view.haze, 0.55 * part)
        view.blob((drift, y, z), size * (0.4 + part * 1.6), toned(tone, view.detail.uniform(0.88, 1.1)))


def _flames(view: StreetView, x: float, z: float, wide: float, tall: float, count: int = 40) -> None:
    for heat, colour in enumerate(_FLAME):
        part = 1 - heat * 0.22
        for _ in range(count // (heat + 1)):
            off = view.detail.uniform(-0.5, 0.5) * wide * part
            high = tall * part * view.detail.uniform(0.35, 1.0) * (1 - abs(off / wide))
            foot = wide * 0.14 * part
            low = view.detail.uniform(0, 0.15) * tall
            lean = view.detail.uniform(-0.15, 0.25) * tall
            view.area(
                (
                    (x + off - foot, low, z),
                    (x + off + foot, low, z),
                    (x + off + foot * 0.5 + lean * 0.5, high * 0.6 + low, z),
                    (x + off + lean, high + low, z),
                    (x + off - foot * 0.6, high * 0.5 + low, z),
                ),
                colour,
            )
    view.shine((x, tall * 0.4, z), max(wide, tall) * 2.6, (120, 62, 22))
    view.shine((x, tall * 0.4, z), max(wide, tall) * 1.3, (255, 180, 90))


def burning_waste(view: StreetView, done: bool) -> None:
    """Waste that burns at the side of the street, with its smoke."""
    x = view.chance.uniform(-1.4, 1.0)
    view.face(x, 5.0)
    _street(view)
    if done:
        view.patch(x, 5.0, 3.0, 2.0, (40, 38, 38), 0.14)
        view.patch(x, 4.9, 1.6, 0.9, (120, 116, 112), 0.2)
        _crew(view, x + 2.6, 6.0)
        return
    _smoke(view, x, 6.0, 1.0, (146, 144, 142))
    heap(view, x, 5.2, 3.0, 0.8)
    _flames(view, x, 4.7, 2.3, 1.5)


def pollution(view: StreetView, done: bool) -> None:
    """A pipe that pours coloured waste water into a canal, with foam on it."""
    view.face(1.2, 4.8)
    sky(view)
    ground(view, lane=False)
    houses(view, (-1, 1))
    clean = (104, 128, 118)
    foul = view.chance.choice(((92, 44, 96), (36, 34, 38), (70, 110, 44), (140, 56, 40)))
    view.area(((-3.0, 0.05, 1.2), (3.0, 0.05, 1.2), (2.4, 0.05, 50), (-2.4, 0.05, 50)), (150, 146, 136))
    _water(view, 0.0, clean if done else foul, -2.5, 2.5)
    view.area(((2.5, 0, 1.2), (3.0, 1.1, 1.2), (3.0, 1.1, 50), (2.5, 0, 50)), (158, 154, 144))
    view.area(((-2.5, 0, 1.2), (-3.0, 1.1, 1.2), (-3.0, 1.1, 50), (-2.5, 0, 50)), (142, 138, 128))
    x, y, z = 2.2, 0.85, 5.2
    if not done:
        view.area(((x - 0.28, y, z), (x + 0.28, y, z), (x + 0.1, 0.0, z), (x - 0.7, 0.0, z)), toned(foul, 1.35))
        for _ in range(130):
            turn, out = view.detail.uniform(0, 6.28), view.detail.random() ** 0.6
            spot = (0.9 + 1.5 * out * cos(turn), 0.05, 4.6 + 2.4 * out * sin(turn))
            view.blob(
                spot,
                view.detail.uniform(0.12, 0.42),
                view.detail.choice(((240, 240, 236), (226, 224, 216), (206, 204, 196))),
                0.2,
            )
        for _ in range(6):
            fx, fz = view.detail.uniform(-2, 0.6), view.detail.uniform(2.6, 6)
            view.blob((fx, 0.02, fz), 0.42, (196, 200, 196), 0.1)
            view.blob((fx + 0.2, 0.03, fz), 0.1, (200, 190, 170), 0.06)
    view.blob((x + 0.1, y + 0.1, z), 0.86, (120, 118, 114), 0.86)
    view.blob((x + 0.04, y + 0.08, z), 0.62, (40, 38, 38), 0.62)
    if done:
        view.blob((x + 0.04, y + 0.08, z - 0.1), 0.66, (168, 166, 160), 0.66)


def jam(view: StreetView, done: bool) -> None:
    """Cars and motorbikes that stand in rows as far as one sees; a free road when it is over."""
    _street(view)
    if done:
        car(view, 1.5, 24.0)
        rider(view, -1.2, 16.0)
        return
    rows = [(x, 5.2 + number * 5.1 + view.detail.uniform(-0.5, 0.5)) for number in range(9) for x in (-1.85, 1.55)]
    for x, z in sorted(rows, key=lambda row: -row[1]):
        if view.detail.random() < 0.16 and z > 8:
            view.box(x, z, 2.2, 2.6, 7.0, view.detail.choice(((60, 110, 170), (214, 214, 208), (220, 120, 40))), up=0.4)
            view.area(((x - 0.9, 1.5, z), (x + 0.9, 1.5, z), (x + 0.9, 2.6, z), (x - 0.9, 2.6, z)), (54, 66, 76))
            for edge in (-0.9, 0.9):
                view.blob((x + edge, 0.8, z), 0.2, (220, 40, 30))
                view.shine((x + edge, 0.8, z), 0.6, (190, 26, 20))
        else:
            car(view, x + view.detail.uniform(-0.15, 0.15), z)
        if view.detail.random() < 0.6:
            rider(view, -0.15 + view.detail.uniform(-0.1, 0.1), z - 1.0)


def signal(view: StreetView, done: bool) -> None:
    """A crossing whose traffic light is dark; it is lit when the work is done."""
    side = view.chance.choice((-1, 1))
    view.face(side * 1.2, 4.2, 2.0)
    sky(view)
    ground(view)
    houses(view)
    for number in range(7):
        x = -2.9 + number * 0.9
        view.area(((x, 0.01, 6.4), (x + 0.5, 0.01, 6.4), (x + 0.5, 0.01, 8.6), (x, 0.01, 8.6)), (226, 226, 220))
    if not done:
        for x, z, away in ((-1.2, 15.0, False), (1.4, 11.5, True), (0.2, 10.4, False)):
            car(view, x, z, away=away)
        rider(view, 2.2, 9.0)
    else:
        car(view, -1.4, 20.0, away=False)
    x, z = side * 1.7, 3.9
    view.line(((x, 0, z), (x, 2.3, z)), (60, 62, 66), 0.16)
    view.box(x, z - 0.05, 0.62, 1.66, 0.3, (28, 30, 32), up=1.5)
    lit = view.detail.choice((0, 2)) if done else -1
    for number, (bright, dull) in enumerate(
        (((250, 50, 36), (66, 28, 26)), ((250, 190, 40), (70, 56, 26)), ((60, 226, 120), (24, 58, 38)))
    ):
        place = (x, 2.86 - 0.52 * number, z - 0.06)
        view.blob(place, 0.44, (12, 12, 14))
        view.blob(place, 0.36, bright if number == lit else dull)
        if number == lit:
            view.shine(place, 1.3, bright)
    if not done and view.detail.random() < 0.7:
        view.line(((x - 0.2, 1.5, z - 0.06), (x - 0.5, 1.0, z - 0.06), (x - 0.34, 0.7, z - 0.06)), (30, 30, 32), 0.05)
    if done:
        _crew(view, -side * 2.0, 6.0)


def parking(view: StreetView, done: bool) -> None:
    """Cars on the pavement under a sign that forbids it."""
    side = view.chance.choice((-1, 1))
    view.face(side * 2.3, 6.0)
    _street(view)
    if not done:
        for z in (17.0, 11.6, 6.2):
            car(view, side * 3.2 + view.detail.uniform(-0.15, 0.15), z, away=view.detail.random() < 0.5)
        person(view, side * 1.6, 7.4)
    x, z = side * 1.75, 4.6
    view.line(((x, 0, z), (x, 2.5, z)), (176, 178, 180), 0.08)
    view.blob((x, 2.35, z), 0.86, (206, 30, 36))
    view.blob((x, 2.35, z), 0.7, (246, 246, 244))
    view.line(((x - 0.08, 2.1, z), (x - 0.08, 2.6, z)), (20, 20, 24), 0.09)
    view.blob((x + 0.03, 2.47, z), 0.3, (20, 20, 24), 0.26)
    view.blob((x + 0.03, 2.47, z), 0.14, (246, 246, 244), 0.12)
    view.line(((x - 0.26, 2.61, z), (x + 0.26, 2.09, z)), (206, 30, 36), 0.1)
    if done:
        _crew(view, -side * 1.2, 6.5)


def stop(view: StreetView, done: bool) -> None:
    """A bus stop whose roof and panes are broken."""
    view.face(3.0, 6.4)
    _street(view)
    near, far, x, inner = 4.4, 9.6, 2.7, 4.3
    frame = (52, 96, 150)
    for z in (far, near):
        view.line(((inner, 0, z), (inner, 2.5, z)), frame, 0.11)
    panes = [(near + 1.3 * n, near + 1.3 * (n + 1)) for n in range(4)]
    for number, (start, end) in reversed(list(enumerate(panes))):
        pane = (
            (inner, 0.4, start + 0.06),
            (inner, 2.2, start + 0.06),
            (inner, 2.2, end - 0.06),
            (inner, 0.4, end - 0.06),
        )
        if done or number in (0, 3):
            view.area(pane, (150, 184, 196))
        else:
            view.area(
                (
                    (inner, 0.4, start),
                    (inner, 1.0, start),
                    (inner, 0.6, start + 0.5),
                    (inner, 1.3, end),
                    (inner, 0.4, end),
                ),
                (160, 190, 200),
            )
    view.area(
        (
            (inner - 0.4, 0.5, near + 0.4),
            (inner - 0.05, 0.5, near + 0.4),
            (inner - 0.05, 0.5, far - 0.4),
            (inner - 0.4, 0.5, far - 0.4),
        ),
        (140, 96, 60),
    )
    for z in (far, near):
        view.line(((x, 0, z), (x, 2.55, z)), frame, 0.11)
    if done:
        view.area(
            (
                (x - 0.3, 2.6, near - 0.3),
                (inner + 0.3, 2.5, near - 0.3),
                (inner + 0.3, 2.5, far + 0.3),
                (x - 0.3, 2.6, far + 0.3),
            ),
            frame,
        )
    else:
        view.area(
            ((x - 0.3, 2.6, 6.8), (inner + 0.3, 2.5, 6.4), (inner + 0.3, 2.5, far + 0.3), (x - 0.3, 2.6, far + 0.3)),
            frame,
        )
        view.area(
            ((x - 0.3, 2.6, 6.6), (inner, 2.4, 6.0), (inner - 0.3, 0.9, 5.4), (x - 0.1, 0.5, 5.6)), toned(frame, 0.8)
        )
        for _ in range(40):
            view.blob(
                (view.detail.uniform(2.2, 4.2), 0.16, view.detail.uniform(4.0, 8.0)),
                view.detail.uniform(0.05, 0.18),
                (206, 226, 232),
                0.06,
            )
    view.line(((2.2, 0, near - 0.6), (2.2, 2.6, near - 0.6)), STEEL, 0.08)
    view.box(2.2, near - 0.66, 0.62, 0.62, 0.05, (30, 84, 160), up=2.2)
    view.box(2.2, near - 0.7, 0.36, 0.26, 0.02, (244, 244, 244), up=2.42)
    for wheel in (2.07, 2.33):
        view.blob((wheel, 2.4, near - 0.72), 0.1, (244, 244, 244))
    if done:
        _crew(view, 1.0, 6.5)


def fallen_tree(view: StreetView, done: bool) -> None:
    """A tree across the road; its stump and sawdust when the work is done."""
    side = view.chance.choice((-1, 1))
    view.face(side * 0.5, 5.6)
    _street(view)
    if done:
        view.box(side * 3.3, 5.8, 0.6, 0.35, 0.5, (96, 74, 54))
        view.blob((side * 3.3, 0.36, 6.0), 0.62, (204, 166, 116), 0.2)
        view.patch(side * 2.0, 5.4, 2.6, 1.4, (176, 150, 110), 0.25)
        _crew(view, -side * 1.2, 7.0)
        return
    z = view.chance.uniform(5.0, 6.2)
    car(view, side * 0.8, 12.0, away=False)
    bark = (90, 68, 48)
    for number in range(16):
        turn = number / 16 * 6.28
        spot = (side * 3.4 + 0.8 * cos(turn), 0.9 + 0.9 * sin(turn), z + 0.5)
        view.line(((side * 3.3, 0.8, z + 0.3), spot), (78, 56, 38), 0.12)
    view.blob((side * 3.35, 0.8, z + 0.3), 1.2, (104, 78, 52))
    view.line(((side * 3.3, 0.75, z), (side * 0.6, 0.7, z - 0.3), (-side * 1.8, 0.9, z - 0.6)), bark, 0.62)
    view.line(((side * 3.2, 0.9, z), (side * 0.6, 0.86, z - 0.3), (-side * 1.8, 1.0, z - 0.6)), toned(bark, 1.3), 0.14)
    for number in range(7):
        off = number * 0.45
        view.line(
            ((-side * (0.4 + off * 0.5), 0.8, z - 0.5), (-side * (0.9 + off), 0.5 + 0.5 * (number % 4), z - 0.7)),
            bark,
            0.16,
        )
    crown(view, (-side * 2.2, 1.0, z - 0.7), 3.4, 90)
    for _ in range(60):
        view.blob(
            (view.detail.uniform(-3, 3), 0.03, z - view.detail.uniform(0.4, 1.8)),
            view.detail.uniform(0.06, 0.2),
            view.detail.choice(((66, 104, 48), (96, 130, 60), (120, 96, 60))),
            0.07,
        )


def leaning_tree(view: StreetView, done: bool) -> None:
    """A big tree that leans far over the road and the wires; an upright, cut one when the work is done."""
    side = view.chance.choice((-1, 1))
    view.face(side * 1.4, 6.6, 2.6)
    _street(view)
    x, z = side * 3.5, 6.6
    bark = (92, 72, 54)
    if done:
        view.line(((x, 0, z), (x - side * 0.3, 2.6, z)), bark, 0.55)
        for out in (-0.8, 0.1, 0.8):
            view.line(((x - side * 0.3, 2.4, z), (x - side * 0.3 + out, 3.6, z)), bark, 0.26)
            view.blob((x - side * 0.3 + out, 3.65, z), 0.3, (206, 170, 120), 0.2)
        crown(view, (x - side * 0.3, 3.0, z), 1.3, 16)
        _crew(view, -side * 1.2, 7.5)
        return
    top = (x - side * 3.6, 4.6, z - 0.6)
    view.patch(x + side * 0.3, z, 1.6, 1.2, (86, 64, 46), 0.25)
    view.line(((x, 0, z), (x - side * 1.3, 2.2, z - 0.2), top), bark, 0.6)
    view.line(((x - side * 1.3, 2.2, z - 0.2), (x - side * 1.6, 4.4, z)), bark, 0.3)
    for end in (-0.6, 0.5, 1.0):
        view.line((top, (top[0] - side * 1.0, top[1] + end, top[2])), bark, 0.2)
    crown(view, (x - side * 1.9, 4.9, z), 2.2, 40)
    crown(view, (top[0] - side * 0.4, top[1] + 0.3, top[2]), 3.4, 80)
    rider(view, -side * 1.6, 9.0)


def park(view: StreetView, done: bool) -> None:
    """A park with a broken bench on trodden earth; grass, flowers and a whole bench when the work is done."""
    view.face(-0.2, 5.0)
    sky(view)
    view.draw.rectangle(
        (0, view.vanish[1], view.image.width, view.image.height), fill=(112, 134, 76) if done else (150, 132, 92)
    )
    for number in range(9):
        tree(
            view,
            -14 + number * 3.6 + view.chance.uniform(-1, 1),
            view.chance.uniform(16, 30),
            view.chance.uniform(4, 7),
        )
    for _ in range(240):
        spot = (view.detail.uniform(-8, 8), 0.02, 2 + 16 * view.detail.random())
        green = view.detail.choice(
            ((96, 140, 60), (124, 156, 80), (84, 120, 56)) if done else ((168, 146, 98), (132, 116, 80), (120, 128, 76))
        )
        view.line((spot, (spot[0] + 0.06, 0.16, spot[2])), green, 0.05)
    view.area(((-0.6, 0.01, 1.2), (1.0, 0.01, 1.2), (3.2, 0.01, 30), (2.4, 0.01, 30)), (186, 178, 164))
    x, z, wood = view.chance.uniform(-2.0, -1.2), 4.4, (140, 92, 56)
    for leg in (-0.8, 0.8):
        view.box(x + leg, z, 0.12, 0.45, 0.4, (70, 72, 76))
        view.line(((x + leg, 0.45, z + 0.4), (x + leg, 1.0, z + 0.5)), (70, 72, 76), 0.1)
    for number in range(3):
        if done or number == 0:
            view.area(
                (
                    (x - 1, 0.47, z + 0.13 * number),
                    (x + 1, 0.47, z + 0.13 * number),
                    (x + 1, 0.47, z + 0.1 + 0.13 * number),
                    (x - 1, 0.47, z + 0.1 + 0.13 * number),
                ),
                wood,
            )
        if done or number == 2:
            y = 0.62 + 0.16 * number
            view.line(((x - 1, y, z + 0.45), (x + 1, y, z + 0.45)), wood, 0.11)
    if not done:
        view.line(((x - 1, 0.47, z + 0.3), (x + 0.1, 0.1, z - 0.2)), wood, 0.12)
        view.line(((x + 1, 0.5, z + 0.3), (x + 0.3, 0.05, z - 0.3)), toned(wood, 0.8), 0.12)
        for _ in range(24):
            view.blob(
                (view.detail.uniform(-2.6, 1), 0.05, view.detail.uniform(2.6, 5)), 0.16, view.detail.choice(_BAGS), 0.1
            )
    frame, swing = (196, 60, 50), 3.4
    for side in (-1.1, 1.1):
        for lean in (-0.6, 0.6):
            view.line(((swing + side, 2.3, 8.0), (swing + side + 0.1, 0, 8.0 + lean)), frame, 0.1)
    view.line(((swing - 1.1, 2.3, 8.0), (swing + 1.1, 2.3, 8.0)), frame, 0.1)
    view.line(((swing - 0.5, 2.3, 8.0), (swing - 0.5, 0.5, 8.0)), (60, 60, 64), 0.04)
    end = swing + 0.3 if done else swing - 0.1
    view.line(((swing + 0.3, 2.3, 8.0), (end, 0.5 if done else 0.9, 8.0)), (60, 60, 64), 0.04)
    view.line(((swing - 0.55, 0.5, 8.0), (swing + 0.35, 0.5 if done else 0.05, 8.0)), (50, 60, 140), 0.1)
    if done:
        for _ in range(60):
            view.blob(
                (view.detail.uniform(-4, -0.6), 0.2, view.detail.uniform(5.4, 7)),
                0.18,
                view.detail.choice(((226, 70, 90), (240, 200, 60), (240, 240, 240))),
            )
        _crew(view, 1.6, 6.0)


def cable(view: StreetView, done: bool) -> None:
    """A leaning pole whose cables hang down onto the road, with sparks."""
    side = view.chance.choice((-1, 1))
    view.face(side * 1.2, 6.6, 2.4)
    _street(view)
    x, z = side * 3.2, 7.0
    if done:
        pole(view, x, z, 7.4)
        for strand in range(3):
            view.line(((x, 6.9 - strand * 0.3, z), (-x * 1.2, 7.0 - strand * 0.3, 16)), (40, 40, 44), 0.05)
        _crew(view, -side * 1.0, 7.0)
        return
    top = (x - side * 1.5, 6.2, z)
    view.line(((x, 0, z), top), (150, 142, 132), 0.26)
    view.line(((top[0] - 0.8, 5.6, z), (top[0] + 0.8, 6.0, z)), (104, 98, 92), 0.12)
    view.box(x - side * 0.9, z - 0.2, 0.5, 0.7, 0.4, (120, 126, 128), up=3.2)
    end = (-side * 0.9, 0.12, 4.4)
    for number in range(3):
        sag = 0.5 * number
        view.line(
            (
                top,
                (x - side * 2.1, 3.4 - sag, 6.2),
                (x - side * (2.9 + sag * 0.4), 1.2 - sag * 0.3, 5.2),
                (end[0] + side * 0.7 * number, 0.05, 4.6 - 0.3 * number),
            ),
            (18, 18, 20),
            0.075,
        )
    view.line(
        (end, (end[0] - side * 0.8, 0.05, 4.1), (end[0] - side * 0.3, 0.05, 3.5), (end[0] + side * 0.6, 0.05, 3.7)),
        (18, 18, 20),
        0.075,
    )
    for _ in range(26):
        turn, out = view.detail.uniform(0.2, 2.9), view.detail.uniform(0.15, 0.75)
        view.line(
            (end, (end[0] + out * cos(turn), 0.12 + out * sin(turn), end[2])),
            view.detail.choice(((255, 240, 150), (255, 206, 90), (255, 255, 235))),
            0.035,
        )
    view.blob((end[0], 0.14, end[2]), 0.22, (255, 255, 240))
    view.shine((end[0], 0.2, end[2]), 1.4, (190, 180, 140))
    if view.wet:
        view.patch(end[0], 4.2, 3.0, 2.4, (110, 112, 112), 0.1)


def fire(view: StreetView, done: bool) -> None:
    """A house in flames, with its smoke and people who look on; black walls when it is out."""
    side = view.chance.choice((-1, 1))
    view.face(side * 2.0, 9.0, 2.4)
    _street(view)
    x, z = side * 2.2, 9.0
    wall = (170, 150, 126)
    view.box(x, z, 5.0, 3.0, 5.0, toned(wall, 0.55) if done else wall)
    roof = (60, 48, 44) if done else (128, 62, 48)
    if not done:
        view.area(((x - 2.8, 3.0, z), (x + 2.8, 3.0, z), (x + 1.6, 4.6, z + 1.5), (x - 1.6, 4.6, z + 1.5)), roof)
    for out in (-1.5, 0.0, 1.5):
        low, high = (0.0, 2.1) if out == 0 else (1.0, 2.1)
        hot = (30, 26, 24) if done else (250, 190, 70)
        view.area(
            (
                (x + out - 0.5, low, z - 0.02),
                (x + out + 0.5, low, z - 0.02),
                (x + out + 0.5, high, z - 0.02),
                (x + out - 0.5, high, z - 0.02),
            ),
            hot,
        )
        if done:
            view.area(
                (
                    (x + out - 0.6, high, z - 0.03),
                    (x + out + 0.6, high, z - 0.03),
                    (x + out + 0.9, 3.0, z - 0.03),
                    (x + out - 0.9, 3.0, z - 0.03),
                ),
                (34, 30, 28),
            )
    if done:
        for number in range(6):
            view.line(
                ((x - 2.4 + number, 3.0, z), (x - 1.8 + number * 0.8, 3.5 + 0.3 * (number % 3), z)), (34, 28, 26), 0.14
            )
        view.patch(x, 7.4, 5.0, 2.6, (70, 68, 66), 0.1)
        _crew(view, -side * 0.9, 7.0)
        return
    _smoke(view, x, z + 0.5, 3.4, (54, 50, 50), 2.6, 60)
    for out in (-1.5, 0.0, 1.5):
        _flames_up(view, x + out, z - 0.1, 1.2)
    _flames_roof(view, x, z)
    for _ in range(4):
        person(view, view.detail.uniform(-2.6, 2.6), view.detail.uniform(5.0, 6.6))


def _flames_up(view: StreetView, x: float, z: float, low: float) -> None:
    for heat, colour in enumerate(_FLAME):
        part = 1 - heat * 0.2
        for _ in range(8):
            off, high = view.detail.uniform(-0.5, 0.5) * part, view.detail.uniform(0.8, 2.2) * part
            view.area(
                (
                    (x + off - 0.3 * part, low, z),
                    (x + off + 0.3 * part, low, z),
                    (x + off + view.detail.uniform(-0.3, 0.3), low + high, z),
                ),
                colour,
            )
    view.shine((x, low + 1, z), 4, (130, 70, 26))


def _flames_roof(view: StreetView, x: float, z: float) -> None:
    for heat, colour in enumerate(_FLAME):
        part = 1 - heat * 0.22
        for _ in range(26 - heat * 5):
            off, high = view.detail.uniform(-2.4, 2.4) * part, view.detail.uniform(0.8, 2.8) * part
            view.area(
                (
                    (x + off - 0.42 * part, 3.0, z),
                    (x + off + 0.42 * part, 3.0, z),
                    (x + off + view.detail.uniform(-0.4, 0.5), 3.0 + high, z),
                ),
                colour,
            )
    view.shine((x, 3.6, z), 10, (110, 56, 20))
    view.shine((x, 3.8, z), 6, (255, 170, 80))


def ward(view: StreetView, done: bool) -> None:
    """The corridor of a hospital with beds along its walls: patients in all of them, or made ready and free."""
    view.face(0.0, 12.0, 1.0)
    wall, floor = (206, 220, 216), (176, 182, 184)
    view.draw.rectangle((0, 0, view.image.width, view.image.height), fill=(226, 230, 228))
    view.haze = (226, 232, 230)
    view.area(((-2.6, 0, 1.2), (2.6, 0, 1.2), (2.6, 0, 24), (-2.6, 0, 24)), floor)
    for side in (-1, 1):
        x = side * 2.6
        view.area(((x, 0, 1.2), (x, 3.0, 1.2), (x, 3.0, 24), (x, 0, 24)), toned(wall, 0.94 if side > 0 else 1.0))
        view.area(((x, 0.9, 1.2), (x, 1.1, 1.2), (x, 1.1, 24), (x, 0.9, 24)), (84, 158, 150))
        for z in (6.0, 12.0, 18.0):
            view.area(((x, 0, z), (x, 2.2, z), (x, 2.2, z + 1.3), (x, 0, z + 1.3)), (150, 176, 186))
    view.area(((-2.6, 0, 24), (2.6, 0, 24), (2.6, 3.0, 24), (-2.6, 3.0, 24)), (190, 206, 204))
    for z in range(3, 24, 3):
        view.area(((-0.3, 2.98, z), (0.3, 2.98, z), (0.3, 2.98, z + 1.5), (-0.3, 2.98, z + 1.5)), (255, 255, 250))
    view.area(((-0.7, 2.2, 11), (0.7, 2.2, 11), (0.7, 2.75, 11), (-0.7, 2.75, 11)), (190, 30, 40))
    view.area(((-0.07, 2.28, 10.9), (0.07, 2.28, 10.9), (0.07, 2.68, 10.9), (-0.07, 2.68, 10.9)), (250, 250, 250))
    view.area(((-0.22, 2.42, 10.9), (0.22, 2.42, 10.9), (0.22, 2.54, 10.9), (-0.22, 2.54, 10.9)), (250, 250, 250))
    beds = [(side * 1.75, z) for z in (14.0, 11.2, 8.4, 5.6, 2.9) for side in (-1, 1)]
    for x, z in beds:
        _bed(view, x + view.chance.uniform(-0.1, 0.1), z, done)
        if not done and view.detail.random() < 0.35:
            person(view, x * 0.45, z + 0.4)


def _bed(view: StreetView, x: float, z: float, free: bool) -> None:
    for edge in (-0.4, 0.4):
        view.line(((x + edge, 0, z), (x + edge, 0.95, z)), (140, 146, 150), 0.05)
    view.box(x, z, 0.95, 0.2, 2.0, (240, 244, 246), up=0.5)
    view.line(((x - 0.42, 0.95, z), (x + 0.42, 0.95, z)), (140, 146, 150), 0.06)
    view.box(x, z + 1.5, 0.6, 0.16, 0.4, (250, 250, 252), up=0.7)
    if free:
        return
    blanket = view.detail.choice(((96, 150, 190), (120, 176, 140), (190, 200, 206)))
    view.box(x, z + 0.1, 0.8, 0.26, 1.3, blanket, up=0.68)
    view.blob((x, 0.95, z + 1.55), 0.28, SKIN, 0.26)
    view.blob((x, 1.03, z + 1.6), 0.28, (36, 30, 28), 0.14)
    edge = x + (0.6 if x < 0 else -0.6)
    view.line(((edge, 0.2, z + 1.2), (edge, 1.9, z + 1.2)), (160, 166, 170), 0.03)
    view.blob((edge, 1.8, z + 1.2), 0.16, (214, 230, 236), 0.26)


def vendors(view: StreetView, done: bool) -> None:
    """Stalls with parasols that fill the pavement and half of the road."""
    side = view.chance.choice((-1, 1))
    view.face(side * 2.2, 6.0)
    _street(view)
    if done:
        view.patch(side * 3.0, 5.5, 1.8, 2.8, (140, 136, 128), 0.1)
        _crew(view, side * 1.6, 6.6)
        return
    for number, z in enumerate((15.0, 11.5, 8.2, 5.2)):
        x = side * (2.6 + 0.2 * (number % 2))
        cloth = view.detail.choice(((206, 44, 40), (36, 110, 190), (240, 190, 40), (50, 150, 90), (240, 120, 40)))
        view.box(x, z, 1.9, 0.9, 1.0, view.detail.choice(((180, 130, 80), (110, 160, 190), (206, 190, 160))), up=0.35)
        for wheel in (-0.7, 0.7):
            view.blob((x + wheel, 0.28, z - 0.02), 0.52, (36, 36, 38))
        for _ in range(22):
            view.blob(
                (x + view.detail.uniform(-0.85, 0.85), 1.28 + view.detail.uniform(0, 0.16), z + 0.1),
                0.2,
                view.detail.choice(((230, 120, 40), (210, 50, 40), (240, 210, 70), (120, 160, 60), (200, 160, 110))),
            )
        view.line(((x, 1.2, z + 0.4), (x, 2.3, z + 0.4)), (200, 200, 200), 0.06)
        view.area(((x - 1.5, 2.05, z + 0.1), (x, 2.75, z + 0.4), (x + 1.5, 2.05, z + 0.1)), cloth)
        view.area(
            ((x - 0.5, 2.05, z + 0.08), (x, 2.75, z + 0.38), (x + 0.5, 2.05, z + 0.08)),
            mixed(cloth, (255, 255, 255), 0.7),
        )
        person(view, x - side * 1.4, z + 0.2)
    for _ in range(3):
        person(view, side * view.detail.uniform(0.2, 1.1), view.detail.uniform(5.5, 10))


def noise(view: StreetView, done: bool) -> None:
    """Loudspeakers as high as a man in the street, and people around them."""
    view.face(0.0, 5.4)
    _street(view)
    if done:
        return
    for z in (9.0, 8.2):
        for _ in range(5):
            person(view, view.detail.uniform(-2.8, 2.8), z + view.detail.uniform(0, 2))
    for x in (-1.5, 1.5):
        for number in range(2):
            view.box(x, 5.4, 1.05, 1.1, 0.8, (30, 30, 34), up=0.1 + number * 1.12)
            view.blob((x, 0.55 + number * 1.12, 5.38), 0.74, (92, 92, 98))
            view.blob((x, 0.55 + number * 1.12, 5.37), 0.6, (46, 46, 50))
            view.blob((x, 0.55 + number * 1.12, 5.36), 0.24, (130, 130, 136))
            view.blob((x + 0.32, 1.02 + number * 1.12, 5.36), 0.2, (96, 96, 100))
    view.line(((-1.5, 3.0, 5.6), (1.5, 3.0, 5.6)), (60, 60, 64), 0.1)
    for number, colour in enumerate(((250, 60, 60), (70, 150, 250), (90, 240, 110), (250, 210, 60), (220, 90, 240))):
        lamp_at = (-1.2 + number * 0.6, 2.9, 5.6)
        view.blob(lamp_at, 0.26, colour)
        view.shine(lamp_at, 1.2, toned(colour, 0.7))
    view.line(((0, 0, 5.0), (0, 1.3, 5.0)), (60, 60, 64), 0.05)
    person(view, 0.1, 5.2)


def graffiti(view: StreetView, done: bool) -> None:
    """A wall that is sprayed over; painted anew when the work is done."""
    view.face(-0.9, 5.0, 1.5)
    sky(view)
    ground(view, lane=False)
    houses(view, (1,))
    wall = view.chance.choice(((206, 202, 190), (186, 190, 186), (212, 196, 164)))
    z, top, west, east = 5.0, 3.1, -5.5, 2.6
    view.area(((east, 0, z), (east, top, z), (east, top, z + 30), (east, 0, z + 30)), toned(wall, 0.7))
    view.area(((west, 0, z), (east, 0, z), (east, top, z), (west, top, z)), wall)
    view.area(((west, top, z), (east, top, z), (east + 0.1, top + 0.16, z), (west, top + 0.16, z)), toned(wall, 0.8))
    for number in range(1, 4):
        view.line(((west + number * 2.2, 0, z), (west + number * 2.2, top, z)), toned(wall, 0.9), 0.04)
    z -= 0.02
    if done:
        view.area(
            ((west + 1.0, 0.3, z), (east - 0.4, 0.3, z), (east - 0.4, 2.8, z), (west + 1.0, 2.8, z)),
            mixed(wall, (250, 250, 246), 0.55),
        )
        _crew(view, 1.9, 4.0)
        return
    colours: tuple[Colour, ...] = (
        (206, 30, 44),
        (30, 70, 190),
        (20, 20, 24),
        (30, 150, 80),
        (230, 120, 20),
        (150, 40, 160),
    )
    x = -3.4
    for _ in range(view.detail.randint(4, 5)):
        _letter(view, x, 0.7 + view.detail.uniform(0, 0.5), z, view.detail.choice(colours))
        x += 1.12
    for _ in range(5):
        start, low, colour = view.detail.uniform(-3.6, 1.4), view.detail.uniform(0.4, 2.3), view.detail.choice(colours)
        spots = [(start + 0.18 * n, low + 0.22 * sin(n * 2.1 + start), z) for n in range(9)]
        view.line(spots, colour, 0.06)
    for _ in range(16):
        drip = view.detail.uniform(-3.4, 1.8)
        low = view.detail.uniform(0.4, 1.2)
        view.line(((drip, low + 0.6, z), (drip, low, z)), view.detail.choice(colours), 0.025)


def _letter(view: StreetView, x: float, low: float, z: float, colour: Colour) -> None:
    """A fat letter with an edge, as sprayers draw them."""
    high, wide, detail = low + 1.35, 0.95, view.detail
    strokes = detail.choice((
        ((0, 0), (0.1, 1), (0.9, 0.9)), ((0, 1), (0.9, 1), (0.1, 0), (1, 0)), ((0, 0), (0.45, 1), (0.9, 0)),
        ((0.9, 1), (0.1, 0.8), (0.85, 0.3), (0, 0)), ((0, 1), (0.1, 0), (0.9, 0.1), (0.9, 1)),
        ((0, 0), (0.05, 1), (0.8, 0.75), (0.1, 0.45), (0.9, 0)), ((0.9, 0.9), (0.1, 0.8), (0.05, 0.1), (0.95, 0.05)),
    ))  # fmt: skip
    spots = [(x + wide * a, low + (high - low) * b, z) for a, b in strokes]
    view.line(spots, (16, 16, 20), 0.42)
    view.line(spots, colour, 0.3)
    view.line([(a, b + 0.04, c) for a, b, c in spots], mixed(colour, (255, 255, 255), 0.5), 0.07)


def railing(view: StreetView, done: bool) -> None:
    """A footbridge over a river whose railing has a gap and whose planks are broken."""
    view.face(0.4, 4.0, 0.5)
    sky(view)
    view.draw.rectangle((0, view.vanish[1], view.image.width, view.image.height), fill=(112, 120, 96))
    for number in range(12):
        tree(
            view, -16 + number * 3 + view.chance.uniform(-1, 1), view.chance.uniform(18, 26), view.chance.uniform(3, 6)
        )
    _water(view, -1.6, (110, 108, 84), -60, 60, 2.0)
    for row in range(30, -1, -1):
        z = 1.3 + row * 0.45
        gone = not done and row in (4, 5, 9)
        colour = toned((150, 112, 74), view.chance.uniform(0.82, 1.08))
        if gone:
            view.area(((-1.2, 0, z), (-0.4, 0, z), (-0.55, 0, z + 0.42), (-1.2, 0, z + 0.42)), colour)
        else:
            view.area(((-1.2, 0, z), (1.2, 0, z), (1.2, 0, z + 0.42), (-1.2, 0, z + 0.42)), colour)
    paint = (44, 120, 90)
    for side in (-1, 1):
        for number in range(9, -1, -1):
            z, x = 1.8 + number * 1.35, side * 1.25
            broken = not done and side > 0 and number in (1, 2)
            view.line(((x, 0, z), (x, 1.05, z)), paint, 0.09)
            for up in (0.4, 0.72, 1.05):
                if not broken:
                    view.line(((x, up, z), (x, up, z + 1.35)), paint, 0.07)
                elif number == 1:
                    view.line(((x, up, z), (x + 0.5, up - 0.5, z + 0.5)), (120, 72, 46), 0.07)
    if done:
        _crew(view, 0.5, 6.5)
    else:
        person(view, -0.4, 9.0)


def tap(view: StreetView, done: bool) -> None:
    """A tap that gives no more than a drop over a row of empty buckets; clear water when it works again."""
    view.face(0.2, 2.0, 0.85)
    tile = view.chance.choice(((196, 214, 218), (214, 206, 190), (188, 206, 190)))
    view.draw.rectangle((0, 0, view.image.width, view.image.height), fill=tile)
    z = 2.6
    for row in range(10):
        for column in range(14):
            x, y = -2.4 + column * 0.36, 0.1 + row * 0.36
            view.area(
                ((x, y, z), (x + 0.34, y, z), (x + 0.34, y + 0.34, z), (x, y + 0.34, z)),
                toned(tile, view.chance.uniform(0.93, 1.05)),
            )
    view.area(((-6, 0, 1.2), (6, 0, 1.2), (6, 0, 2.6), (-6, 0, 2.6)), (132, 130, 124))
    x, y, front = view.chance.uniform(-0.25, 0.25), 1.4, 2.3
    metal = (176, 180, 184)
    view.line(((x, y, 2.6), (x, y, front)), (120, 124, 128), 0.1)
    view.area(
        (
            (x - 0.08, y + 0.09, front),
            (x + 0.08, y + 0.09, front),
            (x + 0.08, y - 0.09, front),
            (x - 0.08, y - 0.09, front),
        ),
        metal,
    )
    view.line(((x, y, front), (x + 0.24, y - 0.02, front), (x + 0.3, y - 0.2, front)), metal, 0.1)
    view.line(((x - 0.14, y + 0.2, front), (x + 0.14, y + 0.2, front)), (190, 40, 40), 0.06)
    view.line(((x, y + 0.06, front), (x, y + 0.2, front)), metal, 0.05)
    mouth, bucket = x + 0.3, front - 0.1
    if done:
        view.area(
            (
                (mouth - 0.04, y - 0.22, front),
                (mouth + 0.04, y - 0.22, front),
                (mouth + 0.05, 0.62, front),
                (mouth - 0.05, 0.62, front),
            ),
            (206, 230, 240),
        )
        view.line(((mouth - 0.01, y - 0.22, front), (mouth, 0.62, front)), (250, 252, 255), 0.02)
    elif view.detail.random() < 0.5:
        view.area(
            (
                (mouth - 0.03, y - 0.22, front),
                (mouth + 0.03, y - 0.22, front),
                (mouth + 0.04, 0.62, front),
                (mouth - 0.04, 0.62, front),
            ),
            (132, 92, 46),
        )
    else:
        view.blob((mouth, y - 0.4, front), 0.06, (160, 190, 206), 0.1)
    paints: tuple[Colour, ...] = ((200, 60, 56), (40, 100, 190), (236, 190, 50), (60, 150, 90))
    brown = not done
    for number, out in enumerate((-0.75, 1.0, 0.3) if not done else (0.3,)):
        paint, middle = view.chance.choice(paints), x + out
        view.area(
            (
                (middle - 0.28, 0.6, bucket),
                (middle + 0.28, 0.6, bucket),
                (middle + 0.2, 0.02, bucket),
                (middle - 0.2, 0.02, bucket),
            ),
            paint,
        )
        view.blob((middle, 0.6, bucket), 0.56, toned(paint, 1.2), 0.16)
        view.blob(
            (middle, 0.59, bucket),
            0.48,
            (112, 84, 48) if brown and number == 2 else toned(paint, 0.45) if brown else (170, 206, 222),
            0.12,
        )


def rough_sleeper(view: StreetView, done: bool) -> None:
    """Somebody who sleeps on cardboard before a shut shop, with a cart of his belongings."""
    view.face(-0.2, 4.2, 1.0)
    sky(view)
    ground(view, lane=False)
    houses(view, (1,))
    z, west, east, top = 4.6, -5.5, 2.6, 3.6
    view.area(((west, 0, z), (east, 0, z), (east, top, z), (west, top, z)), (186, 178, 166))
    shutter = view.chance.choice(((96, 120, 140), (140, 140, 146), (80, 120, 104)))
    view.area(((-3.4, 0, z), (1.6, 0, z), (1.6, 2.7, z), (-3.4, 2.7, z)), shutter)
    for number in range(17):
        y = 0.16 * number
        view.line(((-3.4, y, z), (1.6, y, z)), toned(shutter, 0.82), 0.03)
    view.area(
        ((-3.6, 2.75, z), (1.8, 2.75, z), (1.8, 3.4, z), (-3.6, 3.4, z)),
        view.chance.choice(((180, 48, 44), (40, 96, 160), (44, 128, 84))),
    )
    if done:
        return
    z, x = 3.8, view.detail.uniform(-1.6, -0.8)
    view.area(
        ((x - 1.2, 0.02, z - 0.5), (x + 1.2, 0.02, z - 0.5), (x + 1.1, 0.02, z + 0.6), (x - 1.1, 0.02, z + 0.6)),
        (180, 144, 96),
    )
    cloth = view.detail.choice(((110, 60, 56), (70, 84, 110), (96, 110, 80)))
    for number in range(12):
        part = number / 11
        view.blob((x - 0.8 + 1.3 * part, 0.24, z), 0.36, toned(cloth, 0.9 + 0.2 * (number % 2)), 0.4 - 0.12 * part)
    view.blob((x + 0.86, 0.22, z), 0.3, SKIN, 0.28)
    view.blob((x + 0.95, 0.27, z), 0.24, (36, 30, 28), 0.24)
    cart = x + 2.3
    view.box(cart, z, 1.1, 0.7, 0.7, (130, 104, 70), up=0.4)
    view.blob((cart - 0.3, 0.3, z - 0.02), 0.58, (34, 34, 36))
    view.blob((cart - 0.3, 0.3, z - 0.03), 0.3, (140, 140, 144))
    for _ in range(26):
        view.blob(
            (cart + view.detail.uniform(-0.5, 0.5), 1.15 + view.detail.uniform(0, 0.5), z),
            0.32,
            view.detail.choice(_BAGS),
            0.26,
        )


SCENES: dict[str, Callable[[StreetView, bool], None]] = {
    "banjir": flood, "genangan": puddle, "saluran": drain, "tanggul": dike, "jalan-rusak": pothole,
    "trotoar": pavement, "lampu-jalan": lamp, "sampah": waste, "bakar-sampah": burning_waste,
    "pencemaran": pollution, "kemacetan": jam, "lampu-merah": signal, "parkir-liar": parking, "halte": stop,
    "pohon-tumbang": fallen_tree, "pohon-rawan": leaning_tree, "taman": park, "kabel-listrik": cable,
    "kebakaran": fire, "tempat-tidur-rs": ward, "pkl": vendors, "ketertiban": noise, "vandalisme": graffiti,
    "fasilitas-umum": railing, "air-bersih": tap, "sosial": rough_sleeper,
}  # fmt: skip
"""The scene of each service of the demo city, by its code."""
INDOORS = frozenset({"tempat-tidur-rs", "air-bersih"})
WET = frozenset({"banjir", "genangan", "tanggul"})
"""Services whose photos mostly show rain or what it left."""

"""The street that a demo photo shows: a small world in metres that one camera looks at, drawn from far to near."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import Enum
from math import cos

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Corner = tuple[float, float, float]
"""A point of the street: metres to the right of its middle, up from the ground, and ahead of the camera."""

WIDTH, HEIGHT = 640, 480
SCALE = 2
"""A view is drawn so many times larger than the photo, which has smooth edges then."""
_W, _H = WIDTH * SCALE, HEIGHT * SCALE
GLOW = 8
"""A pixel of the light of lamps is so many of the view."""
_NEAREST_M = 1.2
ROAD_M, WALK_M, WALL_M = 3.1, 4.4, 5.0
"""How far the edge of the road, of the pavement and the fronts of the houses are from the middle of the street."""

_WALLS: tuple[Colour, ...] = (
    (196, 184, 160), (170, 176, 178), (206, 178, 140), (158, 170, 148), (190, 176, 184), (176, 150, 130),
    (214, 206, 190), (134, 156, 166), (190, 140, 116), (208, 196, 128),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = ((150, 78, 58), (166, 92, 66), (122, 74, 66), (110, 104, 102), (96, 112, 120))
_AWNINGS: tuple[Colour, ...] = ((40, 96, 160), (180, 48, 44), (44, 128, 84), (214, 150, 44), (120, 60, 130))
_PAINTS: tuple[Colour, ...] = (
    (196, 198, 202), (40, 44, 50), (148, 34, 36), (236, 236, 234), (52, 78, 124), (120, 124, 130), (170, 150, 112),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (60, 90, 150),
    (170, 60, 60),
    (90, 90, 96),
    (70, 120, 90),
    (200, 190, 170),
    (150, 100, 60),
)
SKIN: Colour = (150, 106, 78)
STEEL: Colour = (112, 116, 120)
CONCRETE: Colour = (160, 156, 148)


class Light(Enum):
    """What light there is."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


def toned(colour: Colour, factor: float) -> Colour:
    """Darker below 1, brighter above."""
    return tuple(max(0, min(255, int(part * factor))) for part in colour)  # type: ignore[return-value]


def mixed(one: Colour, other: Colour, part: float) -> Colour:
    """`part` of the other colour in the one."""
    (red, green, blue), (to_red, to_green, to_blue) = one, other
    return (
        int(red + (to_red - red) * part),
        int(green + (to_green - green) * part),
        int(blue + (to_blue - blue) * part),
    )


class StreetView:
    """A picture while it is drawn. Whoever draws gives points in metres; what is nearer is drawn later.

    `chance` decides about the street, and gives the same one before and after the work; `detail` about all else.
    """

    def __init__(self, chance: random.Random, detail: random.Random, light: Light, *, wet: bool, number: int) -> None:
        """`number` counts the photos of one report: each is taken from another step of the way."""
        self.chance, self.detail, self.light, self.wet = chance, detail, light, wet
        self.image = Image.new("RGB", (_W, _H))
        self.draw = ImageDraw.Draw(self.image)
        self.glow = Image.new("RGB", (_W // GLOW, _H // GLOW))
        self._glow = ImageDraw.Draw(self.glow)
        self.rain = wet and detail.random() < 0.6
        turn, step = chance.uniform(-0.20, 0.20), chance.uniform(-1.0, 1.0)
        tall, tilt = chance.uniform(1.4, 1.75), chance.uniform(0.40, 0.50)
        if number:
            turn, step, tilt = turn + (0.14 if number % 2 else -0.14), step - 0.9 * (-1) ** number, tilt - 0.04
        self._focus = _W * chance.uniform(0.74, 0.86) * (1 + 0.12 * number)
        self._east, self._up, self.vanish = step, tall, (_W * (0.5 + turn), _H * tilt)
        self.haze: Colour = (178, 186, 192) if not wet else (160, 166, 170)

    def face(self, x: float, z: float, y: float | None = None) -> None:
        """Turn the camera to what the photo is about, and with `y` up or down to it; to be said before all is drawn."""
        there = self.at(x, y or 0.0, z)
        right, below = _W * (0.5 + self.chance.uniform(-0.1, 0.1)) - there[0], 0.0
        if y is not None:
            below = _H * (0.5 + self.chance.uniform(-0.04, 0.04)) - there[1]
        self.vanish = self.vanish[0] + right, self.vanish[1] + below

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Where a point of the street is in the picture."""
        z = max(_NEAREST_M, z)
        return self.vanish[0] + self._focus * (x - self._east) / z, self.vanish[1] - self._focus * (y - self._up) / z

    def size(self, metres: float, z: float) -> float:
        """How many pixels long something is, so far away."""
        return self._focus * metres / max(_NEAREST_M, z)

    def far(self, colour: Colour, z: float) -> Colour:
        """A colour seen through the air of a city."""
        return mixed(colour, self.haze, min(0.62, (z - 6) / 70)) if z > 6 else colour

    def area(self, corners: Sequence[Corner], colour: Colour) -> None:
        """A flat surface."""
        (middle, level), focus, east, tall = self.vanish, self._focus, self._east, self._up
        spots, far = [], 0.0
        for x, y, z in corners:
            size = focus / max(_NEAREST_M, z)
            spots.append((middle + size * (x - east), level - size * (y - tall)))
            far += z
        self.draw.polygon(spots, fill=self.far(colour, far / len(corners)))

    def line(self, corners: Sequence[Corner], colour: Colour, thick_m: float) -> None:
        """A bar, a cable or a stem, as thick as it is in the middle."""
        z = sum(corner[2] for corner in corners) / len(corners)
        wide = max(2, int(self.size(thick_m, z)))
        self.draw.line([self.at(*corner) for corner in corners], fill=self.far(colour, z), width=wide, joint="curve")

    def blob(self, middle: Corner, across_m: float, colour: Colour, tall_m: float | None = None) -> None:
        """Something round, `across_m` wide and as high unless it is said how high."""
        x, y = self.at(*middle)
        wide, tall = self.size(across_m / 2, middle[2]), self.size((tall_m or across_m) / 2, middle[2])
        self.draw.ellipse((x - wide, y - tall, x + wide, y + tall), fill=self.far(colour, middle[2]))

    def patch(self, x: float, z: float, wide_m: float, long_m: float, colour: Colour, rough: float = 0.0) -> None:
        """A spot on the ground; a `rough` one has a torn edge."""
        steps = 28
        corners = []
        for number in range(steps):
            turn = 6.2832 * number / steps
            out = 1 + (self.detail.uniform(-rough, rough) if rough else 0.0)
            corners.append((x + wide_m / 2 * out * cos(turn), 0.0, z + long_m / 2 * out * cos(turn - 1.5708)))
        self.area(corners, colour)

    def box(self, x: float, z: float, wide: float, high: float, long: float, colour: Colour, up: float = 0.0) -> None:
        """A block whose front is nearest: its top, the side that is seen, its front."""
        west, east, top, back = x - wide / 2, x + wide / 2, up + high, z + long
        if top < self._up:
            self.area(((west, top, z), (east, top, z), (east, top, back), (west, top, back)), toned(colour, 1.12))
        edge = west if west > self._east else east if east < self._east else None
        if edge is not None:
            side = ((edge, up, z), (edge, top, z), (edge, top, back), (edge, up, back))
            self.area(side, toned(colour, 0.78))
        self.area(((west, up, z), (west, top, z), (east, top, z), (east, up, z)), colour)

    def shine(self, place: Corner, across_m: float, colour: Colour) -> None:
        """Light around a lamp or a fire; it is seen at night and a little by dusk."""
        x, y = self.at(*place)
        size = max(1.0, self.size(across_m / 2, place[2]) / GLOW)
        x, y = x / GLOW, y / GLOW
        self._glow.ellipse((x - size, y - size, x + size, y + size), fill=colour)

    def beam(self, corners: Sequence[Corner], colour: Colour) -> None:
        """What a lamp lights up."""
        self._glow.polygon([(x / GLOW, y / GLOW) for x, y in (self.at(*corner) for corner in corners)], fill=colour)


# What stands in a street


def sky(view: StreetView) -> None:
    """The sky, with clouds where it does not rain."""
    above, below = {
        Light.DAY: ((112, 158, 206), (206, 220, 228)), Light.DUSK: ((92, 104, 150), (244, 170, 110)),
        Light.NIGHT: ((40, 46, 66), (72, 70, 78)),
    }[view.light]  # fmt: skip
    if view.wet:
        above, below = mixed(above, (116, 122, 130), 0.85), mixed(below, (176, 180, 184), 0.85)
    end = max(16, int(view.vanish[1]) + 8)
    for y in range(0, end, 8):
        view.draw.rectangle((0, y, _W, y + 8), fill=mixed(above, below, y / end))
    weather = view.detail
    for _ in range(0 if view.wet else weather.randint(2, 6)):
        east, up = weather.uniform(0, _W), weather.uniform(0, end * 0.7)
        white = mixed(below, (250, 250, 250), 0.5)
        for _ in range(6):
            wide, tall = weather.uniform(60, 170), weather.uniform(14, 34)
            east, up = east + weather.uniform(-70, 70), up + weather.uniform(-10, 10)
            box = (east - wide, up - tall, east + wide, up + tall)
            view.draw.ellipse(box, fill=mixed(white, above, 0.25))
    x = -40.0
    while x < _W:  # the towers and trees at the end of the street
        wide, tall = view.chance.uniform(40, 150), view.chance.uniform(14, 110)
        view.draw.rectangle((x, end - tall, x + wide, end), fill=mixed(view.haze, (92, 112, 116), 0.35))
        x += wide


def ground(view: StreetView, *, lane: bool = True) -> None:
    """The road with its marks, and a pavement on both sides."""
    view.draw.rectangle((0, view.vanish[1], _W, _H), fill=view.far((118, 114, 106), 16))
    asphalt = (84, 86, 90) if not view.wet else (62, 66, 72)
    for near, far in ((1.2, 7.0), (7.0, 18.0), (18.0, 90.0)):
        view.area(((-ROAD_M, 0, near), (ROAD_M, 0, near), (ROAD_M, 0, far), (-ROAD_M, 0, far)), asphalt)
    for side in (-1, 1):
        kerb, wall = side * ROAD_M, side * WALL_M
        for near, far in ((1.2, 8.0), (8.0, 60.0)):
            view.area(((kerb, 0.14, near), (wall, 0.14, near), (wall, 0.14, far), (kerb, 0.14, far)), CONCRETE)
            view.area(((kerb, 0, near), (kerb, 0.14, near), (kerb, 0.14, far), (kerb, 0, far)), (126, 122, 116))
    if lane and view.chance.random() < 0.75:
        for number in range(10):
            z = 2.4 + number * 4.2
            view.area(((-0.07, 0, z), (0.07, 0, z), (0.07, 0, z + 2.2), (-0.07, 0, z + 2.2)), (206, 204, 192))
    for _ in range(16):  # repairs and stains
        x, z = view.chance.uniform(-2.8, 2.8), view.chance.uniform(2.5, 18)
        view.patch(
            x,
            z,
            view.chance.uniform(0.3, 1.6),
            view.chance.uniform(0.4, 2.2),
            toned(asphalt, view.chance.uniform(0.9, 1.07)),
        )


def houses(view: StreetView, sides: Sequence[int] = (-1, 1)) -> None:
    """A row of houses on both sides, the farthest first, with poles, wires and trees in front of them."""
    for side in sides:
        fronts = []
        z = view.chance.uniform(-1.5, 1.5)
        while z < 62:
            long = view.chance.uniform(4.0, 8.5)
            fronts.append((z, z + long, view.chance.uniform(3.0, 7.4), view.chance.choice(_WALLS)))
            z += long + (view.chance.uniform(0.4, 3.0) if view.chance.random() < 0.3 else 0.0)
        for number, (near, far, tall, wall) in enumerate(reversed(fronts)):
            _house(view, side, (max(near, _NEAREST_M + 0.1), far, tall), wall)
            if view.chance.random() < 0.35 and near > 6:
                tree(view, side * (WALK_M + 0.1), near, view.chance.uniform(3.2, 5.6))
            elif number % 3 == 0 and near > 4:
                pole(view, side * (WALK_M - 0.1), near)
        if view.chance.random() < 0.8:
            wires(view, side)


def _house(view: StreetView, side: int, shape: tuple[float, float, float], wall: Colour) -> None:
    near, far, tall = shape
    x, chance = side * WALL_M, view.chance
    wall = toned(wall, 0.86 if side < 0 else 1.0)
    view.area(((x, 0, near), (x, tall, near), (x, tall, far), (x, 0, far)), wall)
    view.area(((x, tall, near), (x + side * 5, tall, near), (x + side * 5, 0, near), (x, 0, near)), toned(wall, 0.72))
    if chance.random() < 0.6:
        roof, over = chance.choice(_ROOFS), side * 0.6
        view.area(((x - over, tall - 0.2, near), (x + side * 2.4, tall + 1.7, near),
                   (x + side * 2.4, tall + 1.7, far), (x - over, tall - 0.2, far)), roof)  # fmt: skip
    lit = chance.random() < 0.45 and view.light is Light.NIGHT
    glass = (236, 206, 130) if lit else (66, 80, 92)
    storeys = max(1, int(tall // 2.9))
    for storey in range(storeys):
        low, z = 0.9 + storey * 2.9, near + 0.6
        while z + 1.2 < far:
            if storey or chance.random() < 0.6:
                view.area(((x, low, z), (x, low + 1.3, z), (x, low + 1.3, z + 1.0), (x, low, z + 1.0)), glass)
                if lit:
                    view.shine((x, low + 0.6, z + 0.5), 1.5, (110, 84, 46))
            else:
                view.area(((x, 0.1, z), (x, 2.2, z), (x, 2.2, z + 0.9), (x, 0.1, z + 0.9)), (92, 70, 54))
            z += chance.uniform(1.5, 2.4)
    if chance.random() < 0.4:
        cloth, out = chance.choice(_AWNINGS), x - side * 1.1
        view.area(((x, 2.9, near + 0.3), (out, 2.4, near + 0.3), (out, 2.4, far - 0.3), (x, 2.9, far - 0.3)), cloth)
        if chance.random() < 0.5:
            view.area(
                ((x, 3.9, near + 0.4), (x, 3.0, near + 0.4), (x, 3.0, far - 0.4), (x, 3.9, far - 0.4)),
                chance.choice(_AWNINGS),
            )


def pole(view: StreetView, x: float, z: float, tall: float = 7.0) -> None:
    """A pole of concrete with its arms."""
    view.line(((x, 0, z), (x, tall, z)), (140, 134, 126), 0.2)
    for up in (0.3, 0.9):
        view.line(((x - 0.7, tall - up, z), (x + 0.7, tall - up, z)), (104, 98, 92), 0.1)


def wires(view: StreetView, side: int) -> None:
    """The wires of a street, which hang through between their poles."""
    for strand in range(view.chance.randint(2, 5)):
        x, up = side * (WALK_M - 0.1) + 0.2 * strand - 0.4, 6.7 - 0.28 * strand
        spots = [(x, up - 0.5 * (number % 2), 1.6 + number * 6.0) for number in range(8)]
        view.draw.line([view.at(*spot) for spot in spots], fill=(58, 58, 62), width=3)


def tree(view: StreetView, x: float, z: float, tall: float, lean: float = 0.0) -> None:
    """A tree with a crown of many leaves; `lean` says how many metres its top is off its foot."""
    top = (x + lean, tall * 0.7, z)
    view.line(((x, 0, z), (x + lean * 0.35, tall * 0.36, z), top), (92, 72, 54), 0.34)
    crown(view, top, tall * 0.62)


def crown(view: StreetView, middle: Corner, across: float, count: int = 24) -> None:
    """Leaves in clumps, those that the light falls on brighter."""
    for number in range(count):
        turn = view.chance.uniform(0, 6.2832)
        out = view.chance.random() ** 0.5 * across / 2
        x, y = middle[0] + out * cos(turn), middle[1] + 0.8 * out * cos(turn - 1.5708)
        green = mixed((40, 72, 40), (112, 146, 66), 0.75 * number / count + view.chance.uniform(0, 0.25))
        view.blob((x, y, middle[2]), across * view.chance.uniform(0.16, 0.34), green)


def car(
    view: StreetView, x: float, z: float, *, paint: Colour | None = None, sunk: float = 0.0, away: bool = True
) -> None:
    """A car from behind (`away`) or from before; `sunk` is how deep it stands in water, in metres."""
    colour = paint or view.detail.choice(_PAINTS)
    wide, up = 1.75, -sunk
    if not sunk:
        view.patch(x, z + 1.9, 2.3, 4.6, (46, 46, 50))
    view.box(x, z, wide, 0.62, 4.1, colour, up=up + 0.28)
    view.box(x, z + 0.5, wide * 0.86, 0.6, 2.3, toned(colour, 0.94), up=up + 0.9)
    glass = (52, 64, 74)
    west, east = x - wide * 0.37, x + wide * 0.37
    view.area(((west, up + 0.95, z + 0.49), (west + 0.06, up + 1.42, z + 0.49), (east - 0.06, up + 1.42, z + 0.49),
               (east, up + 0.95, z + 0.49)), glass)  # fmt: skip
    lamp: Colour = (206, 36, 30) if away else (250, 244, 214)
    for edge in (x - 0.72, x + 0.72):
        view.area(((edge - 0.13, up + 0.62, z), (edge + 0.13, up + 0.62, z), (edge + 0.13, up + 0.8, z),
                   (edge - 0.13, up + 0.8, z)), lamp)  # fmt: skip
        if not sunk:
            view.blob((edge, 0.28, z + 0.02), 0.34, (26, 26, 28), 0.6)
            view.shine((edge, 0.7, z), 0.5, (200, 40, 30) if away else (250, 240, 210))
    view.area(((x - 0.26, up + 0.42, z), (x + 0.26, up + 0.42, z), (x + 0.26, up + 0.56, z), (x - 0.26, up + 0.56, z)),
              (232, 232, 226))  # fmt: skip


def rider(view: StreetView, x: float, z: float, *, sunk: float = 0.0) -> None:
    """A motorbike with its rider, from behind."""
    coat, up = view.detail.choice((*_CLOTHES, (30, 140, 70))), -sunk
    if not sunk:
        view.patch(x, z + 0.6, 0.8, 1.7, (50, 50, 54))
    view.blob((x, up + 0.34, z), 0.2, (24, 24, 26), 0.66)
    view.box(x, z, 0.34, 0.34, 0.9, view.detail.choice(_PAINTS), up=up + 0.5)
    view.blob((x, up + 0.74, z), 0.14, (206, 36, 30), 0.1)
    view.shine((x, up + 0.74, z), 0.4, (200, 36, 30))
    view.blob((x, up + 1.08, z + 0.1), 0.52, coat, 0.8)
    view.blob((x, up + 1.58, z + 0.1), 0.3, view.detail.choice(((230, 230, 230), (30, 30, 34), (170, 40, 40))), 0.34)


def person(view: StreetView, x: float, z: float, *, vest: bool = False, sunk: float = 0.0) -> None:
    """Somebody who stands there, `sunk` so deep in water; a crew's people wear a vest."""
    coat, legs, up = view.detail.choice(_CLOTHES), view.detail.choice(((44, 48, 60), (70, 62, 54), (52, 66, 90))), -sunk
    if vest:
        coat = (240, 112, 26)
    if not sunk:
        view.patch(x + 0.1, z, 0.7, 0.4, (70, 70, 72))
    for foot in (-0.1, 0.1):
        view.line(((x + foot, up, z), (x + foot * 0.8, up + 0.85, z)), legs, 0.17)
    view.line(((x - 0.27, up + 0.75, z), (x - 0.22, up + 1.36, z)), toned(coat, 0.9), 0.13)
    view.line(((x + 0.27, up + 0.75, z), (x + 0.22, up + 1.36, z)), toned(coat, 0.9), 0.13)
    view.blob((x, up + 1.12, z), 0.46, coat, 0.74)
    if vest:
        for height in (0.98, 1.2):
            view.line(((x - 0.21, up + height, z), (x + 0.21, up + height, z)), (232, 236, 190), 0.06)
    view.blob((x, up + 1.6, z), 0.24, SKIN, 0.3)
    view.blob((x, up + 1.69, z), 0.25, (240, 200, 40) if vest else (36, 30, 28), 0.16)


def cone(view: StreetView, x: float, z: float) -> None:
    """A traffic cone."""
    view.area(((x - 0.22, 0, z), (x + 0.22, 0, z), (x + 0.05, 0.72, z), (x - 0.05, 0.72, z)), (236, 92, 28))
    view.area(((x - 0.15, 0.28, z), (x + 0.15, 0.28, z), (x + 0.11, 0.45, z), (x - 0.11, 0.45, z)), (240, 240, 236))


def heap(view: StreetView, x: float, z: float, wide: float, tall: float) -> None:
    """A heap of waste: bags, cartons, bottles and cloth."""
    chance = view.detail
    view.patch(x, z, wide * 1.15, wide * 0.6, (66, 58, 48), rough=0.12)
    colours: tuple[Colour, ...] = (
        (34, 34, 38), (36, 36, 42), (226, 224, 218), (50, 94, 150), (176, 52, 46), (96, 126, 70), (206, 186, 112),
        (150, 122, 84), (222, 222, 226), (120, 98, 74),
    )  # fmt: skip
    for step in range(110):
        part = step / 110
        off = chance.uniform(-0.5, 0.5)
        up = tall * (1 - part) * max(0.0, 1 - abs(2 * off) ** 1.6) * chance.uniform(0.55, 1.0)
        spot = (x + off * wide, up + 0.08, z + 0.5 - part)
        colour = chance.choice(colours)
        size = chance.uniform(0.12, 0.42)
        if chance.random() < 0.62:
            view.blob(spot, size, toned(colour, chance.uniform(0.75, 1.05)), size * chance.uniform(0.5, 0.9))
            view.blob(
                (spot[0] - size * 0.15, spot[1] + size * 0.14, spot[2]), size * 0.3, toned(colour, 1.35), size * 0.16
            )
        else:
            turn, far = chance.uniform(-0.2, 0.2), size * 0.5
            x_at, y_at, z_at = spot
            corners = ((x_at - far, y_at - turn, z_at), (x_at + far, y_at + turn, z_at),
                       (x_at + far * 0.8, y_at + turn + far, z_at),
                       (x_at - far * 0.9, y_at - turn + far, z_at))  # fmt: skip
            view.area(corners, toned(colour, chance.uniform(0.8, 1.1)))


def lamp_post(view: StreetView, x: float, z: float, *, on: bool, tall: float = 6.0) -> None:
    """A street lamp whose arm reaches over the road."""
    arm = -1.3 if x > 0 else 1.3
    view.line(((x, 0, z), (x, tall, z), (x + arm, tall + 0.25, z)), STEEL, 0.15)
    head = (x + arm, tall + 0.2, z)
    view.blob(head, 0.75, (252, 236, 180) if on else (96, 98, 102), 0.22)
    if on and view.light is not Light.DAY:
        out = head[0]
        lit = ((out - 0.3, tall, z), (out + 0.3, tall, z), (out + 3.0, 0, z + 1), (out - 3.0, 0, z - 1))
        view.beam(lit, (150, 124, 78))
        view.shine(head, 2.6, (255, 226, 160))

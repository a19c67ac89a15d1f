"""Measures the console's answers from board and cache; each is followed by the same question to a plain SQL table."""

from __future__ import annotations

import msgspec

from console.board.counts import arrivals_of
from console.board.map_answer import map_answer
from console.board.snapshot import COLUMNS
from console.rules.filter import Filter
from console.rules.status import ORDER
from console.rules.time_range import TimeRange
from tools.bench.timing import times_ms
from tools.bench.world import CITY, PAGE, WORDS, ZONE, World

SCREEN = 40
"""Rows of the queue that are in sight."""

_YOUNGER_S = 400 * 86_400


def fill(world: World) -> list[float]:
    """Seconds from JSON pages to a cache that can be searched; each of these functions gives samples in ms unless it
    says else.
    """
    assert world.writer is not None
    return [world.fill_s]


def fill_plain(world: World) -> list[float]:
    """Seconds from JSON pages to a table that can be searched."""
    return [world.plain.fill_s]


def narrow(world: World) -> list[float]:
    """Apply another filter, in turn to the open reports and to all."""

    def ask(number: int) -> None:
        tab = "closed" if number % 2 else "open"
        view = world.view(Filter(tab=tab, services=_services(number), younger_s=_YOUNGER_S))
        map_answer(view, *CITY, 11)

    return times_ms(20, ask)


def narrow_plain(world: World) -> list[float]:
    """The same by SQL."""

    def ask(number: int) -> None:
        state = "1" if number % 2 else "open"
        where = f"{state} AND service IN (?, ?) AND created > ?"
        world.plain.screen(where, (*_services(number), world.now_s - _YOUNGER_S), world.now_s, CITY)

    return times_ms(10, ask)


def narrow_by_words(world: World) -> list[float]:
    """Filter by two words."""

    def ask(number: int) -> None:
        text = _two_words(number)
        world.view(Filter(text=text), text_rows=world.reader.matching(text))

    return times_ms(10, ask)


def narrow_by_words_plain(world: World) -> list[float]:
    """The same by SQL."""
    return times_ms(10, lambda number: world.plain.screen_of_words(_two_words(number), world.now_s, CITY))


def change(world: World) -> list[float]:
    """Take in one changed report, from its columns to all that the screen shows."""
    snapshot = world.snapshot

    def arrive(number: int) -> None:
        columns = {name: snapshot.column(name)[number : number + 1].copy() for name in COLUMNS}
        columns["status"][:] = (columns["status"] + 1) % len(ORDER)
        columns["updated"][:] = world.now_s
        view = world.view(Filter(), snapshot.with_rows(columns))
        map_answer(view, *CITY, 11)
        view.row_facts(view.order[:SCREEN])

    return times_ms(20, arrive)


def change_plain(world: World) -> list[float]:
    """One changed report by SQL: the queries of the screen again; writing it is left out, as above."""
    return times_ms(10, lambda _: world.plain.screen("open", (), world.now_s, CITY))


def delta(world: World) -> list[float]:
    """Take 1,000 changed reports through the cache into the board."""
    seq = world.reports * 2
    changes = [world.changed(PAGE) for _ in range(6)]
    return times_ms(5, lambda number: world.take_in(changes[number], seq + number * PAGE))


def delta_plain(world: World) -> list[float]:
    """1,000 changed reports into the table."""
    changes = [msgspec.json.encode(world.changed(PAGE)) for _ in range(6)]
    return times_ms(5, lambda number: world.plain.change(changes[number]))


def aggregate(world: World) -> list[float]:
    """Count reports by hour, with the mean of 28 days."""
    board = world.snapshot
    fits, created = board.column("alive"), board.column("created")
    oldest, newest = int(created.min()), int(created.max())
    return times_ms(20, lambda _: arrivals_of(created, fits, TimeRange.DAY, world.now_s, oldest, newest, ZONE))


def aggregate_plain(world: World) -> list[float]:
    """The same by SQL."""
    return times_ms(10, lambda _: world.plain.hours("1", (), world.now_s))


def search(world: World) -> list[float]:
    """Find the newest 50 while a word is typed."""
    return times_ms(20, lambda number: world.reader.find(WORDS[number % len(WORDS)][:4], 50))


def search_plain(world: World) -> list[float]:
    """The same by SQL."""
    return times_ms(10, lambda number: world.plain.find(WORDS[number % len(WORDS)][:4], 50))


def first_screen(world: World) -> list[float]:
    """The order of all open reports, and the texts of the first screen."""

    def show(_: int) -> None:
        view = world.view(Filter())
        rows = view.order[:SCREEN]
        world.reader.texts(rows)
        view.row_facts(rows)

    return times_ms(20, show)


def first_screen_plain(world: World) -> list[float]:
    """The first screen and the counts of the tabs by SQL."""
    return times_ms(10, lambda _: world.plain.queue("open"))


def jump(world: World) -> list[float]:
    """Show a screen anywhere in the longest queue."""
    view = world.everything

    def show(_: int) -> None:
        at = world.random.randrange(max(1, len(view.order) - SCREEN))
        rows = view.order[at : at + SCREEN]
        world.reader.texts(rows)
        view.row_facts(rows)

    return times_ms(50, show)


def jump_plain(world: World) -> list[float]:
    """A page anywhere in all reports by SQL."""
    last = max(1, world.reports - SCREEN)
    return times_ms(10, lambda _: world.plain.queue("1", order="due", offset=world.random.randrange(last)))


def sort(world: World) -> list[float]:
    """Another order."""
    orders = ("newest", "due", "priority", "area")
    return times_ms(12, lambda number: world.view(Filter(order=orders[number % 4])))


def sort_plain(world: World) -> list[float]:
    """Another order by SQL."""
    orders = ("created DESC", "due", "priority, created", "area, created")
    return times_ms(8, lambda number: world.plain.queue("open", order=orders[number % 4]))


def _services(number: int) -> tuple[str, str]:
    return f"service-{number % 26}", f"service-{(number + 7) % 26}"


def _two_words(number: int) -> str:
    return f"{WORDS[number % len(WORDS)]} {WORDS[(number + 5) % len(WORDS)]}"

"""The command line and the palette: a live sentence of what Enter will do, and every action, report, unit and place."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtWidgets import QWidget

from console.advice.units import begun_for
from console.cache.reader import CacheReader, RowText
from console.city_map.messages import FoundPlace
from console.panels import formatting
from console.panels.action import Actions
from console.panels.action_runner import ActionRunner
from console.panels.command_grammar import parse
from console.panels.command_line.typed_line import TypedLine
from console.panels.map.places import MapPlaces, label_of
from console.panels.qt_outbox import QtOutbox
from console.panels.situation import SituationMonitor
from console.panels.typed_command import TypedCommand
from console.panels.unit_commands import UnitCommands
from console.panels.window_state import WindowState
from console.rules.edit import is_local
from console.rules.filter import FLAG_WORDS, MOST_RADIUS_M, NEAR_M, Circle, Filter, FilterError
from console.rules.names import all_names
from console.rules.status import ORDER
from console.tasks import Tasks
from widgets.command import CommandLine
from widgets.palette import Palette, PaletteRow
from widgets.spelling import nearest

_SHOWN = 36
_FOUND = 8
_NAMED = 2
_OFFERED_LETTERS = 64
"""The line offers values of a filter up to so many letters, then how many more there are: small screens."""


class CommandLineController(QObject):
    """Binds the grammar to the line at the bottom and to the palette."""

    place_sought = Signal(float, float)
    """A place of the city map was looked up: show where it is."""
    unit_sought = Signal(str)
    """A unit was looked up by its code: show where it is."""
    sight_kept = Signal()
    """A command chooses another report for a moment: note where the list stands, to return there."""
    came_back = Signal()
    """After such a command the report that was chosen before is chosen again: the list returns to its place."""

    def __init__(
        self,
        line: CommandLine,
        palette: Palette,
        window_state: WindowState,
        actions: Actions[Any],
        runner: ActionRunner,
        situation: SituationMonitor,
        units: UnitCommands,
        outbox: QtOutbox,
        mark: Callable[[str], dict[str, str]],
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        room: Callable[[], QRect],
        hold_keys_for: Callable[[QWidget], None],
        parent: QObject | None = None,
        steady_s: Callable[[], float] = time.monotonic,
        *,
        map_places: MapPlaces | None = None,
    ) -> None:
        """`mark` gives the MARKS of a draft for what it is about. `hold_keys_for` holds keys for a window that is being
        opened. `room` is the part of the screen in which the palette opens.
        `map_places` are the places of the city map, None without it.
        """
        super().__init__(parent)
        self._map_places = map_places
        self._on_map: list[FoundPlace] = []
        self._found: tuple[list[RowText], int | None] = ([], None)
        self._line, self._palette, self._window_state, self._actions = line, palette, window_state, actions
        self._runner, self._situation, self._unit_commands = runner, situation, units
        self._outbox, self._tasks, self._reader, self._room = outbox, tasks, reader, room
        self._query, self._hold_keys_for = "", hold_keys_for
        self._made: dict[str, tuple[str, str]] = {}
        self.in_line, self.in_palette = (TypedLine(outbox, mark, steady_s, self) for _ in range(2))
        line.edited.connect(self._on_edited)
        line.run.connect(lambda text: self._on_run(text, self.in_line))
        line.cleared.connect(lambda: self._on_edited(""))
        line.completion_asked.connect(self._complete_value)
        palette.query_changed.connect(self._on_query)
        palette.chosen.connect(self._on_chosen)
        palette.completion_asked.connect(self._complete)
        palette.left.connect(self._on_left)
        situation.changed.connect(lambda _: self._look_again())
        self._on_edited("")

    def open(self) -> None:
        """Open the palette over the map."""
        self._hold_keys_for(self._palette)
        self._palette.open_in(self._room())

    def follow_room(self) -> None:
        """Move the open palette when a notice has come or gone above the map."""
        if self._palette.isVisible():
            self._palette.place_in(self._room())

    def clear_lines(self) -> None:
        """Another operator has signed in: keep what stands in line and palette as drafts of the one before, and clear
        both.
        """
        self.in_line.hand_over()
        self.in_palette.hand_over()
        self._palette.close()
        self._palette.set_query("")
        self._line.set_text("")

    # The line

    def begin_filter(self) -> None:
        """Put the present filter into the line, to be changed there; the tab is not part of it."""
        now = self._window_state.filter.with_tab("open").to_text()
        self._line.focus_line(f"show {now} " if now else "show ")

    def _parse(self, text: str) -> TypedCommand:
        return parse(text, self._window_state.cities, self._actions)

    def take_up(self, key: str) -> None:
        """Put a draft into the line; what stood there is kept as a draft."""
        text = str((self._outbox.draft(key) or {}).get("text", ""))
        self.in_line.hand_over()
        self.in_line.take_up(key)
        self._line.focus_line(text)

    def _on_edited(self, text: str) -> None:
        command = self._parse(text)
        bold, rest, ok = self._sentence(command)
        self._line.set_sentence(bold, rest, ok)
        self.in_line.typed(*self._draft_of("command", text, command))

    def _draft_of(self, place: str, text: str, command: TypedCommand) -> tuple[str, str, str]:
        """The key, text and subject under which the line is kept as a draft; ("", "", "") when it holds nothing that
        somebody would have to write again.
        """
        if not command.rest or not self._is_written(command):
            return "", "", ""
        chosen = self._situation.chosen
        named = command.number or (command.unit.code if command.unit is not None else "")
        if named or chosen is None:
            return self._outbox.draft_key(place, "", ""), text, named
        return self._outbox.draft_key(place, chosen.source, chosen.key), text, self._situation.title_of(chosen)

    def _is_written(self, command: TypedCommand) -> bool:
        """Whether the operator's own words stand behind the verb, as in a note; such words are kept as a draft."""
        return command.verb in self._actions and self._actions[command.verb].syntax.words == "written"

    def _look_again(self) -> None:
        """The chosen report may have changed: make the sentence that says what Enter will do again."""
        if self._line.text():
            self._on_edited(self._line.text())

    def _sentence(self, command: TypedCommand) -> tuple[str, str, bool]:
        if not command.verb:
            return "", self.tr("Type a command, report, unit or place"), True
        if command.problem:
            return command.problem, "", False
        target = command.number or self._chosen()
        if command.verb == "open":
            return self.tr("Open {n}").format(n=command.number), "", True
        if command.verb == "find":
            return self.tr("Search"), command.rest, True
        if command.verb == "show":
            try:
                filter_ = Filter.parse(command.rest, zone=self._window_state.zone).resolved(
                    self._window_state.cities.names(), self._window_state.cities.other_names()
                )
                chips = ", ".join(
                    text for _, text in filter_.chips(self._window_state.cities.name, self._window_state.zone)
                )
            except FilterError as error:
                return str(error), self._may_follow(command.rest), False
            return self.tr("Show"), f"{chips or self.tr('all reports')} · {self._may_follow(command.rest)}", True
        return self._order(command, target)

    def _may_follow(self, text: str) -> str:
        """What may be typed next into a filter: its conditions, or the values of the one that is begun."""
        name, equals, begun = text.rpartition(" ")[2].partition("=")
        if not equals:
            return self.tr(
                "then p=1, cat=, area=, near=, street=, agency=, unit=, status=, is=, age>2d, age<4h or words"
            )
        values = self._values_of(name)
        fits = _beginning_with(begun, values) or values
        shown: list[str] = []
        for value in map(_quoted, fits):
            if shown and len(", ".join((*shown, value))) > _OFFERED_LETTERS:
                break
            shown.append(value)
        left = len(fits) - len(shown)
        more = self.tr(" and {n} more").format(n=left) if left else ""
        return f"{name}={', '.join(shown)}{more}" if shown else ""

    def _values_of(self, name: str) -> list[str]:
        """The values that a condition of a filter can have, in order."""
        kinds = {"cat": "service", "category": "service", "area": "area", "agency": "agency", "unit": "unit"}
        if name == "is":
            return list(FLAG_WORDS)
        if name == "p":
            return ["1", "2", "3", "4"]
        if name == "status":
            return [status.value for status in ORDER]
        return sorted(set(self._window_state.cities.names().get(kinds.get(name, ""), {}).values()) - {""})

    def _complete_value(self) -> None:
        """Write out the value of the condition that the line ends with: the first of those that the sentence offers."""
        rest, space, last = self._line.text().rpartition(" ")
        name, equals, begun = last.partition("=")
        if not equals or self._parse(self._line.text()).verb != "show":
            return
        before, comma, typed = begun.rpartition(",")
        if fits := _beginning_with(typed, self._values_of(name)):
            self._line.set_text(f"{rest}{space}{name}={before}{comma}{_quoted(fits[0])}")

    def _chosen(self) -> str:
        """The chosen report in words."""
        chosen = self._situation.chosen
        return self._situation.title_of(chosen) if chosen is not None else self.tr("the chosen report: none is chosen")

    def _order(self, command: TypedCommand, target: str) -> tuple[str, str, bool]:
        """The sentence for an edit: what is done (bold), to what, and True; or why no unit with this code can be meant,
        and False.
        """
        action, typed = self._actions[command.verb], command.rest
        syntax = action.syntax
        code = command.unit.code if command.unit is not None else ""
        if command.crews and not command.number:
            if why := self._unit_commands.why_not_meant(command.crews, of_report=syntax.of_report):
                return why, "", False
            if not syntax.of_report and (crew := self._unit_commands.meant(command.crews)) is not None:
                code = self._window_state.code_of(crew)
        says = syntax.says_alone if syntax.says_alone and not typed else syntax.says
        bold = self.tr(says).format(unit=code, words=typed).strip() if says else self.tr(action.text).split(",")[0]
        about = self.tr(syntax.target)
        if typed and syntax.words == "written" and "{target}" in about:
            return bold, f"{about.format(target=target)}: {typed}", True
        if syntax.tells_other_work:
            return bold, self._with_other_work(command, about, target), True
        return bold, about.format(target=target), True

    def _with_other_work(self, command: TypedCommand, text: str, target: str) -> str:
        """The report that an order is for, with the other jobs of its unit."""
        chosen, (crew, *more) = self._situation.chosen, command.crews
        if more:
            crew = self._unit_commands.meant(command.crews, here=True) or crew
        report = command.number or (chosen.key if chosen is not None else "")
        others = self._unit_commands.other_work(crew, report)
        if not others:
            return text.format(target=target)
        on_chosen = chosen is not None and report == chosen.key
        begun = begun_for(chosen.shown, others) if chosen is not None and on_chosen else ()
        job = next(iter(begun), others[0])
        has = self.tr("leaves {reports} ({state}): asked first" if begun else "it has {reports} ({state})").format(
            reports=formatting.first_of([self._number(one.report) for one in begun or others], _NAMED, self.tr),
            state=self.tr(formatting.ASSIGNMENT_TEXT[job.state]).lower(),
        )
        return f"{text.format(target=target)} · {has}"

    def _number(self, report: str) -> str:
        return self.tr("a new report") if is_local(report) else report

    def _on_run(self, text: str, typed: TypedLine) -> None:
        command = self._parse(text)
        if not command.verb or command.problem:
            return
        if command.verb == "find":
            self._find_first(command.rest)
        elif command.verb == "show":
            self._show(command.rest)
        elif command.number:
            self._with_report(text, command, typed.hand_over())
        elif not self._carry_out(text, command, draft := typed.hand_over()):
            self._put_back(text, draft)  # what was typed stays
            return
        if typed is self.in_line:
            self._line.set_text("")

    def saved(self, edit_id: str) -> None:
        """The edit is on the disk: the command that made it, if one did, is done."""
        self._made.pop(edit_id, None)

    def give_back(self, edit_id: str) -> None:
        """The edit could not be saved: put its command back into the line, unless something else was typed there."""
        self._put_back(*self._made.pop(edit_id, ("", "")))

    def _put_back(self, text: str, draft: str) -> None:
        if text and self._line.text() in ("", text):
            self.in_line.take_up(draft)
            self._line.set_text(text)
            self._on_edited(text)

    def _show(self, text: str) -> None:
        try:
            filter_ = Filter.parse(text, tab=self._window_state.filter.tab, zone=self._window_state.zone)
            cities = self._window_state.cities
            filter_ = filter_.resolved(cities.names(), cities.other_names())
        except FilterError as error:
            self._runner.message.emit(str(error))
            return
        if filter_.circle is None or filter_.circle.place is not None:
            self._window_state.set_filter(filter_)
            return
        circle = filter_.circle

        def found(places: list[FoundPlace]) -> None:
            if not places:
                self._runner.message.emit(self.tr("Nothing found for “{text}”").format(text=circle.words))
                return
            self._window_state.set_filter(filter_.with_circle(_around(places[0], circle.radius_m)))

        if self._map_places is None:
            found([])
        else:
            self._map_places.find("line", circle.words, found)

    def _find_first(self, text: str) -> None:
        reader = self._reader

        def found(rows: list[int]) -> None:
            if rows:
                self._window_state.choose(int(rows[0]))
            elif self._map_places is not None:
                self._map_places.find("line", text, on_map)
            else:
                on_map([])

        def on_map(places: list[FoundPlace]) -> None:
            if places:
                self.place_sought.emit(places[0].lat, places[0].lon)
                words = self.tr("{place} on the map").format(place=label_of(places[0]))
            else:
                words = self.tr("Nothing found for “{text}”").format(text=text)
            self._runner.message.emit(words)

        self._tasks.submit(lambda: [int(row) for row in reader().find(text, 1)], found)

    def _with_report(self, text: str, command: TypedCommand, draft: str) -> None:
        reader, sources = self._reader, list(self._window_state.cities.catalogs)

        def look() -> list[int]:
            rows = (reader().row_of(source, command.number) for source in sources)
            return [row for row in rows if row is not None]

        read_before = self._window_state.row

        def carry_out() -> None:
            saving = self._outbox.saving
            row = self._window_state.row
            if not self._carry_out(text, command, draft):
                self._put_back(text, draft)
            elif read_before not in (0, row) and self._outbox.saving - saving:
                self._window_state.choose(read_before)  # it is done, and he was reading another one
                self.came_back.emit()

        def dropped() -> None:
            self._runner.message.emit(self.tr("Not done, another report was chosen: {command}").format(command=text))

        def found(rows: list[int]) -> None:
            if not rows:
                self._runner.message.emit(self.tr("There is no report {n} here").format(n=command.number))
                self._put_back(text if draft else "", draft)
                return
            if len(rows) > 1 and self._window_state.row not in rows:
                sentence = self.tr("{k} cities have a report {n}: choose the one in the queue first")
                self._runner.message.emit(sentence.format(k=len(rows), n=command.number))
                self._put_back(text, draft)
                return
            row = rows[0] if len(rows) == 1 else self._window_state.row
            self.sight_kept.emit()
            self._window_state.choose(row)
            if command.verb != "open":
                self._situation.when_read(row, carry_out, dropped)

        self._tasks.submit(look, found)

    def _carry_out(self, text: str, command: TypedCommand, draft: str) -> bool:
        """Carry the command out on the chosen report; False, with the reason said, when that cannot be."""
        before = self._outbox.saving
        with self._outbox.using_draft(draft):
            done = self._runner.run_typed(command)
        made = self._outbox.saving - before
        self._made |= dict.fromkeys(made, (text, draft))
        if done and not made:  # its words stand in a form now
            self._outbox.drop_draft(draft)
        return done

    # The palette

    def _on_query(self, query: str) -> None:
        self._query, self._on_map = query, []
        self.in_palette.typed(*self._draft_of("palette", query, self._parse(query)))
        self._show_rows([], None)
        if self._mistaken(query):
            return
        text, reader = query.strip(), self._reader
        if len(text) < 2:
            return
        around = _around_what(text)

        def find() -> tuple[list[RowText], int]:
            shown = reader().find(text, _FOUND)
            matching = np.union1d(reader().numbered(text), reader().matching(text))
            return reader().texts(shown), len(np.union1d(shown, matching))

        def found(found: tuple[list[RowText], int]) -> None:
            if query == self._query:
                self._show_rows(*found)

        self._tasks.latest("palette", find, found)
        if self._map_places is not None:
            words = around[0] if around is not None else text
            self._map_places.find("palette", words, lambda places: self._add_places(query, places))

    def _add_places(self, query: str, places: list[FoundPlace]) -> None:
        if query == self._query and places and self._palette.isVisible():
            self._on_map = places
            self._show_rows(*self._found)

    def _show_rows(self, texts: list[RowText], reports: int | None) -> None:
        """`reports` is how many there are in all with these words, None while they are looked for."""
        self._found = (texts, reports)
        query = self._query.strip()
        if problem := self._mistaken(query):
            row = PaletteRow("", problem, kind="command", enabled=False)
            self._palette.show_rows([row], {"command": (self.tr("Commands"), "")}, summary="")
            return
        rows = self._typed(query, None if reports is None else texts) + self._commands(query)
        if query:
            rows += self._reports(texts) + self._units(query) + self._places(query)
        headings = {
            "command": (self.tr("Commands"), ""),
            "report": (self.tr("Reports"), ""),
            "unit": (self.tr("Units"), ""),
            "place": (self.tr("Places"), ""),
            "meant": (self.tr("Nothing is called “{words}”").format(words=query), ""),
        }
        rest, shown = len(rows) - len(texts), rows[:_SHOWN]
        if query and not rows and (reports is not None or len(query) < 2):
            found_as = self._meant(query)
        else:
            found_as = shown
        summary = ""
        if query and len(query) > 1 and reports is None:
            summary = self.tr("searching")
        elif query:
            summary = self.tr("{shown} of {n} found").format(
                shown=formatting.thousands(len(shown)), n=formatting.thousands(rest + (reports or 0))
            )
        self._palette.show_rows(found_as, headings, summary=summary)

    def _mistaken(self, query: str) -> str:
        """Why an order that was typed cannot be carried out; "" when it can, or the text is no order."""
        command = self._parse(query)
        syntax = self._actions[command.verb].syntax if command.verb in self._actions else None
        is_order = syntax is not None and (syntax.unit != "none" or bool(syntax.values))
        return command.problem if is_order and len(query.split()) > 1 else ""

    def _meant(self, query: str) -> list[PaletteRow]:
        """Rows for what was most likely meant by a query that finds nothing; a row that says so when nothing is close.

        Words with a digit are not corrected: they are numbers or codes, and the nearest one is another report or unit.
        """
        known = self._vocabulary()
        parts = [(not _has_digit(word) and nearest(word, known)) or word for word in query.split()]
        if [part.casefold() for part in parts] == query.casefold().split():
            other = self.tr("Another word, a number, a unit's code or a place")
            return [PaletteRow("", other, kind="meant", enabled=False)]
        meant = " ".join(parts)
        return [PaletteRow(f"meant:{meant}", meant, self.tr("search for this"), kind="meant")]

    def _vocabulary(self) -> set[str]:
        """All words that name something of the cities, or a command."""
        cities, texts = (
            self._window_state.cities,
            [self.tr(text) for one in self._actions for text in (one.text, one.words)],
        )
        for catalog in cities.catalogs.values():
            texts += [" ".join((*all_names(one), one.keywords)) for one in catalog.services.values()]
            texts += [one.name for one in catalog.areas.values()]
            texts += [" ".join(all_names(one)) for one in catalog.agencies.values()]
        return {
            word for text in texts for word in text.replace(",", " ").replace("/", " ").split() if not _has_digit(word)
        }

    def _typed(self, query: str, texts: list[RowText] | None) -> list[PaletteRow]:
        """The command that the query is, first; a report that is not among `texts` (None: not looked for yet) cannot be
        opened by its number.
        """
        command = self._parse(query)
        if command.verb == "open" and texts is not None and all(one.remote_id != command.number for one in texts):
            return []
        if command.verb in ("", "find") or command.problem:
            return []
        bold, rest, ok = self._sentence(command)
        return [PaletteRow("run", f"{bold} {rest}".strip(), "", "Enter", "command")] if ok else []

    def _commands(self, query: str) -> list[PaletteRow]:
        """Those that can be used now before the others, each with its key or the reason against it."""
        rows, situation = [], self._situation.current
        for action in self._actions.grouped:
            name = self.tr(action.text)
            if _fits(query, f"{name} {self.tr(action.words)}") and action.id != "palette":
                why = action.why_not(situation)
                shown = self.tr(why) if why else ""
                row = PaletteRow(f"action:{action.id}", name, shown, self._actions.cap(action.id), "command", not why)
                rows.append(row)
        return sorted(rows, key=lambda row: not row.enabled)

    def _units(self, query: str) -> list[PaletteRow]:
        return [
            PaletteRow(
                f"unit:{crew.key}",
                self._window_state.code_of(crew),
                ", ".join(crew.unit.skills),
                kind="unit",
                unit_state=formatting.UNIT_SYMBOL[crew.unit.state],
                tail=self.tr(formatting.UNIT_TEXT[crew.unit.state]),
            )
            for crew in self._window_state.cities.crews
            if _fits(query, crew.unit.code) or _fits(query, crew.unit.name)
        ]

    def _reports(self, texts: list[RowText]) -> list[PaletteRow]:
        view = self._window_state.view
        facts = {one.row: one for one in view.snapshot.facts([text.row for text in texts])} if view and texts else {}
        rows = []
        for text in texts:
            row = PaletteRow(
                f"report:{text.row}",
                text.description or text.title,
                text.address,
                kind="report",
                number=text.remote_id,
            )
            fact = facts.get(text.row)
            if fact is not None:
                status = ORDER[fact.status]
                row = replace(
                    row,
                    priority=fact.priority,
                    status=fact.status,
                    letter=formatting.letter(status),
                    letter_token=formatting.LETTER_TOKENS[status],
                    tail=self.tr(formatting.status_text(status)),
                )
            rows.append(row)
        return rows

    def _places(self, query: str) -> list[PaletteRow]:
        cities = self._window_state.cities
        places = {
            f"area:{cities.key('area', scoped_code)}": cities.of(scoped_code[0]).place(scoped_code[1])
            for scoped_code, area in cities.areas.items()
            if _fits(query, area.name)
        }
        rows = [PaletteRow(key, place, self.tr("show only its reports"), kind="place") for key, place in places.items()]
        word = query.casefold()
        is_unit = any(word == crew.unit.code.casefold() for crew in cities.crews)  # then no other words were meant
        return [*rows, *(self._map_row(place) for place in self._on_map if place.fits or not is_unit)]

    def _map_row(self, place: FoundPlace) -> PaletteRow:
        note = self._map_places.exactness_text(place) if self._map_places is not None else ""
        around = _around_what(self._query.strip())
        if around is not None:
            circle = _around(place, around[1])
            asked = Filter(circle=circle)
            ((_, words),) = asked.chips()
            return PaletteRow(
                f"around:{asked.to_text()}", self.tr("Reports: {within}").format(within=words), note, kind="place"
            )
        return PaletteRow(f"spot:{place.lat!r},{place.lon!r}", label_of(place), note, kind="place")

    def _complete(self, row_id: str) -> None:
        """Tab: replace what was typed by the word of the current row."""
        kind, _, key = row_id.partition(":")
        crew = self._window_state.cities.crew(key)
        if kind == "unit" and crew is not None:
            self._palette.set_query(crew.unit.code)
        elif kind == "area":
            self._palette.set_query(self._window_state.cities.name("area", key))
        elif kind == "action":
            self._palette.set_query(self.tr(self._actions[key].text))
        elif kind == "meant":
            self._palette.set_query(key)

    def _on_chosen(self, row_id: str) -> None:
        self._palette.close()
        kind, _, key = row_id.partition(":")
        if kind == "run":
            self._on_run(self._query, self.in_palette)
            return
        self.in_palette.typed("", "", "")  # it was a search
        if kind == "meant":
            self._palette.open_in(self._room(), key)
        elif kind == "action":
            self._runner.run(key)
        elif kind == "unit":
            self._window_state.choose_unit(key)
            self.unit_sought.emit(key)
        elif kind == "report":
            self._window_state.choose(int(key))
        elif kind == "spot":
            lat, lon = key.split(",")
            self.place_sought.emit(float(lat), float(lon))
        elif kind == "around":
            circle = Filter.parse(key, zone=self._window_state.zone).circle
            self._window_state.set_filter(self._window_state.filter.with_circle(circle))
        elif kind == "area":
            self._window_state.set_filter(self._window_state.filter.toggle_area(key))

    def _on_left(self) -> None:
        """The palette was left by Esc or by a click beside it: what was typed is kept."""
        if self.in_palette.hand_over():
            kept = self.tr("Not saved, kept as a draft: {keys}")
            self._runner.message.emit(kept.format(keys=self._actions.key("drafts")))


_AROUND = re.compile(
    r"(?:reports?|laporan)\s+(?:near|around|dekat|sekitar)\s+(.+?)"
    r"(?:\s+(?:within|in|dalam|radius)\s+(\d{1,5})\s*(k?m))?",
    re.IGNORECASE,
)


def _around_what(query: str) -> tuple[str, int] | None:
    """(the words for a place, metres) of "reports near Jl. Melati within 500 m"; None of other words."""
    found = _AROUND.fullmatch(query)
    if found is None:
        return None
    metres = int(found[2]) * (1000 if found[3].casefold() == "km" else 1) if found[2] else NEAR_M
    return (found[1], metres) if 0 < metres <= MOST_RADIUS_M else None


def _around(place: FoundPlace, radius_m: int) -> Circle:
    """What lies around a place that was found."""
    return Circle((round(place.lat, 6), round(place.lon, 6)), radius_m, label_of(place))


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


def _fits(query: str, text: str) -> bool:
    """Whether every word of the query begins a word of the text, or the letters stand in it in order."""
    parts, lower = query.casefold().split(), text.casefold()
    return all(
        any(word.startswith(part) for word in lower.replace(",", " ").split()) or part in lower for part in parts
    )


def _beginning_with(begun: str, values: Sequence[str]) -> list[str]:
    """The values that begin with what is typed behind the last comma."""
    typed = begun.rpartition(",")[2].strip('"').casefold()
    return [value for value in values if value.casefold().startswith(typed)]


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value

"""The command line and the palette: a live sentence of what Enter will do, and every action, report, unit and place."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from console.actions import ACTIONS, BY_ID
from console.domain.filter import Filter, FilterError
from console.presenters import words
from console.presenters.commands import Command, parse
from console.presenters.desk import Desk
from console.presenters.intents import Intents
from console.store.cache_read import CacheReader, RowText
from console.tasks import Tasks
from widgets.command import CommandLine
from widgets.palette import Palette, PaletteRow

_SHOWN = 12
_FOUND = 8


class CommandPresenter(QObject):
    """Binds the grammar to the line at the bottom and to the palette."""

    def __init__(
        self,
        line: CommandLine,
        palette: Palette,
        desk: Desk,
        intents: Intents,
        tasks: Tasks,
        reader: Callable[[], CacheReader],
        window: QWidget,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._line, self._palette, self._desk, self._intents = line, palette, desk, intents
        self._tasks, self._reader, self._window = tasks, reader, window
        self._query = ""
        line.edited.connect(self._on_edited)
        line.run.connect(self._on_run)
        line.cleared.connect(lambda: self._on_edited(""))
        palette.query_changed.connect(self._on_query)
        palette.chosen.connect(self._on_chosen)
        self._on_edited("")

    def open(self) -> None:
        """Open the palette over the map."""
        self._query = ""
        self._show_rows([])
        self._palette.open_over(self._window)

    # The line

    def _on_edited(self, text: str) -> None:
        command = parse(text, self._desk.catalog)
        bold, rest, ok = self._sentence(command)
        self._line.set_sentence(bold, rest, ok)

    def _sentence(self, command: Command) -> tuple[str, str, bool]:
        if not command.verb:
            return "", self.tr("Type a command, report, unit or place. Everything works offline."), True
        if command.problem:
            return command.problem, "", False
        target = command.number or self.tr("the chosen report")
        if command.verb == "open":
            return self.tr("Open {n}").format(n=command.number), "", True
        if command.verb == "find":
            return self.tr("Search"), command.rest, True
        if command.verb == "show":
            try:
                filter_ = Filter.parse(command.rest).resolved(self._desk.catalog.names())
                chips = ", ".join(text for _, text in filter_.chips(self._desk.catalog.name, self._desk.zone))
            except FilterError as error:
                return str(error), "", False
            return self.tr("Show"), chips or self.tr("all reports"), True
        name = self.tr(BY_ID[command.verb].text)
        if command.unit is not None:
            return f"{name} {command.unit.code}", self.tr("to {target}").format(target=target), True
        return name, f"{target} {command.rest}".strip(), True

    def _on_run(self, text: str) -> None:
        command = parse(text, self._desk.catalog)
        if not command.verb or command.problem:
            return
        if command.verb == "find":
            self._find_first(command.rest)
        elif command.verb == "show":
            self._show(command.rest)
        elif command.number:
            self._with_report(command)
        else:
            self._carry_out(command)
        self._line.set_text("")

    def _show(self, text: str) -> None:
        try:
            filter_ = Filter.parse(text, tab=self._desk.filter.tab)
            self._desk.set_filter(filter_.resolved(self._desk.catalog.names()))
        except FilterError as error:
            self._intents.said.emit(str(error))

    def _find_first(self, text: str) -> None:
        reader = self._reader

        def found(rows: list[int]) -> None:
            if rows:
                self._desk.choose(int(rows[0]))
            else:
                self._intents.said.emit(self.tr("Nothing found for “{text}”").format(text=text))

        self._tasks.submit(lambda: [int(row) for row in reader().find(text, 1)], found)

    def _with_report(self, command: Command) -> None:
        reader, sources = self._reader, list(self._desk.catalog.words.get("source", {}).values())

        def look() -> int:
            rows = (reader().row_of(source, command.number) for source in sources)
            return next((row for row in rows if row is not None), 0)

        def found(row: int) -> None:
            if not row:
                self._intents.said.emit(self.tr("There is no report {n} here").format(n=command.number))
                return
            self._desk.choose(row)
            if command.verb != "open":
                self._intents.when_read(row, lambda: self._carry_out(command))

        self._tasks.submit(look, found)

    def _carry_out(self, command: Command) -> None:
        intents, unit = self._intents, command.unit
        match command.verb:
            case "dispatch" if unit is not None:
                intents.dispatch(unit.id)
            case "assign" if unit is not None:
                intents.assign(unit.id)
            case "en_route" | "on_scene" | "done" | "available" | "break" if unit is not None:
                self._desk.choose_unit(unit.id)
                intents.run_for_unit(command.verb)
            case "unavailable" if unit is not None:
                intents.unit_state(unit.id, "unavailable", command.options.get("reason", command.rest))
            case "priority" if command.rest in ("1", "2", "3", "4"):
                intents.set_priority(int(command.rest))
            case "note" if command.rest:
                intents.note(command.rest)
            case "reply" if command.rest:
                intents.reply(command.rest)
            case _:
                intents.run(command.verb)

    # The palette

    def _on_query(self, query: str) -> None:
        self._query = query
        self._show_rows([])
        text, reader = query.strip(), self._reader
        if len(text) < 2:
            return

        def find() -> list[RowText]:
            return reader().texts(reader().find(text, _FOUND))

        self._tasks.latest("palette", find, lambda texts: self._show_rows(texts) if query == self._query else None)

    def _show_rows(self, texts: list[RowText]) -> None:
        query, situation = self._query.strip(), self._intents.situation
        rows = []
        command = parse(query, self._desk.catalog)
        if command.verb not in ("", "find") and not command.problem:
            bold, rest, _ = self._sentence(command)
            rows.append(PaletteRow("run", f"{bold} {rest}".strip(), "", "Enter", self.tr("command"), enabled=True))
        for action in ACTIONS:
            name = self.tr(action.text)
            if _fits(query, name) and action.id != "palette":
                why = action.why_not(situation)
                key = action.keys[0].replace("+", " ") if action.keys else ""
                rows.append(
                    PaletteRow(f"action:{action.id}", name, self.tr(why), key, self.tr("command"), enabled=not why)
                )
        if query:
            for unit in self._desk.catalog.units.values():
                if _fits(query, unit.code) or _fits(query, unit.name):
                    state = self.tr(words.UNIT_TEXT[unit.state])
                    rows.append(PaletteRow(f"unit:{unit.id}", unit.code, state, "", self.tr("unit"), enabled=True))
            rows += [
                PaletteRow(
                    f"report:{text.row}",
                    f"{text.remote_id} {text.description or text.title}",
                    text.address,
                    "",
                    self.tr("report"),
                    enabled=True,
                )
                for text in texts
            ]
            for area in self._desk.catalog.areas.values():
                if _fits(query, area.name):
                    place = self._desk.catalog.place(area.code)
                    rows.append(
                        PaletteRow(f"area:{area.code}", place, self.tr("filter"), "", self.tr("place"), enabled=True)
                    )
        self._palette.show_rows(rows[: _SHOWN * 3])

    def _on_chosen(self, row_id: str) -> None:
        self._palette.close()
        kind, _, key = row_id.partition(":")
        if kind == "run":
            self._on_run(self._query)
        elif kind == "action":
            self._intents.run(key)
        elif kind == "unit":
            self._desk.choose_unit(key)
        elif kind == "report":
            self._desk.choose(int(key))
        elif kind == "area":
            self._desk.set_filter(self._desk.filter.toggle_area(key))


def _fits(query: str, text: str) -> bool:
    """Whether every word of the query begins a word of the text, or the letters stand in it in order."""
    parts, lower = query.casefold().split(), text.casefold()
    return all(
        any(word.startswith(part) for word in lower.replace(",", " ").split()) or part in lower for part in parts
    )

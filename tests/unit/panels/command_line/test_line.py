"""The command line says whom Enter concerns, does it to that one, and loses nothing that was typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QRect, Qt, QTimer
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from api_client.model import Hold, Kind, WaitsFor
from console.cache.page_items import Cursor, PageItem
from console.cache.writer import CacheWriter
from console.city_map.messages import Answer, Find, FoundPlace, PlacesFound, Question
from console.panels.command_line.line import CommandLineController
from console.panels.command_line.typed_line import TypedLine
from console.panels.forms.draft import PAUSE_S
from console.panels.map.places import MapPlaces
from console.rules.filter import Circle, Filter
from console.window.actions import ACTIONS
from tests.helpers.city import wait_for
from tests.unit.panels.conftest import NOW, Rig, read_drafts
from tests.widgets.sample import make_symbols, make_theme
from widgets.command import CommandLine
from widgets.forms.close import CloseForm
from widgets.forms.hold import HoldForm
from widgets.palette import Palette, PaletteRow


class Line:
    """A command line with its panel."""

    def __init__(self, rig: Rig) -> None:
        self.places: tuple[FoundPlace, ...] = ()
        self.sought: list[tuple[float, float]] = []
        self.asked: list[Find] = []
        theme = make_theme()
        reader = rig.cached("C1")
        self.row = reader.row_of("city", "C1") or 0
        self.line = CommandLine(theme, open_key="/")
        self.palette = Palette(theme, make_symbols(theme))
        self.controller = CommandLineController(
            self.line, self.palette, rig.window_state, ACTIONS, rig.actions,
            rig.situation, rig.unit_commands, rig.outbox, rig.forms.mark, rig.tasks, lambda: reader,
            lambda: QRect(0, 0, 900, 600), rig.forms.held_keys.hold_for, steady_s=lambda: rig.steady_s,
            map_places=MapPlaces(self._ask),
        )  # fmt: skip
        rig.outbox.saved.connect(lambda queued: self.controller.saved(queued.edit.id))
        rig.outbox.refused.connect(lambda edit_id, _: self.controller.give_back(edit_id))

        self.controller.place_sought.connect(lambda lat, lon: self.sought.append((lat, lon)))

    def _ask(self, _purpose: str, question: Question, then: Callable[[Answer | None], object]) -> None:
        assert isinstance(question, Find)
        self.asked.append(question)
        QTimer.singleShot(0, lambda: then(PlacesFound(self.places)))

    @property
    def sentence(self) -> str:
        return self.line._line.accessibleDescription()

    def run(self, text: str) -> None:
        self.line.set_text(text)
        QTest.keyClick(self.line._line, Qt.Key.Key_Return)


@pytest.fixture
def line(rig: Rig, qtbot: QtBot) -> Line:
    line = Line(rig)
    qtbot.addWidget(line.line)
    return line


def test_the_sentence_follows_the_chosen_report(rig: Rig, line: Line) -> None:
    rig.choose("A")
    line.line.set_text("p 1")
    assert line.sentence == "Priority 1 for A Flood, Kemang"
    rig.choose("B")
    assert line.sentence == "Priority 1 for B Flood, Kemang"
    QTest.keyClick(line.line._line, Qt.Key.Key_Return)
    assert [edit.report for edit in rig.saved(1)] == ["B"]
    assert line.line.text() == ""


@pytest.mark.parametrize("typed", ["n gas smell", "m a crew is on its way", "p 1", "as SDA-07", "d SDA-07", "t"])
def test_what_cannot_be_done_now_stays_in_the_line(rig: Rig, line: Line, typed: str) -> None:
    line.run(typed)
    assert rig.said == ["Choose a report first"]
    assert line.line.text() == typed
    rig.choose("A")
    rig.choose("B", read=False)
    line.run(typed)
    assert rig.said[1:] == ["The report has not been read yet"]
    rig.choose("B")
    line.run(typed)
    assert [edit.report for edit in rig.saved(1)] == ["B"]
    assert line.line.text() == ""


def test_a_command_for_a_report_that_another_one_was_chosen_before_is_said_not_to_be_done(rig: Rig, line: Line) -> None:
    line.run("d SDA-07 C1")
    wait_for(lambda: rig.window_state.row == line.row, what="the report that the command names is chosen")
    rig.choose("A")
    assert rig.said == ["Not done, another report was chosen: d SDA-07 C1"]
    rig.window_state.choose(line.row)
    rig.situation.set_details(rig.details(line.row, "C1"))
    rig.actions.run("take")
    assert [edit.kind for edit in rig.saved(1)] == [Kind.CLAIM]


def test_a_command_about_another_report_leaves_the_operator_with_the_one_he_reads(rig: Rig, line: Line) -> None:
    """He was taken to what follows the other one in the list, and the next key meant a report that he had not seen."""
    rig.choose("A")
    reading = rig.window_state.row
    line.run("n C1 gas smell")
    wait_for(lambda: rig.window_state.row == line.row, what="the report that the command names is chosen")
    rig.situation.set_details(rig.details(line.row, "C1"))
    assert [edit.report for edit in rig.saved(1)] == ["C1"]
    assert rig.window_state.row == reading


def test_a_refused_edit_puts_back_the_command_that_made_it_and_no_other(rig: Rig, line: Line) -> None:
    line.run("show cat=Flood")
    rig.choose("A")  # of the list that is filtered now: the keys of one that it does not hold are off
    rig.reading_only = "The disk is full"
    refused: list[str] = []
    rig.outbox.refused.connect(lambda edit_id, _: refused.append(edit_id))
    rig.actions.run("take")
    wait_for(lambda: len(refused) == 1, what="refused")
    assert line.line.text() == ""
    line.run("n gas smell")
    wait_for(lambda: len(refused) == 2, what="refused")
    assert line.line.text() == "n gas smell"


@pytest.mark.parametrize("typed", ["rc SDA-11", "rc SDA-11 C1", "os SDA-11 C1"])
def test_a_command_is_carried_out_by_the_unit_it_names_or_by_none(rig: Rig, line: Line, typed: str) -> None:
    """`rc SDA-11` called back the first unit of the report, whichever that was."""
    rig.window_state.choose(line.row)
    rig.situation.set_details(rig.details(line.row, "C1", ["07"]))
    line.run(typed)
    wait_for(lambda: rig.said, what="why not")
    assert rig.said == ["SDA-11 is not on this report"]
    assert line.line.text() == typed
    rig.situation.set_details(rig.details(line.row, "C1", ["07", "11"]))
    line.run(typed)
    assert [edit.data["unit"] for edit in rig.saved(1)] == ["11"]


def drafts(rig: Rig) -> dict[str, str]:
    """The words of each draft that a new start would find."""
    rig.outbox._thread.wait(10)
    return {key: draft["text"] for key, draft in read_drafts(rig.profile).items()}


def pause(rig: Rig, typed: TypedLine) -> None:
    """Nothing is typed for so long that what stands there is kept."""
    rig.steady_s += PAUSE_S
    typed._pauses.look()


def test_words_behind_a_verb_are_kept_while_they_are_typed_under_the_report_they_are_for(rig: Rig, line: Line) -> None:
    """A kill lost them: the forms alone kept what was typed."""
    rig.choose("A")
    line.line.set_text("n gas")
    assert drafts(rig) == {}
    pause(rig, line.controller.in_line)
    assert drafts(rig) == {"command:city:A": "n gas"}
    rig.choose("B")
    pause(rig, line.controller.in_line)
    assert drafts(rig) == {"command:city:B": "n gas"}, "Enter would write it on that one now"
    line.line.set_text("n gas smell")
    pause(rig, line.controller.in_line)
    draft = rig.outbox.draft("command:city:B")
    assert draft == {
        "text": "n gas smell",
        "drafted_at": NOW.isoformat(),
        "drafted_by": "rina",
        "drafted_on": "B Flood, Kemang",
    }
    QTest.keyClick(line.line._line, Qt.Key.Key_Escape)
    assert drafts(rig) == {}


@pytest.mark.parametrize("typed", ["d SDA-07", "show cat=Flood", "p 1", "C1", "gas smell", "n", "t"])
def test_what_is_typed_again_in_a_moment_is_no_draft(rig: Rig, line: Line, typed: str) -> None:
    rig.choose("A")
    line.line.set_text(typed)
    pause(rig, line.controller.in_line)
    assert drafts(rig) == {}


def test_a_command_that_is_carried_out_ends_its_draft_with_its_edit(rig: Rig, line: Line) -> None:
    rig.choose("A")
    line.line.set_text("n gas smell")
    pause(rig, line.controller.in_line)
    rig.choose("B", read=False)
    line.run("n gas smell")
    assert line.line.text() == "n gas smell", "it has not been read"
    rig.choose("B")
    line.run("n gas smell")
    assert [edit.data for edit in rig.saved(1)] == [{"text": "gas smell"}]
    assert (drafts(rig), line.line.text()) == ({}, "")


def test_a_command_for_another_report_keeps_its_words_until_that_is_there(rig: Rig, line: Line) -> None:
    """They were gone when another report was chosen before."""
    rig.choose("A")
    line.run("n C1 gas smell")
    wait_for(lambda: rig.window_state.row == line.row, what="the report that the command names is chosen")
    assert drafts(rig) == {"command::": "n C1 gas smell"}
    rig.choose("A")
    assert rig.said == ["Not done, another report was chosen: n C1 gas smell"]
    assert drafts(rig) == {"command::": "n C1 gas smell"}
    line.controller.take_up("command::")
    assert line.line.text() == "n C1 gas smell"
    QTest.keyClick(line.line._line, Qt.Key.Key_Return)
    wait_for(lambda: rig.window_state.row == line.row, what="again")
    rig.situation.set_details(rig.details(line.row, "C1"))
    assert [(edit.report, edit.data) for edit in rig.saved(1)] == [("C1", {"text": "gas smell"})]
    assert drafts(rig) == {}


def test_the_palette_keeps_its_words_when_it_is_left_and_takes_none_out_of_the_line(rig: Rig, line: Line) -> None:
    rig.choose("A")
    line.line.set_text("m a crew is on its way")
    line.controller.open()
    QTest.keyClicks(line.palette._field, "n gas smell")
    QTest.keyClick(line.palette._field, Qt.Key.Key_Escape)
    assert rig.said == ["Not saved, kept as a draft: Ctrl+Shift+D"]
    pause(rig, line.controller.in_line)
    assert drafts(rig) == {"command:city:A": "m a crew is on its way", "palette:city:A": "n gas smell"}
    line.controller.open()
    assert line.palette.query() == ""
    QTest.keyClicks(line.palette._field, "n water")
    QTest.keyClick(line.palette._field, Qt.Key.Key_Return)
    assert [edit.data for edit in rig.saved(1)] == [{"text": "water"}]
    assert line.line.text() == "m a crew is on its way"
    older = {"older:palette:city:A": "n gas smell"}
    assert drafts(rig) == {"command:city:A": "m a crew is on its way", **older}


@pytest.mark.parametrize(("typed", "kind"), [("x nothing was found", CloseForm), ("h pump is missing", HoldForm)])
def test_a_reason_that_is_typed_stands_in_the_form(
    rig: Rig, line: Line, typed: str, kind: type[CloseForm | HoldForm]
) -> None:
    """The sentence said that Enter would close with these words; the form was empty."""
    rig.choose("A")
    line.line.set_text(typed)
    pause(rig, line.controller.in_line)
    QTest.keyClick(line.line._line, Qt.Key.Key_Return)
    form = rig.form()
    assert isinstance(form, kind)
    assert form.values()["reason"] == typed[2:]
    rig.outbox._thread.wait(10)
    assert list(read_drafts(rig.profile)) == ["close:city:A" if kind is CloseForm else "hold:city:A"]


def test_a_reason_for_a_hold_does_not_end_the_hold_that_is_there(rig: Rig, line: Line) -> None:
    rig.choose("A")
    details = rig.details(1001, "A")
    held = replace(details.shown, hold=Hold("rain", WaitsFor.WEATHER))
    rig.situation.set_details(replace(details, shown=held))
    line.run("h pump is missing")
    assert rig.said == ["The report is on hold already"]
    assert line.line.text() == "h pump is missing"
    assert rig.outbox.open_edits == ()


def test_a_draft_of_an_earlier_start_is_not_written_over(rig: Rig, line: Line) -> None:
    wait_for(lambda: rig.outbox._is_open, what="work.db is open")
    rig.outbox.save_draft("command:city:A", {"text": "n gas"})
    rig.choose("A")
    line.line.set_text("n water")
    pause(rig, line.controller.in_line)
    assert drafts(rig) == {"command:city:A": "n water", "older:command:city:A": "n gas"}


def test_what_the_line_says_of_a_priority_is_what_enter_does(rig: Rig, line: Line) -> None:
    """`p 5` promised "Priority 5" and looked for a report 5."""
    rig.choose("A")
    line.line.set_text("p 5")
    assert line.sentence.startswith("“5” is not a priority.")
    line.run("p 5")
    assert (rig.said, line.line.text()) == ([], "p 5")
    line.line.set_text("p 928214")
    assert line.sentence == "Choose the priority for 928214"


@pytest.mark.parametrize(
    ("query", "action"),
    [
        *(("theme", "theme"), ("zoom in", "text_larger"), ("log out", "sign_out"), ("shortcuts", "help")),
        ("view locked", "map_fit"),
    ],
)
def test_an_action_is_found_by_other_words_for_it(rig: Rig, line: Line, query: str, action: str) -> None:
    line.controller.open()
    line.palette.set_query(query)
    assert line.palette.current() == f"action:{action}"


def test_the_palette_counts_what_was_found_not_what_it_shows(rig: Rig, line: Line) -> None:
    writer = CacheWriter(rig.profile)
    reports = [replace(rig.report(f"W{number}"), description="Tutup hilang") for number in range(40)]
    writer.apply(
        "city", [PageItem("report", 2 + at, one.id, one) for at, one in enumerate(reports)], Cursor("epoch", 99)
    )
    writer.close()
    shown: list[tuple[int, str]] = []
    show = line.palette.show_rows
    line.palette.show_rows = lambda rows, headings, summary="": (  # type: ignore[method-assign, assignment]
        shown.append((len(rows), summary)),
        show(rows, headings, summary=summary),
    )[1]
    line.palette.query_changed.emit("tutup")
    assert shown[-1][1] == "searching"
    wait_for(lambda: shown[-1][1] != "searching", what="the search")
    rows, summary = shown[-1]
    assert rows < 40
    assert summary == f"{rows} of {rows - 8 + 40} found"


@pytest.mark.parametrize("group", sorted({action.group for action in ACTIONS}))
def test_the_palette_finds_the_actions_of_every_group(rig: Rig, line: Line, group: str) -> None:
    """A new group that it did not know ended every search with an exception: the palette was dead."""
    found: list[str] = []
    line.palette.show_rows = lambda rows, *_, **__: found.extend(row.id for row in rows)  # type: ignore[method-assign]
    action = next(one for one in ACTIONS if one.group == group and one.id != "palette")
    line.palette.query_changed.emit(action.text)
    assert f"action:{action.id}" in found


def test_a_number_is_found_by_its_beginning_and_one_that_there_is_not_opens_nothing(rig: Rig, line: Line) -> None:
    """ "99999999" answered "Open 99999999 · 1 of 1 found", and "931" nothing but "Open 931"."""
    writer = CacheWriter(rig.profile)
    reports = [replace(rig.report(number), description="Banjir") for number in ("9311", "9312", "9320", "19311")]
    writer.apply(
        "city", [PageItem("report", 2 + at, one.id, one) for at, one in enumerate(reports)], Cursor("epoch", 99)
    )
    writer.close()
    shown: list[tuple[list[str], str]] = []
    line.palette.show_rows = lambda rows, headings, summary="": shown.append(  # type: ignore[method-assign, assignment]
        ([getattr(row, "number", "") or getattr(row, "title", "") for row in rows], summary)
    )
    for query, rows, summary in (
        ("931", ["9312", "9311"], "2 of 2 found"),
        ("9311", ["Open 9311", "9311"], "2 of 2 found"),
        ("99999999", ["Another word, a number, a unit's code or a place"], "0 of 0 found"),
    ):
        line.palette.query_changed.emit(query)
        wait_for(lambda: shown[-1][1] != "searching", what=query)
        assert shown[-1] == (rows, summary)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("d SDA-77 C1", "No unit is called “SDA-77”."),
        ("as SDA-7x", "No unit is called “SDA-7x”."),
        ("p 5", "“5” is not a priority. Write 1, 2, 3 or 4."),
    ],
)
def test_an_order_that_is_mistaken_is_neither_mended_nor_searched_for(
    rig: Rig, line: Line, typed: str, told: str
) -> None:
    rig.choose("A")
    line.palette.set_query(typed)
    rows = [line.palette._model.item(number) for number in range(line.palette._model.rowCount())]
    assert [(row.title, row.enabled) for row in rows if hasattr(row, "id")] == [(told, False)]
    assert not line.palette.current()


def test_a_code_or_a_number_is_never_mended_into_another(rig: Rig, line: Line) -> None:
    line.palette.set_query("SDA-77")
    wait_for(lambda: line.palette._summary.startswith("0 of"), what="the search")
    rows = [line.palette._model.item(number) for number in range(line.palette._model.rowCount())]
    assert [row.enabled for row in rows if hasattr(row, "id")] == [False]


def test_an_order_says_what_its_unit_has_to_do_already(rig: Rig, line: Line) -> None:
    """It had been ordered to a P1 a moment ago, and the line said "Dispatch SDA-07 to B", as of a free one."""
    rig.choose("A")
    line.run("d SDA-07")
    rig.saved(1)
    rig.choose("B")
    line.line.set_text("d SDA-07")
    assert line.sentence.startswith("Dispatch SDA-07 to B Flood, Kemang")
    assert line.sentence.endswith(" · it has A (dispatched)")
    rig.choose("A")
    assert "it has" not in line.sentence, "that is what it has"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("show cat=flo", "show cat=Flood"),
        ("show p=1 status=val", "show p=1 status=validation"),
        ("show is=mine,over", "show is=mine,overdue"),
        ("show area=kem", "show area=Kemang"),
        ("show cat=xyz", "show cat=xyz"),
        ("show water", "show water"),
        ("n cat=flo", "n cat=flo"),
    ],
)
def test_tab_writes_out_the_value_of_a_filter(rig: Rig, line: Line, typed: str, written: str) -> None:
    line.line.focus_line(typed)
    QTest.keyClick(line.line._line, Qt.Key.Key_Tab)
    assert line.line.text() == written


STATION = FoundPlace("station", "Stasiun Tebet", "Tebet", -6.22, 106.85, "landmark")


def test_a_place_of_the_city_map_is_found_and_shown_where_it_is(line: Line) -> None:
    line.places = (STATION,)
    shown: list[PaletteRow] = []
    show = line.palette.show_rows
    line.palette.show_rows = lambda rows, headings, summary="": (  # type: ignore[method-assign, assignment]
        shown.extend(rows),
        show(rows, headings, summary=summary),
    )
    line.controller.open()
    QTest.keyClicks(line.palette._field, "stasiun")
    wait_for(lambda: any(row.kind == "place" for row in shown), what="the place")
    (title, note, id_) = {(row.title, row.note, row.id) for row in shown if row.kind == "place"}.pop()
    assert (title, note) == ("Stasiun Tebet, Tebet", "landmark")
    line.palette.chosen.emit(id_)
    assert line.sought == [(-6.22, 106.85)]


def test_what_no_report_has_is_looked_for_on_the_city_map(line: Line, rig: Rig) -> None:
    line.places = (STATION,)
    line.run("find stasiun tebet")
    wait_for(lambda: line.sought == [(-6.22, 106.85)], what="the place")
    assert rig.said[-1] == "Stasiun Tebet, Tebet on the map"
    line.places = ()
    line.run("find stasiun manggarai")
    wait_for(lambda: "Nothing found" in rig.said[-1], what="that there is none")


def palette_rows(line: Line) -> list[PaletteRow]:
    """All rows that the palette shows from now on, one after another."""
    shown: list[PaletteRow] = []
    show = line.palette.show_rows
    line.palette.show_rows = lambda rows, headings, summary="": (  # type: ignore[method-assign, assignment]
        shown.extend(rows),
        show(rows, headings, summary=summary),
    )
    return shown


@pytest.mark.parametrize(
    ("typed", "metres"), [("reports near stasiun tebet within 300 m", 300), ("laporan dekat stasiun tebet", 500)]
)
def test_the_palette_shows_the_reports_around_a_place(rig: Rig, line: Line, typed: str, metres: int) -> None:
    line.places = (STATION,)
    shown = palette_rows(line)
    rig.window_state.set_filter(Filter(priorities=(1,)))
    line.controller.open()
    QTest.keyClicks(line.palette._field, typed)
    words = f"Within {metres} m of Stasiun Tebet, Tebet"
    wait_for(lambda: any(row.title == f"Reports: {words}" for row in shown), what="the row")
    assert line.asked[-1].text == "stasiun tebet", "and not the words around it"
    line.palette.chosen.emit(next(row.id for row in shown if row.title == f"Reports: {words}"))
    assert rig.window_state.filter == Filter(priorities=(1,)).with_circle(
        Circle((-6.22, 106.85), metres, "Stasiun Tebet, Tebet")
    )
    assert ("circle", words) in rig.window_state.chips()
    assert line.sought == []


def test_under_a_unit_that_was_named_whole_stand_only_places_that_bear_all_of_its_words(rig: Rig, line: Line) -> None:
    fits = replace(STATION, name="Halte", fits=True)
    line.places = (replace(STATION, fits=False, left_out=("pump",)), fits)
    shown = palette_rows(line)
    line.controller.open()
    code = rig.window_state.cities.crews[0].unit.code
    QTest.keyClicks(line.palette._field, code[:-1])
    wait_for(lambda: any(row.title == "Stasiun Tebet, Tebet" for row in shown), what="whatever is like it")
    shown.clear()
    QTest.keyClicks(line.palette._field, code[-1])
    wait_for(lambda: any(row.title == "Halte, Tebet" for row in shown), what="the place")
    assert next(row.title for row in shown if row.kind == "unit") == code
    assert not any(row.title == "Stasiun Tebet, Tebet" for row in shown)


def test_a_filter_may_name_a_place_that_is_then_found(rig: Rig, line: Line) -> None:
    line.places = (STATION,)
    line.run('show p=1 near="stasiun tebet"/2km')
    around = Circle((-6.22, 106.85), 2000, "Stasiun Tebet, Tebet")
    wait_for(lambda: rig.window_state.filter == Filter(priorities=(1,), circle=around), what="the filter")
    line.places = ()
    line.run('show near="stasiun manggarai"')
    wait_for(lambda: "Nothing found for “stasiun manggarai”" in rig.said, what="that there is none")
    assert rig.window_state.filter.circle == around, "the filter stays as it was"

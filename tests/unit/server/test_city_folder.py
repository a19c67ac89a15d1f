"""A city's folder: what is read, what is said of every fault, and that what is written reads the same."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_client.model import Agency, Limit, RunCard, Service, Sla, Template, WaitsFor
from console.server.admin.folder import FILES, read_folder
from console.server.admin.folder_out import folder_texts, write_folder, write_starter
from console.server.admin.setup import CitySetup, UnitRecord, UserRecord, check_setup, nearest
from console.server.admin.spelling import hours_text, length_text, read_hours, read_length
from console.server.admin.table import FileFault, join_list, read_table, split_list, write_table
from console.server.errors import Invalid

HEADS = {"agencies.csv": "code,name\n", "units.csv": "id,name,agency,areas,skills,shift,contact,lat,lon\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that “sigap city init” writes."""
    write_starter(tmp_path / "city")
    return tmp_path / "city"


def told(folder: Path) -> list[str]:
    return [str(fault) for fault in read_folder(folder).faults()]


def test_what_init_writes_is_a_whole_city_without_a_fault_and_is_never_overwritten(folder: Path) -> None:
    assert {each.name for each in folder.iterdir()} == set(FILES)
    reading = read_folder(folder)
    assert reading.faults() == []
    setup = reading.setup
    assert [unit.code for unit in setup.units or ()] == ["U1", "U2"]
    assert setup.units is not None
    assert setup.units[0].shift == "day"
    flood = (setup.services or ())[0]
    assert flood.sla["1"] == Sla(900, 6 * 3600, 12 * 3600, ())
    assert flood.sla["*"].pauses_for == (WaitsFor.REPORTER, WaitsFor.WEATHER)
    assert [value.key for value in flood.attributes[0].values] == ["ankle", "knee"]
    night = {one.id: one for one in setup.calendars or ()}["night"]
    assert night.days == ((1140, 1860),) * 7
    before = (folder / "city.toml").read_text()
    with pytest.raises(Invalid, match=r"city\.toml.* already; nothing is overwritten"):
        write_starter(folder)
    assert (folder / "city.toml").read_text() == before


def test_every_fault_is_told_by_file_line_and_field_with_the_nearest_known_word(folder: Path) -> None:
    (folder / "agencies.csv").write_text("code,name\nworks,Public works\nfire,Fire brigade\nworks,Again\n")
    (folder / "units.csv").write_text(
        "id,code,name,agency,areas,skills,shift,contact,lat,lon\n"
        "u1,U1,Pump crew,wroks,city,pump,day,,50.98,11.33\n"
        "../../etc,,Path,works,,,,,,\n"
        "u2,u1,Same code,works,wrad,pump,,,95,1\n"
        'u3,,"=HYPERLINK(""http://evil"")",works,,,nihgt,,,\n'
        f'u4,,{"x" * 20_000},works,,"pump,saw",,,1,\n'
    )
    (folder / "users.csv").write_text("name,role\nrina,oprator\nlocal,supervisor\n")
    (folder / "templates.toml").write_text('[[template]]\nid = "a"\nkind = "reply"\ntext = "Hi"\nfoo = 1\n')
    said = told(folder)
    for wanted in (
        "agencies.csv, line 4, code: “works” stands here twice.",
        "units.csv, line 2, agency: there is no agency “wroks”; did you mean “works”?",
        "units.csv, line 3, id: “../../etc” cannot name a unit",
        "units.csv, line 4, code: “u1” is also what unit u1 is called.",
        "units.csv, line 4, areas: there is no area “wrad”",
        "units.csv, line 4, lat: 95.0, 1.0 is no place on Earth",
        "units.csv, line 5, name: “=HYPERLINK(",
        "units.csv, line 5, shift: there is no calendar “nihgt”; did you mean “night”?",
        "units.csv, line 6, name: 20,000 characters are too many for a cell.",
        "units.csv, line 6, skills: “pump,saw”: several are written with | between them",
        "units.csv, line 6, lat: a place needs both lat and lon.",
        "users.csv, line 2, role: there is no role “oprator”; did you mean “operator”?",
        "users.csv, line 3, name: “local” is everybody",
        "templates.toml, line 1, foo: it is not known here",
    ):
        assert any(one.startswith(wanted) for one in said), (wanted, said)


def test_faults_of_city_toml_are_told_by_line(folder: Path) -> None:
    (folder / "city.toml").write_text(
        'name = "Town"\ntimezone = "Asia/Jakart"\nnmae = "x"\n[calendars.day]\ndaily = "7 to 9"\n'
        '[calendars.night]\nholidays = ["31.12.2026"]\n[targets.standard]\nP1 = { first_response = "soon" }\n'
        '[requests]\nkey_report = "5 per 1 minute"\naddress_reads = "many"\n'
    )
    said = told(folder)
    for wanted in (
        "city.toml, timezone: there is no time zone “Asia/Jakart”",
        "city.toml, line 3, nmae: it is not known here; did you mean “name”?",
        "city.toml, line 5, daily: “7 to 9” are no hours",
        "city.toml, line 6, holidays: “31.12.2026” is no day",
        "city.toml, line 9, first_response: “soon” is no length of time",
        "city.toml, key_report: nothing is limited so; did you mean “key_reports”?",
        "city.toml, address_reads: “many” is no rule; write it like “600 per 1 minute”",
    ):
        assert any(one.startswith(wanted) for one in said), (wanted, said)


def test_a_folder_that_is_none_or_holds_a_misspelt_file_says_so(tmp_path: Path, folder: Path) -> None:
    assert told(tmp_path / "nowhere")[0].startswith(f"{tmp_path / 'nowhere'}: the folder cannot be read")
    (folder / "units.csv").rename(folder / "unit.csv")
    assert "unit.csv: no file of a city is called so; did you mean “units.csv”?" in told(folder)
    (folder / "users.csv").rename(folder / "USERS.CSV")  # as old sticks name files: it would say nothing of anybody
    assert "USERS.CSV: no file of a city is called so; did you mean “users.csv”?" in told(folder)
    (folder / "city.toml").unlink()
    assert any("“sigap city init FOLDER”" in one for one in told(folder))


def test_tables_are_read_as_spreadsheets_save_them(folder: Path) -> None:
    (folder / "agencies.csv").write_bytes('\ufeffCode;Name;\r\n\r\nworks;Public works;\r\n\'=x;"a;b";\r\n'.encode())
    (folder / "units.csv").write_text(HEADS["units.csv"] + 'u1,,works,,,,+62 812-555,"50,9",11.3\n')
    reading = read_folder(folder)
    assert [(one.code, one.name) for one in reading.setup.agencies or ()] == [("works", "Public works"), ("=x", "a;b")]
    unit = (reading.setup.units or ())[0]
    assert (unit.contact, unit.lat, unit.lon) == ("+62 812-555", 50.9, 11.3)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "it is empty; its first line names the columns: code,name"),
        (b"code,nam\n", "there is no column “nam”; did you mean “name”?"),
        (b"code\na\n", "the column “name” is missing"),
        (b"code,name,name\na,b,c\n", "the column “name” stands there twice"),
        (b"code,name\na,b,c\n", "the line has 3 cells, the first line names 2"),
        (b'code,name\na,"b\n', "the line cannot be read"),
        ("code,name\na,Stra\u00dfe\n".encode("latin-1"), "a letter is not in UTF-8; save the file as “CSV UTF-8”"),
        ("code,name\na,b\n".encode("utf-16"), "it is no text in UTF-8"),
    ],
)
def test_a_table_that_is_none_says_why(folder: Path, body: bytes, sentence: str) -> None:
    (folder / "agencies.csv").write_bytes(body)
    assert any(sentence in one for one in told(folder)), told(folder)


@pytest.mark.parametrize(
    "text", ["", "x", "[", "[[[[", "name = 1\n", "calendars = 3\n", '[targets]\na = "b"\n', "\x00"]
)
def test_a_city_toml_that_is_none_says_so_and_never_fails(folder: Path, text: str) -> None:
    (folder / "city.toml").write_text(text)
    (folder / "templates.toml").write_text(text)
    (folder / "questions.toml").write_text(text)
    (folder / "areas.geojson").write_text(text)
    assert told(folder)


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 100_000 + " = 1\n",
        "\n[a" + " . a" * 100_000 + "]\n",
        "x = [{a = 1, 'b'" + '."b"' * 100_000 + " = 1}]\n",
        "name = 'x'\n" + " " * 900_000 + "\n[[x" + ".y" * 100_000 + "]]\n",
    ],
    ids=["key", "table", "inline", "array"],
)
def test_names_with_very_many_parts_are_refused_before_they_are_read(folder: Path, text: str) -> None:
    """A5: tomllib needs the square of their number; the check did not end."""
    for file in ("city.toml", "templates.toml", "questions.toml"):
        (folder / file).write_text(text)
    said = told(folder)
    assert sum("a name has at most 32 parts with dots between them (line" in one for one in said) == 3, said


def test_dots_in_a_text_are_no_parts_of_a_name(folder: Path) -> None:
    text = (folder / "templates.toml").read_text() + (
        f'\n[[template]]\nid = "dots"\nkind = "reply"\ntext = "{".".join("w" * 90)}"\n'
    )
    (folder / "templates.toml").write_text(text)
    assert told(folder) == []


@pytest.mark.parametrize("name", ["units.csv", "city.toml", "areas.geojson"])
def test_what_is_no_file_is_not_read(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert any("it is no file" in one for one in told(folder)), told(folder)


@given(st.lists(st.text().map(str.strip).filter(bool), max_size=4))
def test_lists_in_a_cell_read_as_they_were_written(words: list[str]) -> None:
    assert list(split_list(join_list(words))) == words


@given(st.integers(1, 10**8), st.integers(0, 1439), st.integers(1, 1440))
def test_lengths_and_hours_read_as_they_were_written(seconds: int, begin: int, length: int) -> None:
    assert read_length(length_text(seconds)) == seconds
    if begin + length <= 1440 or length < 1440:
        assert read_hours(hours_text((begin, begin + length))) == (begin, begin + length)


_cells = st.text(
    st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("=+-@#'|;,\"\n"), min_size=1, max_size=30
).map(str.strip)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(_cells.filter(bool), _cells), max_size=5))
def test_cells_read_as_they_were_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "agencies.csv"
    path.write_text(write_table(("code", "name"), rows, "A comment."), newline="")
    faults: list[FileFault] = []
    read = read_table(path, ("code", "name"), ("code",), faults)
    assert faults == []
    assert [(row.cells["code"], row.cells["name"]) for row in read or ()] == rows


def test_what_is_written_reads_the_same(folder: Path, tmp_path: Path) -> None:
    setup = msgspec.structs.replace(
        read_folder(folder).setup, requests={"user_writes": "50 per 5 seconds"}, language="en"
    )
    first, *others = setup.services or ()
    question = msgspec.structs.replace(
        first.attributes[0],
        descriptions={"nl": "Hoe diep?", "pt-BR": "Qual é a profundidade?"},
        datatype_descriptions={"nl": "ongeveer"},
        datatype_description="about",
        values=tuple(msgspec.structs.replace(one, names={"nl": one.key}) for one in first.attributes[0].values),
    )
    flood = msgspec.structs.replace(
        first, names={"nl": "Overstroming", "pt-BR": "Enchente"}, groups={"nl": "water"}, attributes=(question,)
    )
    (works, *agencies), (text, *texts) = setup.agencies or (), setup.templates or ()
    works = msgspec.structs.replace(works, names={"nl": "Werken", "pt-BR": "Obras"})
    text = msgspec.structs.replace(text, kind="close", texts={"nl": "Niet gevonden"})
    setup = msgspec.structs.replace(
        setup, services=(flood, *others), agencies=(works, *agencies), templates=(text, *texts)
    )
    assert check_setup(setup) == []
    write_folder(tmp_path / "twin", setup)
    assert read_folder(tmp_path / "twin").setup == setup
    assert "token" not in "".join(folder_texts(CitySetup(users=setup.users)).values()).replace("Tokens", "")


@pytest.mark.parametrize("name", ["templates.toml", "limits.toml", "run_cards.toml"])
def test_a_list_without_entries_holds_an_example_that_reads_as_one(folder: Path, tmp_path: Path, name: str) -> None:
    setup = read_folder(folder).setup
    write_folder(tmp_path / "twin", msgspec.structs.replace(setup, templates=(), limits=(), run_cards=()))
    path, field = tmp_path / "twin" / name, Path(name).stem
    assert getattr(read_folder(tmp_path / "twin").setup, field) == ()

    lines = path.read_text("utf-8").splitlines()
    example = next(at for at, line in enumerate(lines) if line.startswith("# [["))
    path.write_text("\n".join(line.removeprefix("# ") for line in lines[example:]), "utf-8")

    assert getattr(read_folder(tmp_path / "twin").setup, field) == getattr(setup, field)[:1]


def test_what_is_wrong_with_names_in_languages_is_told(folder: Path) -> None:
    (folder / "city.toml").write_text('name = "Town"\ntimezone = "Asia/Jakarta"\nlanguage = "pt_br"\n')
    (folder / "services.csv").write_text("code,name,Name:NL_be,name:dutch\nflood,Flood,Overstroming,x\n")
    said = told(folder)
    assert "city.toml, language: “pt_br” is written pt-BR." in said
    assert any(one.startswith("services.csv, line 1: there is no column “name:dutch”") for one in said)
    many = {f"{first}{second}": "x" for first in "abcdef" for second in "abcdef"}
    wrong = Service("flood", "Flood", names={"dutch!": "a", "nl": " ", "en": "b", "NL": "c"}, groups={"nl": "water"})
    faults = check_setup(CitySetup(services=(wrong, Service("x", "X", names=many)), language="en"))
    assert [(one.field, one.why.partition(";")[0]) for one in faults] == [
        ("names", "“dutch!” names no language"),
        ("names", "nothing is said in “nl”"),
        ("names", "“en” is the city's own language: that name stands without a language"),
        ("names", "“NL” is written nl"),
        ("groups", "there is nothing that it could be a translation of"),
        ("names", "36 languages are too many"),
    ]
    there = CitySetup(
        services=(Service("flood", "Flood", names={"nl": "Overstroming"}),),
        templates=(Template("gone", "close", "Gone", texts={"nl": "Weg"}),),
    )
    assert [one.field for one in check_setup(CitySetup(language="nl"), there)] == ["language"] * 2
    reply = Template("thanks", "reply", "Thanks", texts={"nl": "Dank"})
    (fault,) = check_setup(CitySetup(agencies=(Agency("pu", "Works", names={"nl": "Werken"}),), templates=(reply,)))
    assert (fault.part, fault.field) == ("templates", "texts"), "a reply goes to one person"


def test_nobody_left_to_supervise_is_a_fault() -> None:
    one = UserRecord("rina", "operator")
    boss = UserRecord("chief", "supervisor")
    limited = UserRecord("chief", "supervisor", areas=("w1",))
    present = CitySetup(users=(boss,))
    assert check_setup(CitySetup(users=(one, boss)), present) == []
    for users in ((), (one,), (one, limited)):
        assert [fault.part for fault in check_setup(CitySetup(users=users), present)] == ["users"], users


def test_a_calendar_that_is_still_needed_cannot_go() -> None:
    present = CitySetup(
        services=(Service("a", "A", sla={"*": Sla(calendar="office")}),), units=(UnitRecord("u1", shift="day"),)
    )
    said = [fault.why for fault in check_setup(CitySetup(calendars=()), present)]
    assert said == ["service “a” still counts in calendar “office”", "unit “u1” still has the shift “day”"]


def test_the_nearest_word_is_offered_or_all_when_they_are_few() -> None:
    assert nearest("flod", ["flood", "fire"]) == "; did you mean “flood”?"
    assert nearest("zzz", ["flood", "fire"]) == "; there are flood, fire"


def test_limits_are_read_as_they_were_written(folder: Path) -> None:
    assert told(folder) == []
    limits = read_folder(folder).setup.limits
    assert limits == (Limit("flood", "Flood spreads", "cat=flood", 10, 60, 2),)


def test_a_limit_that_cannot_be_counted_is_told_by_line_and_field(folder: Path) -> None:
    head = '[[limit]]\nid = "a"\nname = "A"\nabove = 3\nwithin_minutes = 60\n'
    for text, wanted in (
        (f'{head}filter = "cat=fluud"\n', "line 1, filter: No category is called “fluud”"),
        (f'{head}filter = "area=Atlantis"\n', "line 1, filter: No area is called “Atlantis”"),
        (f'{head}filter = "age<1h"\n', "line 1, filter: A limit has its own time"),
        (f'{head}filter = "colour=red"\n', "line 1, filter: “colour” is not a filter"),
        (f'{head}filter = "cat=flood"\npriority = 1\n', "line 1, priority: 1 is not between 2 and 4"),
        (f"{head}filter = 3\n", "line 1, filter: it has to be a text"),
        (head.replace("60", "4"), "line 1, within_minutes: 4 is not between 5 and 1,440"),
        (head.replace("60", '"60"'), "line 1, within_minutes: it has to be a whole number"),
        (head.replace("60", "true"), "line 1, within_minutes: it has to be a whole number"),
        (head.replace("above = 3", "above = 0"), "line 1, above: 0 is not between 1 and 100,000"),
        (head.replace("above = 3\n", ""), "line 1, above: it has to be a whole number"),
        (head.replace('"A"', '""'), "line 1, name: a name is needed"),
        (head.replace('"a"', '"a\\nb"'), "line 1, id: at most 100 letters on one line"),
        (head + head, "line 6, id: “a” stands here twice"),
        (f"{head}colour = 1\n", "line 1, colour: it is not known here"),
    ):
        (folder / "limits.toml").write_text(text)
        said = told(folder)
        assert any(one.startswith(f"limits.toml, {wanted}") for one in said), (wanted, said)


def test_run_cards_are_read_as_they_were_written(folder: Path) -> None:
    steps = ("Ask: is anybody in the water?", "Tell the power company before the pump crew goes in")
    card = RunCard("flood", "Flood with people in danger", steps, ("flood",), (), (1,), 2)
    assert read_folder(folder).setup.run_cards == (card,)
    other = RunCard("any", "Anything", ("Call back", 'Say “no”, or "yes"'), groups=("water",), skills=("pump",))
    (folder / "run_cards.toml").unlink()
    texts = folder_texts(CitySetup(run_cards=(card, other)))
    (folder / "run_cards.toml").write_text(texts["run_cards.toml"])
    assert (told(folder), read_folder(folder).setup.run_cards) == ([], (card, other))


def test_a_run_card_that_nobody_can_work_off_is_told_by_line_and_field(folder: Path) -> None:
    head = '[[card]]\nid = "a"\nname = "A"\nservices = ["flood"]\n'
    card = f'{head}steps = ["Call"]\n'
    for text, wanted in (
        (head, "line 1, steps: there are 0; a card has 1 to 9"),
        (f"{head}steps = {[str(n) for n in range(10)]}\n", "line 1, steps: there are 10; a card has 1 to 9"),
        (f'{head}steps = "Call"\n', "line 1, steps: it has to be a list of texts"),
        (f'{head}steps = ["{"go " * 20}on"]\n', "line 1, steps: “go go go"),
        (f'{head}steps = ["Call  them"]\n', "line 1, steps: “Call  them”: one line, with single blanks"),
        (f'{head}steps = ["Call", "call"]\n', "line 1, steps: one of them stands there twice"),
        (f'{head}steps = [""]\n', "line 1, steps: one of them has no words"),
        (f"{card}crews = 0\n", "line 1, crews: 0 is not between 1 and 20"),
        (f"{card}crews = 0x{'f' * 5_000}\n", "line 1, crews: it has to be a whole number"),
        (f"{card}priorities = [0x{'f' * 5_000}]\n", "line 1, priorities: it has to be a list of whole numbers"),
        (f"{card}priorities = [0]\n", "line 1, priorities: 0 is no priority"),
        (f"{card}priorities = [true]\n", "line 1, priorities: it has to be a list of whole numbers"),
        (f'{card}groups = ["watter"]\n', "line 1, groups: no service has the group “watter”; did you mean “water”?"),
        (card.replace("flood", "flod"), "line 1, services: there is no service “flod”; did you mean “flood”?"),
        (card + card.replace('"a"', '"b"'), "line 6, services: card “a” is for flood as well, and neither comes first"),
        (card + card, "line 6, id: “a” stands here twice"),
        (f"{card}colour = 1\n", "line 1, colour: it is not known here"),
    ):
        (folder / "run_cards.toml").write_text(text)
        said = told(folder)
        assert any(one.startswith(f"run_cards.toml, {wanted}") for one in said), (wanted, said)

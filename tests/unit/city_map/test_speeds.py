"""A city's table of speeds as people write it, and what is said where they write something else."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.city_map.speeds import CLASSES, SpeedFileError, hour_of_week, parse_speeds, read_speeds

MONDAY_17, SATURDAY_17, SUNDAY_3 = 17, 5 * 24 + 17, 6 * 24 + 3
HEAD = "class,days,hours,kmh\n"


def faults(content: bytes | str) -> list[str]:
    with pytest.raises(SpeedFileError) as found:
        parse_speeds(content.encode() if isinstance(content, str) else content, "kota.csv")
    return list(found.value.faults)


def test_the_last_line_counts_of_those_that_name_an_hour() -> None:
    table = parse_speeds(
        (
            HEAD
            + "primary,daily,,30\n# rush hours\n\nprimary,weekdays,16:00-19:00,14\nLocal,saturday|Sunday,0-24,20.5\n"
        ).encode(),
        "kota.csv",
    )
    assert table.at(MONDAY_17) == {"primary": 14}
    assert table.at(15) == table.at(19) == {"primary": 30}
    assert table.at(SATURDAY_17) == {"primary": 30, "local": 20.5}
    assert table.at(SUNDAY_3) == table.at(167)
    assert (len(table.by_hour), table.lines) == (168, 3)


def test_a_spreadsheet_of_another_country_is_read() -> None:
    content = '\ufeffkmh;hours;class;days\r\n17,5;7-9;"trunk";weekend\r\n;;;\r\n'.encode()
    table = parse_speeds(content, "kota.csv")
    assert table.at(5 * 24 + 8) == {"trunk": 17.5}
    assert table.at(5 * 24 + 9) == table.at(8) == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "avenue,,,20",
            "“avenue” is no class of road (motorway, link, trunk, primary, secondary, tertiary, local, gang)",
        ),
        ("path,,,20", "“path” is no class of road"),
        (
            "primary,holidays,,20",
            "“holidays” are no days (daily, weekdays, weekend, or monday to sunday with | between)",
        ),
        ("primary,,22-5,20", "“22-5” are no hours (such as 07:00-09:00; over midnight take two lines)"),
        ("primary,,7:30-9,20", "“7:30-9” are no hours"),
        ("primary,,7-25,20", "“7-25” are no hours"),
        ("primary,,8-8,20", "“8-8” are no hours"),
        ("primary,,7-9,0", "“0” is no speed from 1 to 130 km/h"),
        ("primary,,7-9,131", "“131” is no speed"),
        ("primary,,7-9,-20", "“-20” is no speed"),
        ("primary,,7-9,nan", "“nan” is no speed"),
        ("primary,,7-9,1e1", "“1e1” is no speed"),
        ("primary,,7-9,", "“” is no speed"),
        ("primary,,7-9,12,5", "5 cells, not 4."),
        ("primary,,7-9", "3 cells, not 4."),
        ("secondary,daily,0-24,20", "the same class and hours as in line 3."),
    ],
)
def test_each_line_that_is_wrong_is_named(line: str, said: str) -> None:
    (found,) = faults(f"{HEAD}# remark\nsecondary,,,25\n{line}\n")
    assert found.startswith(f"kota.csv, line 4: {said}")
    assert found.endswith(".")


def test_all_that_is_wrong_is_said_but_not_a_whole_page() -> None:
    found = faults(HEAD + "avenue,never,noon,fast\n" + "a,b\n" * 40)
    assert [one.split(":")[0] for one in found[:4]] == ["kota.csv, line 2"] * 4
    assert len(found) == 21
    assert found[-1] == "And 24 more."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "kota.csv, line 1: the first line has to name the columns class, days, hours, kmh."),
        (
            b"primary,daily,7-9,20\n",
            "kota.csv, line 1: the first line has to name the columns class, days, hours, kmh.",
        ),
        (b"# only a remark\n" + HEAD.encode(), "kota.csv has no line of speeds."),
        (HEAD.encode() + b"\xff\xfe", "kota.csv is not text in UTF-8: save it as CSV UTF-8."),
        (HEAD.encode() + b"#" * 2**18, "kota.csv is larger than 256 kB: that is no table of speeds."),
    ],
)
def test_a_file_that_is_something_else_is_refused(content: bytes, said: str) -> None:
    assert faults(content) == [said]


def test_what_is_shown_of_a_hostile_cell_is_short_and_printable() -> None:
    (found,) = faults(f"{HEAD}{'x' * 300}\x1b[31m,,,20\n")
    assert len(found) < 200
    (found,) = faults(f"{HEAD}\x1b]0;title\x07,,,20\n")
    assert found.isprintable()
    assert all(one.isprintable() for one in faults(f'{HEAD}"{"y" * 150_000}\nprimary,"""\x00,7-9,20\n'))


@given(st.text(max_size=200))
def test_whatever_stands_in_a_file_is_a_table_or_a_sentence(text: str) -> None:
    try:
        table = parse_speeds((HEAD + text).encode("utf-8", "surrogatepass"), "kota.csv")
    except SpeedFileError as error:
        assert error.faults  # noqa: PT017 - either way is right
    else:
        assert all(set(hour) <= set(CLASSES) for hour in table.by_hour)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SpeedFileError, match=r"pipe.csv is no file"):
        read_speeds(tmp_path / "pipe.csv")


def test_the_week_begins_on_monday() -> None:
    assert hour_of_week(datetime(2026, 11, 30, 0, 59, tzinfo=UTC)) == 0
    assert hour_of_week(datetime(2026, 12, 6, 23, 0, tzinfo=UTC)) == 167

"""`sigap city`: what it prints, asks and ends with, and that tokens are shown once."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.server.admin.city_commands import city_apply, city_check, city_export, city_init
from console.server.city.city import City
from tests.helpers.city import run_sigap

Said = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, capsys: Said) -> Path:
    assert city_init(tmp_path / "city") == 0
    assert "sigap city check" in capsys.readouterr().out
    return tmp_path / "city"


def test_the_way_of_a_folder_into_a_database_and_out_again(
    folder: Path, database_url: str, tmp_path: Path, capsys: Said
) -> None:
    assert city_check(folder, None) == 0
    assert "is in order: 3 services, 2 agencies, 2 areas, 2 units" in capsys.readouterr().out
    asked: list[str] = []

    def answer(words: str) -> str:
        asked.append(words)
        return "n"

    assert city_apply(folder, database_url, yes=False, ask=answer) == 2
    said = capsys.readouterr()
    assert "+ units u1 added" in said.out
    assert said.err == "sigap: nothing was changed.\n"
    assert asked == ["Apply this? [y/N] "]
    assert city_apply(folder, database_url, yes=False, ask=None) == 2
    assert "add --yes" in capsys.readouterr().err
    assert city_apply(folder, database_url, yes=False, ask=lambda _: "y") == 0
    first = capsys.readouterr().out
    assert "chief\t" in first
    assert city_apply(folder, database_url, yes=False, ask=None) == 0  # nothing to ask about
    assert capsys.readouterr().out == "Nothing changes.\n"
    assert city_export(tmp_path / "out", database_url) == 0
    assert city_export(tmp_path / "out", database_url) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    token = next(line.partition("\t")[2] for line in first.splitlines() if line.startswith("chief\t"))
    assert token not in "".join(each.read_text() for each in (tmp_path / "out").iterdir())
    city = City(database_url)
    assert [unit.code for unit in city.units()] == ["U1", "U2"]
    city.close()


def test_a_folder_with_faults_changes_nothing_and_names_them_all(folder: Path, database_url: str, capsys: Said) -> None:
    (folder / "units.csv").write_text("id,agency,shift\nu1,nobody,never\nu1,works,day\n")
    assert city_apply(folder, database_url, yes=True, ask=None) == 4
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "units.csv, line 2, agency: there is no agency “nobody”; there are works, fire.",
        "units.csv, line 2, shift: there is no calendar “never”; there are office, day, night.",
        "units.csv, line 3, id: “u1” stands here twice.",
    ]
    assert said.err == "sigap: 3 things are wrong in the folder; nothing was changed.\n"
    city = City(database_url)
    assert city.units() == []
    city.close()


def test_the_program_knows_the_commands(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'city.db'}"
    assert run_sigap("city", "init", str(tmp_path / "city"), home=tmp_path).returncode == 0
    lost = run_sigap("city", "check", str(tmp_path / "city"), "--database", database, home=tmp_path)
    assert (lost.returncode, "there is no file" in lost.stderr) == (4, True)
    unasked = run_sigap("city", "apply", str(tmp_path / "city"), "--database", database, home=tmp_path)
    assert (unasked.returncode, "add --yes" in unasked.stderr) == (2, True)
    done = run_sigap("city", "apply", str(tmp_path / "city"), "--database", database, "--yes", home=tmp_path)
    assert done.returncode == 0, done.stderr
    out = run_sigap("city", "export", str(tmp_path / "out"), "--database", database, home=tmp_path)
    assert (out.returncode, "2 units" in out.stdout) == (0, True)

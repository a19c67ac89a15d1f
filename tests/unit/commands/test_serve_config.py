"""Options of `sigap serve` from a file and the environment: which of them counts, and what is refused."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console import cli
from console.cli import build_parser, main

Asked = Callable[..., argparse.Namespace]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What `sigap serve` is called with, by a file with this text, this environment and this command line."""
    given: list[argparse.Namespace] = []
    monkeypatch.setattr(cli, "_serve", lambda arguments: given.append(arguments) or 0)
    monkeypatch.chdir(tmp_path)

    def ask(text: str, *line: str, **environment: str) -> argparse.Namespace:
        Path("city.toml").write_text(text, encoding="utf-8")
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(f"SIGAP_SERVE_{name}", value)
            assert main(["serve", "--config", "city.toml", *line]) == 0
        return given.pop()

    return ask


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(asked: Asked) -> None:
    text = 'port = 1\nname = "File"\nhost = "10.0.0.1"\nno-public = true\nload = ["a.csv", "b.csv"]\n'
    found = asked(text, "--port", "3", PORT="2", NAME="Environment")
    assert (found.port, found.name, found.host, found.no_public) == (3, "Environment", "10.0.0.1", True)
    assert found.load == [Path("a.csv"), Path("b.csv")]
    assert found.database == "sqlite:///sigap-city.db"
    assert asked(text, "--load", "c.csv", "--load", "d.csv").load == [Path("c.csv"), Path("d.csv")]
    assert not asked(text, NO_PUBLIC="no").no_public
    assert asked("open-reports = true", "--keyed-reports").posting == "keyed"
    assert asked("open-reports = true", OPEN_REPORTS="false").posting is None
    assert asked("behind-proxy = true").behind_proxy == "127.0.0.1"
    assert asked('behind-proxy = "10.0.0.0/24"').behind_proxy == "10.0.0.0/24"
    assert asked("").behind_proxy is None


def test_the_database_may_be_told_by_a_secret_in_a_file(asked: Asked) -> None:
    Path("secret").write_text("postgresql+psycopg://sigap:hidden@db/city\n")
    for text, environment in (('database-file = "secret"', {}), ("", {"DATABASE_FILE": "secret"})):
        assert asked(text, **environment).database == "postgresql+psycopg://sigap:hidden@db/city"
    assert asked('database-file = "secret"', "--database", "sqlite:///x.db").database == "sqlite:///x.db"
    assert asked('database = "sqlite:///x.db"', "--database-file", "secret").database.endswith("@db/city")


def test_every_command_of_a_city_takes_its_database_by_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
        yield parser
        for action in parser._actions:
            for each in action.choices.values() if isinstance(action, argparse._SubParsersAction) else ():
                yield from commands(each)

    taking = [set(each._option_string_actions) & {"--database", "--database-file"} for each in commands(build_parser())]
    assert max(map(len, taking)) == 2
    assert not any(len(each) == 1 for each in taking)
    monkeypatch.chdir(tmp_path)
    Path("secret").write_text("sqlite:///there.db\n")
    assert main(["user", "add", "rina", "--role", "viewer", "--database-file", "secret"]) == 0
    assert Path("there.db").is_file()
    assert main(["user", "list", "--database-file", "secret"]) == 0
    assert "rina" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("prot = 1", {}, "There is no setting prot in city.toml. Is “port” meant?"),
        ("", {"PROT": "1"}, "There is no setting SIGAP_SERVE_PROT. Is “port” meant?"),
        ("[http]\nport = 1", {}, "There is no setting http in city.toml."),
        ('config = "other.toml"', {}, "There is no setting config in city.toml"),
        ("port = [1]", {}, "port in city.toml has to be a text or a number."),
        ('port = "many"', {}, "port in city.toml: “many” does not fit."),
        ("", {"NO_PUBLIC": "perhaps"}, "SIGAP_SERVE_NO_PUBLIC is either true or false."),
        ('public-url = "example.org"', {}, "public-url in city.toml: “example.org” is no address"),
        ("open-reports = true\nkeyed-reports = true", {}, "are two answers to one question."),
        ("port =", {}, "city.toml is no configuration file: "),
        ('database-file = "missing"', {}, "database-file in city.toml: missing cannot be read."),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    asked: Asked, text: str, environment: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        asked(text, **environment)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--config", "/nowhere/city.toml"])
    assert "/nowhere/city.toml cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mysql://sigap:hidden@db/city", "mysql://sigap:***@db/city"),
        ("mysql://sigap:hid/den@db/city", "mysql://sigap:***@db/city"),
        ("postgresql+psycopg://sigap:secret@hidden:1@/db/city", "postgresql+psycopg://sigap:***@/db/city"),
        ("postgresql+psycopg://sigap:hidden@db:port/city", "postgresql+psycopg://sigap:***@db:port/city"),
        ("sigap:hidden@db/city", "sigap:***@db/city"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(
    address: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A password with an @ in it ended the server with a traceback that quoted the half of it, again and again."""
    assert main(["serve", "--port", "0", "--database", address]) == 2
    said = capsys.readouterr().err
    assert f"“{told}”" in said
    assert not any(word in said for word in ("hid", "secret", "Traceback"))

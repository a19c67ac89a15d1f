"""The examples of docs/dispatch-api are true: each is sent, and its answer has the shape that is printed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import pytest
import requests

from console.server.city.city import City
from console.server.city.users import Users, add_user
from tests.unit.server.conftest import running

DOCS = Path(__file__).resolve().parents[3] / "docs" / "dispatch-api"
PAGES = ("README.md", "edits.md", "for-a-city.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAID_EXACTLY = ("error", "kind", "status", "id", "edit", "author", "undoes", "version", "priority")
_ANYTHING = "…"

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class Request:
    """What a line of curl asks."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass
class Printed:
    """The answer as a page prints it."""

    status: int
    headers: dict[str, str]
    body: str


@pytest.fixture
def variables(city: City, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A city for the examples of one page."""
    token = add_user(city, "rina", "supervisor")
    with running(city, tmp_path / "media", Users(city)) as url:
        yield {"CITY": url, "SIGNED": f"Authorization: Bearer {token}", "TOKEN": token}


def read_curl(line: str, variables: dict[str, str]) -> Request:
    """A line of curl; an option that is not known here fails."""
    words = iter(shlex.split(Template(line.replace("\\\n", " ")).substitute(variables)))
    assert next(words) == "curl"
    request = Request("")
    for word in words:
        if word == "-X":
            request.method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            request.headers[name] = value
        elif word == "-d":
            request.body = next(words).encode()
        elif word != "-N":
            assert word.startswith("http"), word
            request.url = word
    return request


def read_answer(text: str) -> Printed:
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return Printed(int(first.split()[1]), headers, body.strip())


def examples(page: str) -> list[tuple[str, Printed]]:
    blocks = _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    found = []
    for (kind, text), (after, answer) in pairwise([*blocks, ("", "")]):
        if kind == "sh" and text.startswith("curl "):
            assert after == "http", f"{page}: no answer after {text}"
            found.append((text.strip(), read_answer(answer)))
    return found


def check_shape(printed: Any, answered: Any, where: str) -> None:
    """What is printed is there, of the same type; words that programs go by are the same."""
    if printed == _ANYTHING:
        assert isinstance(answered, str), f"{where}: {answered!r}"
    elif isinstance(printed, dict):
        assert isinstance(answered, dict), where
        for name, value in printed.items():
            assert name in answered, f"{where} has no {name}: {answered}"
            check_shape(value, answered[name], f"{where}.{name}")
    elif isinstance(printed, list):
        assert isinstance(answered, list), where
        assert len(answered) == len(printed), f"{where}: {answered}"
        for number, (one, other) in enumerate(zip(printed, answered, strict=True)):
            check_shape(one, other, f"{where}[{number}]")
    else:
        assert type(printed) is type(answered), f"{where}: {answered!r}"
        if where.rpartition(".")[2] in _SAID_EXACTLY:
            assert printed == answered, f"{where}: {answered!r}"


def events(answer: requests.Response, count: int) -> Iterator[tuple[str, Any]]:
    """The first events of a stream: name and data."""
    name = ""
    for line in answer.iter_lines(decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
            count -= 1
            if not count:
                return


def check_events(printed: str, answer: requests.Response) -> None:
    expected = dict(re.findall(r"^event: (\w+)\ndata: (.*)$", printed, re.MULTILINE))
    for name, data in events(answer, len(expected)):
        shape = json.loads(expected.pop(name))
        assert shape.keys() == data.keys()
    assert not expected


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_are_true(page: str, variables: dict[str, str]) -> None:
    found = examples(page)
    assert found
    for line, printed in found:
        asked = read_curl(line, variables)
        with requests.request(
            asked.method, asked.url, headers=asked.headers, data=asked.body, timeout=60, stream=True
        ) as answer:
            assert answer.status_code == printed.status, f"{line}\n{answer.text}"
            for name, value in printed.headers.items():
                assert name in answer.headers, f"{line}: no {name}"
                assert value == _ANYTHING or answer.headers[name].startswith(value), f"{line}: {answer.headers[name]}"
            if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                check_events(printed.body, answer)
            elif printed.body:
                check_shape(json.loads(printed.body), answer.json(), "")
            else:
                assert not answer.content


def test_the_client_of_the_page_keeps_up(city: City, variables: dict[str, str]) -> None:
    (source,) = [text for kind, text in _BLOCK.findall((DOCS / "README.md").read_text("utf-8")) if kind == "python"]
    names: dict[str, Any] = {}
    exec(compile(source, "README.md", "exec"), names)
    copy = names["Copy"](variables["CITY"], variables["TOKEN"])
    copy.catch_up()
    assert {key for kind, key in copy.objects if kind == "report"} == {"10", "11", "12"}
    assert copy.number == city.seq()
    city.remove("report", "12")
    copy.catch_up()
    assert {key for kind, key in copy.objects if kind == "report"} == {"10", "11"}
    copy.number = 10**6
    copy.catch_up()
    assert copy.number == city.seq()
    copy.session.close()


def test_every_kind_and_every_error_stands_in_the_page(variables: dict[str, str]) -> None:
    page = (DOCS / "edits.md").read_text("utf-8")
    document = requests.get(f"{variables['CITY']}/dispatch/v1/openapi.json", timeout=60).json()
    rows = "\n".join(line.partition("| ")[2].rpartition(" |")[0] for line in page.splitlines() if line.startswith("| "))
    for name in document["components"]["schemas"]:
        if name.startswith("Edit_") and name != "Edit_undo":
            assert re.search(rf"\b{name.removeprefix('Edit_')}\b", rows), name
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    check_told(status, response, rows, document["components"]["schemas"])


def check_told(status: str, response: dict[str, Any], rows: str, components: dict[str, Any]) -> None:
    schema = response["content"]["application/json"]["schema"]
    bodies = [
        components[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in schema.get("oneOf", [schema])
    ]
    words = [word for body in bodies for word in body["properties"]["error"]["enum"]]
    line = next((row for row in rows.splitlines() if status in row.partition(" | ")[0]), "")
    for word in words:
        assert word in line, f"{status} {word} is not told"

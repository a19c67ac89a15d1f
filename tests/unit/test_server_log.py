"""What a server says on standard error: lines with a time, or JSON; the same words again and again are counted."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from console import logs
from console.logs import CalmHandler, JsonFormatter, log_server


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:], _ = before, root.setLevel(level)


def test_json_has_time_level_logger_message_and_request(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_server("json", lambda: "proxy-1")
    logging.getLogger("sigap.test").info("not asked for")
    logging.getLogger("sigap.test").error("it “failed”\nfor %s", "Bearer abcdef")
    try:
        raise ValueError("token=abcdef")
    except ValueError:
        logging.getLogger("sigap.test").exception("a defect")
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "error",
        "logger": "sigap.test",
        "message": "it “failed”\nfor Bearer ***",
        "request_id": "proxy-1",
    }
    assert "ValueError: token=***" in second["exception"]


def test_text_has_them_in_one_line(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log_server("text", lambda: "proxy-1")
    logging.getLogger("sigap.test").warning("two\nlines")
    said = capsys.readouterr().err
    assert said.endswith("Z WARNING sigap.test: two\u2423lines (request proxy-1)\n")
    assert said.count("\n") == 1


def test_the_same_words_are_written_a_few_times_a_minute_and_then_counted(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    handler = CalmHandler(clock=lambda: now)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("sigap.test.flood")
    logger.propagate = False
    logger.addHandler(handler)
    for number in range(250):
        logger.warning("no room for %d", number)
    logger.warning("something else")
    said = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert said == [*(f"no room for {number}" for number in range(10)), "something else"]
    now = 61.0
    logger.warning("no room for %d", 250)
    said = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert said == ["“no room for %d” … 240 times more in the last minute", "no room for 250"]


def test_what_is_remembered_of_very_many_messages_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    handler = CalmHandler(clock=lambda: 0.0)
    handler.setFormatter(JsonFormatter())
    for number in range(3 * logs._MOST_MESSAGES):
        handler.emit(logging.LogRecord("sigap.test", logging.WARNING, "", 0, f"{number}", None, None))
    assert len(handler._told) <= logs._MOST_MESSAGES
    assert len(capsys.readouterr().err.splitlines()) == 3 * logs._MOST_MESSAGES

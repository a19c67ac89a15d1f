"""What who takes over asks about a line of a hand-over: to whom that goes, and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from api_client.model import Kind, Recipient
from console.cache.reader import CacheReader, ReadMessage
from console.panels.edit_commands import EditCommands
from console.panels.handover.text import ShownLine
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import STATE_WORDS, recipient_text
from console.panels.window_state import WindowState
from console.rules.correspondence import CONTROL_ROOM, READING_ROLES, thread_of
from console.rules.handover import HandoverDraft
from widgets.text import one_line

_LONGEST_TITLE = 120


class AskedAbout(msgspec.Struct, frozen=True):
    """What is looked for beside the lines of a hand-over: the messages since then in these threads, or kept with these
    reports. `asked` are the lines with the ids of the messages by which they were asked about, `reports` those of the
    reports.
    """

    since: datetime
    asked: Mapping[str, str]
    reports: Mapping[str, str]
    threads: frozenset[str]


def asked_about(draft: HandoverDraft, lines: Sequence[ShownLine], role: str, since: datetime) -> AskedAbout:
    """What to look for beside these lines; `role` is that of who is asked, `since` when the shift began: the page may
    have been opened after something was asked.
    """
    asked = {line.id: message for line in lines if (message := draft.of(line.id).asked)}
    threads = frozenset(thread_of(recipient_for(line, role)) for line in lines if line.id in asked)
    return AskedAbout(since, asked, {line.id: line.report for line in lines if line.report}, threads)


def recipient_for(line: ShownLine, role: str) -> Recipient:
    """To whom a question about a line goes: to everybody of a role who works where its report lies; to all of the role
    where who is asked may work elsewhere.
    """
    return Recipient(role=role if role in READING_ROLES else CONTROL_ROOM, area=line.area or None)


def newest_words(about: AskedAbout, messages: Iterable[ReadMessage]) -> dict[str, ReadMessage]:
    """The newest message about each line, of these, the oldest first: by which it was asked about, that is kept with
    its report, or that answers in the thread where it was asked about last and is kept with none.
    """
    of_message = {message: line for line, message in about.asked.items()}
    of_report = {report: line for line, report in about.reports.items()}
    found: dict[str, ReadMessage] = {}
    last: dict[str, tuple[str, str]] = {}
    for one in messages:
        message, thread = one.message, thread_of(one.message.to, one.message.unit)
        if message.unit is not None or message.to.unit is not None:  # with a crew
            continue
        line = of_message.get(message.id) or of_report.get(message.report or "")
        if line is not None:
            last[thread] = line, message.author
        elif message.report is None and thread in last and last[thread][1] != message.author:
            # protects: an-answer-stands-beside-its-line
            line = last[thread][0]
        if line is not None:
            found[line] = one
    return found


class HandoverQuestions:
    """Sends what is asked about the lines of a hand-over as messages, and says what became of that."""

    def __init__(
        self,
        window_state: WindowState,
        outbox: QtOutbox,
        edit_commands: EditCommands,
        *,
        why_not_to: Callable[[str, Recipient], str],
        quick_texts: Callable[[str], Sequence[str]],
        is_signed_out: Callable[[str], bool],
        tr: Callable[[str], str],
    ) -> None:
        """`why_not_to` says why the operator may not write to somebody at a source, `quick_texts` are the city's,
        `is_signed_out` whether he has signed out there.
        """
        self._window_state, self._outbox, self._edit_commands = window_state, outbox, edit_commands
        self.why_not_to, self.quick_texts = why_not_to, quick_texts
        self._is_signed_out, self._tr = is_signed_out, tr

    def whom(self, source: str, to: Recipient) -> str:
        """Whom a question goes to, in words."""
        return recipient_text(to, self._window_state.catalog(source), self._tr)

    def send(self, source: str, line: ShownLine, to: Recipient, text: str, asks: str) -> str:
        """Ask; returns the id of the message. It is kept with the report of the line; without one it says what it is
        about. `asks` is who asks where that is not who is signed in.
        """
        words = text if line.report else f"{one_line(line.title[:_LONGEST_TITLE])}: {text}"
        words = self._tr("{who} asks: {text}").format(who=asks, text=words) if asks else words
        return self._edit_commands.write_message(source, to, words, line.report or None, self.whom(source, to))

    def reading(self, source: str, about: AskedAbout) -> Callable[[CacheReader], dict[str, ReadMessage]]:
        """What a worker does to find the newest words about each line."""
        if self._is_signed_out(source) or not (about.asked or about.reports):
            return lambda _: {}
        me, reports = self._window_state.me_at(source), tuple(about.reports.values())

        def read(reader: CacheReader) -> dict[str, ReadMessage]:
            return newest_words(about, reader.messages_about(source, me, about.since, reports, tuple(about.threads)))

        return read

    def words(self, source: str, asked: str, found: ReadMessage | None, at: Callable[[datetime], str]) -> str:
        """What is said beside a line: the newest message, or the question that has not left this desk yet; `at` says a
        time.
        """
        if asked and (found is None or found.message.id != asked) and (own := self._waiting(source, asked)):
            return own
        if found is None:
            return ""
        message, me = found.message, self._window_state.me_at(source)
        text = one_line(message.text[:300], 200)
        if message.author != me:
            return self._tr("{who}: {text} · {time}").format(who=message.author, time=at(message.at), text=text)
        # What is wrong stands first: the end of a line may have no room.
        if not (readers := [mark for mark in found.marks if mark.addressed]):
            return self._tr("Not read yet: {text} · {time}").format(text=text, time=at(message.at))
        words = self._tr("You: {text} · {time}, read by {who}")
        return words.format(text=text, time=at(message.at), who=readers[0].who)

    def _waiting(self, source: str, asked: str) -> str:
        """A question that no server has, with where it stands; "" where it has left."""
        for queued in self._outbox.open_for(source, None):
            if queued.edit.id == asked and queued.edit.kind is Kind.MESSAGE:
                text = one_line(str(queued.edit.data.get("text", ""))[:300], 200)
                return f"{self._tr(STATE_WORDS[queued.state])}: {text}"
        return ""

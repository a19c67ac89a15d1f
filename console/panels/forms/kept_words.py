"""The words of an edit that is taken back become the draft of the form in which they were typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from api_client.model import Kind
from console.panels.forms.draft import marks
from console.panels.forms.report_data import caller_values, new_report_values
from console.panels.qt_outbox import QtOutbox
from console.rules.edit import Edit
from console.rules.run_card import CARD


class TakenBack(NamedTuple):
    """An edit that is undone, with what is needed to make a draft of its words; `data` also of what goes with it."""

    id: str
    kind: Kind
    source: str
    report: str | None
    title: str
    data: Mapping[str, Any]


def put_aside(outbox: QtOutbox, key: str) -> str:
    """Keep the draft under this key, if there is one, as older text: something else is to be written there. Returns the
    key of the older text, "" without a draft.
    """
    draft = outbox.draft(key)
    if draft is None:
        return ""
    aside = f"older:{key}"
    while outbox.draft(aside) is not None:
        aside += "+"
    outbox.save_draft(aside, draft)
    outbox.drop_draft(key)
    return aside


def take_up(outbox: QtOutbox, aside: str, key: str) -> None:
    """Put older text back under the key from which `put_aside` took it."""
    draft = outbox.draft(aside)
    if draft is not None:
        outbox.save_draft(key, draft)
        outbox.drop_draft(aside)


def keep_words(outbox: QtOutbox, edit: TakenBack, mark: Callable[[str], dict[str, str]]) -> bool:
    """Append the words of an undone edit to the draft of its form; whether it had any."""
    written = _typed_for(edit)
    if written is None:
        return False
    form, values = written
    about = edit.title if form == "new_report" or edit.report is None else f"{edit.report} {edit.title}"
    key = outbox.draft_key(form, edit.source, edit.id if form == "new_report" else edit.report or "")
    if form == "caller_adds":  # what stands there may be of another caller
        put_aside(outbox, key)
    before = (outbox.draft(key) or {}).get("text", "")
    values["text"] = "\n".join(text for text in (before, values["text"]) if text)
    outbox.save_draft(key, values | mark(about))
    return True


def keep_words_of(outbox: QtOutbox, edit: Edit) -> bool:
    """The same for an edit in the outbox; the draft bears the time and the author of the edit."""
    taken = TakenBack(edit.id, edit.kind, edit.source, edit.report, edit.title, edit.data)
    return keep_words(outbox, taken, lambda about: marks(edit.occurred_at, edit.author, about))


def _typed_for(edit: TakenBack) -> tuple[str, dict[str, Any]] | None:
    """The kind of form in which an edit's words were typed, and the form's values; None for an edit without words."""
    if edit.kind is Kind.NOTE and edit.data.get(CARD):
        return None  # nobody typed them
    if edit.kind is Kind.NOTE and edit.data.get("channel"):
        values = {name: str(edit.data.get(name, "")) for name in ("text", "priority")}
        return "caller_adds", values | caller_values(edit.data)
    if edit.kind in (Kind.NOTE, Kind.REPLY):
        return edit.kind.value, {"text": str(edit.data.get("text", ""))}
    if edit.kind is Kind.LOG:
        return "log_line", {"text": str(edit.data.get("text", ""))}
    return ("new_report", new_report_values(edit.data)) if edit.kind is Kind.CREATE else None

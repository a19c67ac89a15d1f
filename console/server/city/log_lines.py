"""Lines that operators write into the log of the control room: each is the entry of its edit, which everybody reads."""

from __future__ import annotations

from api_client.model import EditBody, Entry, LogLine
from console.server.city.edit_context import entry_apart
from console.server.city.payload_check import kept_data, payload_of
from console.server.city.records import Actor
from console.server.city.unit_of_work import UnitOfWork
from console.server.errors import Invalid


def write_line(unit_of_work: UnitOfWork, edit: EditBody, actor: Actor) -> Entry:
    """The entry of a line, without its id. Raises Invalid: a line is never changed nor taken back."""
    # protects: a-line-of-the-log-stays
    if edit.undoes is not None:
        raise Invalid("A line of the log is not taken back: write another one.")
    line = payload_of(edit, LogLine)
    if not line.text.strip():
        raise Invalid("The line is empty.")
    return entry_apart(unit_of_work, edit, actor, line.text, kept_data(edit))

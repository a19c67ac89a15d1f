"""What the operator does to reports and units, each as one function that appends one edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api_client.model import AlarmChange, Assignment, Closure, Entry, Kind, Recipient, Report, Status
from console.panels import formatting
from console.panels.forms.report_data import BY_PHONE
from console.panels.qt_outbox import QtOutbox
from console.panels.report.details import ReportDetails
from console.panels.undo_stack import UndoStack, UndoStep
from console.rules.apply import jobs_after
from console.rules.edit import LEAVES, ON_STATUS, Edit
from console.rules.pending import field_value
from console.rules.recreate import as_created
from console.rules.run_card import CARD
from console.rules.status import ENDED_ASSIGNMENT


class EditCommands:
    """Appends edits, and puts each on the undo stack."""

    def __init__(self, outbox: QtOutbox, stack: UndoStack) -> None:
        self._outbox, self._stack = outbox, stack

    def create(self, source: str, data: Mapping[str, Any], local_key: str, title: str) -> str:
        """A new report, by telephone."""
        return self._append(Kind.CREATE, source, local_key, dict(data), {}, None, title, f"New report {title}", None)

    def keep_as_new(
        self, source: str, edit_id: str, data: Mapping[str, Any], title: str, words: Callable[[Sequence[Edit]], str]
    ) -> str:
        """A new report in the place of one that was deleted at the server; see `QtOutbox.keep_as_new`."""
        old = {queued.edit.id for queued in self._outbox.goes_along(edit_id)}
        create = self._outbox.keep_as_new(edit_id, dict(data), title=title, words=words)
        if create:
            self._stack.drop(old)
            step = UndoStep(create, Kind.CREATE, f"New report {title}", source, None, title, None, data=data)
            self._stack.push(step)
        return create

    def set_fields(self, details: ReportDetails, fields: Mapping[str, Any], text: str) -> str:
        """Change fields of the report; each keeps its value before for the merge and the undo."""
        shown = {name: field_value(details.shown, name) for name in fields}
        base = self._outbox.base_on_own(details.source, details.key, shown)
        return self._on(details, Kind.SET, dict(fields), text, base=base, inverse=(Kind.SET, dict(base)))

    def given_anew(self, edit_id: str, old: Edit, data: Mapping[str, Any]) -> None:
        """A step that met a conflict was made again as this edit: it takes the old one's place as the newest step."""
        inverse: tuple[Kind, dict[str, Any]] | None = None
        match old.kind:
            case Kind.SET:
                inverse = Kind.SET, {name: old.base[name] for name in data if name in old.base}
            case Kind.CLOSE:
                inverse = Kind.REOPEN, {"reason": "closing undone"}
            case Kind.VALIDATE:
                inverse = Kind.REOPEN, {"reason": "validation undone" if data.get("accepted") else "return undone"}
            case Kind.MERGE:
                inverse = Kind.UNMERGE, {}
            case Kind.DISPATCH | Kind.ASSIGN:
                inverse = Kind.RECALL, {"unit": data["unit"]}
        text = _DONE_AGAIN.get(old.kind, str(old.kind.value).capitalize())
        step = UndoStep(
            edit_id, old.kind, text, old.source, old.report, old.title, inverse if not old.undoes else None,
            old.base_version, data,
        )  # fmt: skip
        self._stack.push(step)

    def note(self, details: ReportDetails, text: str) -> str:
        """An internal note."""
        return self._on(details, Kind.NOTE, {"text": text}, "Note")

    def tick(self, details: ReportDetails, card: str, words: str) -> str:
        """A step of the run card with this id was done; `words` are the step's."""
        data = {"text": words, CARD: card}
        return self._on(details, Kind.NOTE, data, "Step done", inverse=(Kind.NOTE, dict(data)))

    def take_tick_back(self, details: ReportDetails, entry: Entry) -> None:
        """A step was not done after all, whatever was done since; `entry` says that it was."""
        edit = entry.edit or ""
        self._stack.drop({edit})
        if not self._outbox.withdraw(edit):
            data = {"text": entry.text, CARD: entry.data[CARD]}
            self._on(details, Kind.NOTE, data, "Step not done", undoes=edit)

    def caller_adds(
        self, details: ReportDetails, text: str, contact: Mapping[str, str], priority: int | None = None
    ) -> str:
        """A caller's words as a note, and that he reports it too, with who he is: one step. A `priority` that is more
        urgent than the report's becomes its own by the same step, and goes first.
        """
        raised = ""
        if priority is not None and priority < details.shown.priority:
            raised = self.set_fields(details, {"priority": priority}, f"Priority {priority}")
        contacts = {"contact": dict(contact)} if contact else {}
        again = self._on(details, Kind.ME_TOO, contacts, "Reported again", with_edit=raised)
        # protects: one-call-is-one-step
        return self._on(details, Kind.NOTE, {"text": text, "channel": BY_PHONE}, "The caller adds", with_edit=again)

    def reply(self, details: ReportDetails, text: str) -> str:
        """A reply to the reporter; once sent it cannot be undone."""
        return self._on(details, Kind.REPLY, {"text": text}, "Reply to the reporter")

    def photo(self, details: ReportDetails, photo: Mapping[str, Any]) -> str:
        """A photo whose bytes are already in work-media/."""
        return self._on(details, Kind.PHOTO, dict(photo), "Photo")

    def take(self, details: ReportDetails) -> str:
        """Claim the report."""
        return self._on(details, Kind.CLAIM, {}, "Take", inverse=(Kind.RELEASE, {}))

    def release(self, details: ReportDetails) -> str:
        """Give the report back."""
        return self._on(details, Kind.RELEASE, {}, "Release", inverse=(Kind.CLAIM, {}))

    def offer(self, details: ReportDetails, to: str) -> str:
        """Offer the report to a colleague, by his user name there."""
        return self._on(details, Kind.OFFER, {"to": to}, f"Offer to {to}", inverse=(Kind.CLAIM, {}))

    def decline(self, details: ReportDetails) -> str:
        """Leave the report with who offers it."""
        return self._on(details, Kind.DECLINE, {}, "Decline")

    def dispatch(self, details: ReportDetails, unit_id: str, code: str, *, stack: bool) -> str:
        """Send a unit now."""
        data = {"unit": unit_id} | ({"stack": True} if stack else {})
        inverse = (Kind.RECALL, {"unit": unit_id})
        return self._on(details, Kind.DISPATCH, data, f"Dispatch {code}", inverse=inverse)

    def divert(self, details: ReportDetails, unit_id: str, code: str, left: Sequence[ReportDetails]) -> str:
        """Send a unit now, which leaves the reports that it has begun work on for this one: one edit, for both."""
        data = {"unit": unit_id, LEAVES: [one.key for one in left]}
        seen = {one.key: _as_seen(one.server) for one in left if one.server is not None}
        numbers = ", ".join(one.shown.id if one.server is not None else "a new report" for one in left)
        text, inverse = f"Divert {code} from {numbers} to", (Kind.RECALL, {"unit": unit_id})
        return self._on(details, Kind.DISPATCH, data, text, inverse=inverse, about={LEAVES: seen})

    def assign(self, details: ReportDetails, unit_id: str, code: str) -> str:
        """Reserve a unit without sending it."""
        inverse = (Kind.RECALL, {"unit": unit_id})
        return self._on(details, Kind.ASSIGN, {"unit": unit_id}, f"Assign {code}", inverse=inverse)

    def recall(self, details: ReportDetails, unit_id: str, code: str) -> str:
        """Call a unit back."""
        return self._on(details, Kind.RECALL, {"unit": unit_id}, f"Recall {code}")

    def progress(
        self, source: str, report: str, title: str, version: int | None, unit: str, state: str, text: str
    ) -> str:
        """What a unit did on its job, told by radio."""
        data = {"unit": unit, "state": state}
        return self._append(Kind.PROGRESS, source, report, data, {}, version, title, text, None)

    def has_told(self, source: str, report: str, unit: str, state: str) -> bool:
        """Whether this state of the unit's job was entered here before and is not confirmed yet."""
        waiting = self._outbox.given_for(source, report)
        return any(one.kind is Kind.PROGRESS and one.data == {"unit": unit, "state": state} for one in waiting)

    def as_given(self, source: str, jobs: Sequence[Assignment], report: str) -> tuple[Assignment, ...]:
        """Jobs of a report with the operator's own unconfirmed edits applied."""
        return jobs_after(tuple(jobs), report, self._outbox.given_for(source, report))

    def work_given(self, source: str, unit: str, jobs: Sequence[Assignment] = ()) -> tuple[Assignment, ...]:
        """The unfinished jobs of a unit, with the operator's own unconfirmed orders and words: jobs that he gave are
        included, jobs from which he recalled it, or that he entered as done, are not.
        """
        given: dict[str, list[Edit]] = {}
        for edit in self._outbox.given_to(source, unit):
            if edit.report is not None:
                given.setdefault(edit.report, []).append(edit)
        found = tuple(jobs)
        for report, edits in given.items():
            found = jobs_after(found, report, edits)
        return tuple(one for one in found if one.unit == unit and one.state not in ENDED_ASSIGNMENT)

    def unit_state(self, source: str, unit_id: str, code: str, state: str, reason: str, before: str) -> str:
        """A unit's own state."""
        data = {"unit": unit_id, "state": state} | ({"reason": reason} if reason else {})
        back = (Kind.UNIT_STATE, {"unit": unit_id, "state": before}) if before in _SETTABLE else None
        return self._append(Kind.UNIT_STATE, source, None, data, {}, None, code, f"{code} {state}", back)

    def close_street(self, source: str, closure: str, data: Mapping[str, Any], title: str, text: str) -> str:
        """Make a closed street or flooded area; undo ends it."""
        return self._on_closure(source, closure, dict(data), title, text, {"ended": True, "seen": 1})

    def change_closure(self, source: str, before: Closure, data: Mapping[str, Any], title: str, text: str) -> str:
        """Change a closure, of the version that was seen; undo puts back what was changed."""
        plain = msgspec.to_builtins(before)
        back = {name: plain[name] for name in data} | {"seen": before.version + 1}
        return self._on_closure(source, before.id, {"seen": before.version, **data}, title, text, back)

    def end_closure(self, source: str, before: Closure, title: str, text: str) -> str:
        """Open again what was closed; undo closes it once more."""
        back = {"ended": False, "seen": before.version + 1}
        return self._on_closure(source, before.id, {"ended": True, "seen": before.version}, title, text, back)

    def change_alarms(self, source: str, change: AlarmChange, title: str) -> str:
        """Acknowledge alarms, or shelve one. It is no step that undo takes back: an alarm that is known stays known,
        and what is on the shelf is taken down by the key that put it there.
        """
        data = msgspec.to_builtins(change)
        return self._outbox.submit(
            Kind.ALARM, None, source=source, data=data, base={}, base_version=None, title=title, about=None
        )

    def write_line(self, source: str, text: str) -> str:
        """A line of the log. It is no step that undo takes back: another line corrects it."""
        return self._outbox.submit(
            Kind.LOG, None, source=source, data={"text": text}, base={}, base_version=None, title="", about=None
        )

    def write_message(self, source: str, to: Recipient, text: str, report: str | None, title: str) -> str:
        """A message, kept with the report of this number where there is one. It is no step of undo: what was said is
        said. `title` is to whom it is, in words.
        """
        named = {name: value for name, value in msgspec.structs.asdict(to).items() if value is not None}
        data = {"to": named, "text": text} | ({"report": report} if report is not None else {})
        about = {"priority": _MINOR}
        return self._outbox.submit(
            Kind.MESSAGE, None, source=source, data=data, base={}, base_version=None, title=title, about=about
        )

    def mark_read(self, source: str, messages: Sequence[str]) -> str:
        """Tell that the operator has read these messages."""
        data = {"messages": list(messages)}
        return self._outbox.submit(Kind.READ, None, source=source, data=data, base={}, base_version=None, title="")

    def _on_closure(
        self, source: str, closure: str, data: dict[str, Any], title: str, text: str, back: dict[str, Any]
    ) -> str:
        inverse = (Kind.CLOSURE, {"closure": closure, **back})
        data = {"closure": closure, **data}
        return self._append(Kind.CLOSURE, source, None, data, {}, None, title, text, inverse)

    def validate(self, details: ReportDetails, *, accepted: bool, reason: str, disposition: str = "") -> str:
        """Accept the proof, saying what the work came to, or refuse it."""
        data: dict[str, Any] = {"accepted": accepted}
        data |= {"reason": reason} if reason else {}
        data |= {"disposition": disposition} if accepted and disposition else {}
        inverse = (Kind.REOPEN, {"reason": "validation undone" if accepted else "return undone"})
        return self._on(details, Kind.VALIDATE, data, "Accept the proof" if accepted else "Return", inverse=inverse)

    def close(self, details: ReportDetails, disposition: str, reason: str, release: tuple[str, ...]) -> str:
        """Close without work."""
        data = {"disposition": disposition, "reason": reason, "release": list(release)}
        inverse = (Kind.REOPEN, {"reason": "closing undone"})
        return self._on(details, Kind.CLOSE, data, "Close", inverse=inverse)

    def reopen(self, details: ReportDetails, reason: str) -> str:
        """Bring a closed report back to work."""
        return self._on(details, Kind.REOPEN, {"reason": reason}, "Reopen")

    def merge(self, details: ReportDetails, into: str, created: datetime, with_edit: str = "") -> str:
        """Close this report as a duplicate of another, which was created then; one step with the edit before it."""
        text, seen, inverse = f"Merge into {into}", {"into": created.isoformat()}, (Kind.UNMERGE, dict[str, Any]())
        return self._on(details, Kind.MERGE, {"into": into}, text, inverse=inverse, about=seen, with_edit=with_edit)

    def unmerge(self, details: ReportDetails) -> str:
        """Take a merge back."""
        return self._on(details, Kind.UNMERGE, {}, "Undo the merge")

    def submit_proof(self, details: ReportDetails) -> str:
        """Hand the work in for validation."""
        return self.set_fields(details, {"status": Status.VALIDATION.value}, "Hand in for validation")

    def note_told_by_radio(self, edit_id: str, who: str) -> None:
        """Note who told the unit by radio, of an order that has not left."""
        self._outbox.mark_told(edit_id, who)

    def still_wanted(self, edit_id: str) -> None:
        """Make an order again that expired before it was sent."""
        self._outbox.still_wanted(edit_id, yes=True)

    def _on(
        self,
        details: ReportDetails,
        kind: Kind,
        data: dict[str, Any],
        text: str,
        *,
        base: dict[str, Any] | None = None,
        inverse: tuple[Kind, dict[str, Any]] | None = None,
        about: Mapping[str, Any] | None = None,
        with_edit: str = "",
        undoes: str | None = None,
    ) -> str:
        if kind in ON_STATUS:  # also after own orders, which change it
            base = {"status": details.shown.status.value}
        version = details.server.version if details.server else None
        title = formatting.title_of(details.shown)
        known = as_created(details.server or details.shown) | dict(about or {})
        # What was made a P1 here burns before the server knows it, and what is one there until that knows better.
        known["priority"] = min(known["priority"], details.shown.priority)
        return self._append(
            kind, details.source, details.key, data, base or {}, version, title, text, inverse, known, with_edit, undoes
        )

    def _append(
        self,
        kind: Kind,
        source: str,
        report: str | None,
        data: dict[str, Any],
        base: dict[str, Any],
        base_version: int | None,
        title: str,
        text: str,
        inverse: tuple[Kind, dict[str, Any]] | None,
        about: dict[str, Any] | None = None,
        with_edit: str = "",
        undoes: str | None = None,
    ) -> str:
        edit_id = self._outbox.submit(
            kind, report, source=source, data=data, base=base, base_version=base_version, title=title, about=about,
            undoes=undoes,
        )  # fmt: skip
        if undoes is not None:
            return edit_id  # what takes back is done anew, not taken back
        step = UndoStep(edit_id, kind, text, source, report, title, inverse, base_version, data, with_edit)
        self._stack.push(step)
        return edit_id


def _as_seen(report: Report) -> dict[str, Any]:
    """What is told of a report that a unit leaves, by which its server tells whether it is the same still."""
    return {"created": report.created.isoformat(), "version": report.version}


_MINOR = 4
"""One that was not sent is told after whatever is about a report, as of this priority."""
_DONE_AGAIN = {Kind.SET: "Change", Kind.VALIDATE: "Validation", Kind.MERGE: "Merge", Kind.CLOSE: "Close"}
_SETTABLE = frozenset({"available", "break", "unavailable", "off_shift"})

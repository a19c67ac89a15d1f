"""Rounds of work on a report, and whose proof one is: another person validates it."""

from __future__ import annotations

from collections.abc import Sequence

from api_client.model import Assignment, Entry, Kind, PhotoRole, Report, Service, Status
from console.rules.status import ENDED_ASSIGNMENT


def last_round(history: Sequence[Entry]) -> Sequence[Entry]:
    """The entries since the last return, of a report's history, the oldest first."""
    starts = [at for at, entry in enumerate(history) if entry.data.get("status") == Status.RETURNED]
    return history[starts[-1] + 1 :] if starts else history


def has_fresh_proof(report: Report, entries: Sequence[Entry], *, added: str | None = None) -> bool:
    """Whether a report has an after photo that no earlier round of its work had: what was returned proves nothing more.

    `entries` are all of the report, the oldest first, those taken back too; `added` is the SHA-256 of a photo that is
    being attached, of which there is no entry yet.
    """
    after = {photo.key for photo in report.photos if photo.role is PhotoRole.AFTER}
    if not after:
        return False
    since = last_round([entry for entry in entries if entry.undone_by is None])
    counting = sum(entry.undone_by is None for entry in entries)
    if len(since) == counting:
        return bool(after)
    first = next((at for at, entry in enumerate(entries) if since and entry is since[0]), len(entries))
    before = {entry.data.get("sha256") for entry in entries[:first] if entry.kind == Kind.PHOTO}
    fresh = {entry.data.get("sha256") for entry in since if entry.kind == Kind.PHOTO} | {added}
    # protects: returned-proof-is-no-proof
    return bool(after & (fresh - before))


def is_proof_missing(
    report: Report, service: Service | None, entries: Sequence[Entry], *, added: str | None = None
) -> bool:
    """Whether the report needs an after photo of this round of its work before it can be validated.

    `service` is its category, None where that is not known; `entries` and `added` as for `has_fresh_proof`.
    """
    return (service is None or service.proof) and not has_fresh_proof(report, entries, added=added)


def photos_shown_again(entries: Sequence[Entry]) -> list[Entry]:
    """Of a report's history, the oldest first, the after photos whose picture had been there before: no new proof."""
    seen: set[object] = set()
    again = []
    for entry in entries:
        if entry.kind == Kind.PHOTO and entry.undone_by is None:
            sha256 = entry.data.get("sha256")
            if sha256 is not None and sha256 in seen and entry.data.get("role") == PhotoRole.AFTER:
                again.append(entry)
            seen.add(sha256)
    return again


def delivered_by(entries: Sequence[Entry]) -> frozenset[str]:
    """Names and units that delivered the proof of a round. Where there is no photo, who handed the work in counts."""
    proofs = [e for e in entries if e.kind == Kind.PHOTO and e.data.get("role") == PhotoRole.AFTER]
    handed_in = proofs or [e for e in entries if e.data.get("status") == Status.VALIDATION.value]
    return frozenset({e.author for e in handed_in} | {e.unit for e in handed_in if e.unit})


def jobs_of_round(history: Sequence[Entry], assignments: Sequence[Assignment]) -> list[Assignment]:
    """The assignments that count for the last round: those made since the last return, and all that live.

    A job is made at the time of the order in the history, whose place there counts; the times alone do where a history
    lacks the order, as a clock that was set right may have told later ones before.
    """
    before = len(history) - len(last_round(history))
    if not before:
        return list(assignments)
    begun, places = history[before - 1].at, {entry.at: place for place, entry in enumerate(history)}

    def counts(job: Assignment) -> bool:
        place = places.get(job.created)
        return place >= before if place is not None else job.created > begun

    return [job for job in assignments if job.state not in ENDED_ASSIGNMENT or counts(job)]


def is_own_proof(
    name: str, history: Sequence[Entry], assignments: Sequence[Assignment], *, without_users: bool
) -> bool:
    """Whether this user delivered the proof of the last round, and may therefore not validate it.

    `history` is what counts of the report's entries, the oldest first. At a server without
    users everybody is the same: there it is enough that a unit did the work.
    """
    if without_users and jobs_of_round(history, assignments):
        return False
    return name in delivered_by(last_round(history))

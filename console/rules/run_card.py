"""Which run card counts for a report, which of its steps are done, and how many crews it wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from api_client.model import Assignment, Entry, Kind, RunCard, Service
from console.rules.edit import NO_EFFECT, Edit
from console.rules.status import ENDED_ASSIGNMENT

MOST_STEPS = 9
"""Each has a digit of its own."""
MOST_WORDS = 20
LONGEST_STEP = 200
MOST_CREWS = 20
MOST_CARDS = 500
CARD = "card"
"""The key of a note's data under which stands the id of the run card of which its text is a step that was done."""


class DoneStep(msgspec.Struct, frozen=True):
    """A step of a run card: `done` is the entry by which somebody first said that it is done, None while nobody has."""

    words: str
    done: Entry | None = None


def run_card_of(cards: Iterable[RunCard], service: Service | None, priority: int) -> RunCard | None:
    """The card that counts for a report of this category and priority: the one that says most of it; None for none.

    A card that names the service says more than one of its group, that more than one for all; then one that names the
    priority, among few before among many; then the one whose id is the first.
    """
    fitting = [card for card in cards if _fits(card, service, priority)]
    return min(fitting, key=lambda card: (*_rank(card, service), card.id), default=None)


def skills_wanted(service: Service | None, card: RunCard | None) -> tuple[str, ...]:
    """What a unit needs: the skills of the category, and those of the card that it does not name."""
    of_service = service.skills if service is not None else ()
    return tuple(dict.fromkeys((*of_service, *(card.skills if card is not None else ()))))


def steps_of(card: RunCard, entries: Iterable[Entry]) -> tuple[DoneStep, ...]:
    """The steps of a card as the history of a report (the oldest first) tells them.

    A step is done by the words that it has: a card that was changed, or another one that counts since the priority was
    raised, keeps what was done of it. It stays done while one of those who said so has not taken that back, and until
    the report is opened again after its end: who may be in the water is asked anew.
    """
    listed = _since_opened_again(entries)
    back = {str(entry.data["undoes"]) for entry in listed if "undoes" in entry.data}
    done: dict[str, Entry] = {}
    for entry in listed:
        # protects: what-was-taken-back-is-not-done
        if is_step_done(entry) and entry.undone_by is None and entry.edit not in back:
            done.setdefault(entry.text, entry)
    return tuple(DoneStep(words, done.get(words)) for words in card.steps)


def is_of_card(note: Entry | Edit) -> bool:
    """Whether it says that a step of a run card was done, or that it was not after all: it is nobody's words."""
    return note.kind == Kind.NOTE and bool(note.data.get(CARD))


def is_step_done(entry: Entry) -> bool:
    """Whether an entry says that a step of a run card was done; one that takes that back does not."""
    return is_of_card(entry) and "undoes" not in entry.data


def is_done_already(words: str, entries: Iterable[Entry]) -> bool:
    """Whether a step with these words is done by a history without what was taken back."""
    return any(entry.text == words and is_step_done(entry) for entry in _since_opened_again(entries))


def _since_opened_again(entries: Iterable[Entry]) -> Sequence[Entry]:
    """The entries since somebody opened the report again; who takes back that it was closed opens nothing again."""
    listed = tuple(entries)
    # protects: a-report-that-comes-back-begins-its-card-anew
    starts = [at for at, entry in enumerate(listed) if entry.kind == Kind.REOPEN and _has_effect(entry)]
    return listed[starts[-1] :] if starts else listed


def _has_effect(entry: Entry) -> bool:
    return entry.undone_by is None and entry.data.keys().isdisjoint(("undoes", NO_EFFECT))


def crews_sent(jobs: Iterable[Assignment]) -> int:
    """How many units have unfinished work on a report, those that are only reserved among them."""
    return len({job.unit for job in jobs if job.state not in ENDED_ASSIGNMENT})


def crews_missing(card: RunCard | None, jobs: Iterable[Assignment]) -> int:
    """How many crews more than there are a card wants; 0 where one is enough, which every report wants."""
    return max(0, card.crews - crews_sent(jobs)) if card is not None and card.crews > 1 else 0


def doubles(cards: Sequence[RunCard]) -> Iterator[tuple[int, int, str]]:
    """The cards of which another one, before it, counts for the same reports: both their places in the list, and for
    what.
    """
    seen: dict[tuple[str, str, int, int], int] = {}
    for at, card in enumerate(cards):
        about = [("services", code) for code in card.services] + [("groups", group) for group in card.groups]
        for kind, code in dict.fromkeys(about or [("", "all")]):
            for priority in dict.fromkeys(card.priorities or (0,)):
                other = seen.setdefault((kind, code, priority, len(set(card.priorities))), at)
                if other != at:
                    yield at, other, f"{code}, P{priority}" if priority else code
                    break


def _fits(card: RunCard, service: Service | None, priority: int) -> bool:
    if card.priorities and priority not in card.priorities:
        return False
    if not card.services and not card.groups:
        return True
    if service is None:
        return False
    return service.code in card.services or (service.group != "" and service.group in card.groups)


def _rank(card: RunCard, service: Service | None) -> tuple[int, bool, int]:
    names = service is not None and service.code in card.services
    level = 0 if names else 1 if card.groups or card.services else 2
    return level, not card.priorities, len(set(card.priorities))

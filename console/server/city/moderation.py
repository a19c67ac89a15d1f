"""Which reports of citizens are looked at before their words and photos are public, as the city says.

The report itself is public at once, with its place and its category.
"""

from __future__ import annotations

import functools
import re
import unicodedata

import msgspec
import sqlalchemy as sa

from api_client.decoding import decode
from api_client.model import Contact, NewContact, PhotoRole, Publication, Report, Status
from console.rules.phone import phone_tail, same_phone
from console.server.city import schema
from console.server.city.meta import read_setting

MODERATION = "moderation"
"""The key of the city's facts."""
_MOST_OF_A_NUMBER = 100
_BY_CITIZENS = frozenset({"web", "open311"})
_NEWEST = 300
"""Looking through them for a thousand words takes a tenth of a second."""


class Moderation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked at first: reports of these services; the first one of a telephone number, and all without one;
    those with the address of a photo elsewhere; those with one of these words, written in any case.
    """

    services: tuple[str, ...] = ()
    first_report: bool = False
    media_urls: bool = False
    words: tuple[str, ...] = ()


def moderated(connection: sa.Connection, report: Report, contact: NewContact | None) -> Report:
    """A citizen's new report, marked where somebody has to look at it first."""
    moderation = read_setting(connection, MODERATION, Moderation)
    waits = is_looked_at(moderation, report) or (
        moderation.first_report and not _is_known(connection, contact.phone if contact is not None else "")
    )
    return msgspec.structs.replace(report, publication=Publication.WAITING) if waits else report


def is_looked_at(moderation: Moderation, report: Report) -> bool:
    """Whether a report is looked at first for what it says: its category, its words, the address of a photo."""
    # protects: words-are-found-however-they-are-written
    texts = tuple(map(_plainly, (report.title, report.description, report.address)))
    words = tuple(filter(str.strip, map(_plainly, moderation.words)))  # an empty one would be in every text
    return (
        report.service in moderation.services
        or (moderation.media_urls and any(photo.url for photo in report.photos))
        or (bool(words) and any(map(_pattern(words).search, texts)))
    )


class LookedAt(msgspec.Struct, frozen=True):
    """Of so many reports of citizens, the newest ones, how many would wait for what they say by the rules as they are,
    and by others.
    """

    of: int
    now: int
    then: int


def newest_looked_at(connection: sa.Connection, now: Moderation, then: Moderation) -> LookedAt:
    """What other rules would have done to the newest reports."""
    reports = schema.reports
    rows = connection.execute(sa.select(reports.c.body).order_by(reports.c.created.desc()).limit(_NEWEST)).scalars()
    sent = [report for body in rows if (report := decode(body, Report)).channel in _BY_CITIZENS]
    return LookedAt(len(sent), *(sum(is_looked_at(rules, one) for one in sent) for rules in (now, then)))


def are_words_public(report: Report) -> bool:
    """Whether everybody may read what the reporter wrote."""
    return report.publication in (None, Publication.PUBLISHED)


def public_roles(report: Report) -> frozenset[PhotoRole]:
    """Which photos everybody may see: the reporter's when an official has taken it on or has published it, the crew's
    when the work is accepted.
    """
    roles: set[PhotoRole] = set()
    if report.publication == Publication.PUBLISHED or (
        report.publication is None and report.status not in (Status.NEW, Status.CLOSED)
    ):
        roles |= {PhotoRole.REPORT}
    if report.status is Status.RESOLVED:
        roles |= {PhotoRole.BEFORE, PhotoRole.AFTER}
    return frozenset(roles)


def _plainly(text: str) -> str:
    """The text as somebody reads it: without signs that are not seen, and wide or ornate letters as the plain ones."""
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", seen))


_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""What is no format character and is not seen all the same: fillers, and what chooses a form of the letter before."""


@functools.lru_cache(4)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})(?![^\W_])", re.IGNORECASE)


def _is_known(connection: sa.Connection, phone: str) -> bool:
    """Whether a report of this telephone number is there whose words are public."""
    tail = phone_tail(phone)
    if not tail:
        return False
    contacts, reports = schema.contacts, schema.reports
    query = sa.select(contacts.c.body, reports.c.body).join(reports, reports.c.id == contacts.c.report)
    rows = connection.execute(query.where(contacts.c.phone_tail == tail).limit(_MOST_OF_A_NUMBER))
    return any(
        are_words_public(decode(report, Report))
        for body, report in rows
        if (contact := decode(body, Contact | None)) is not None and same_phone(contact.phone, phone)
    )

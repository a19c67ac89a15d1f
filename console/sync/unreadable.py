"""What a server sent and this program does not understand: it is missing here, which is said until it can be read."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from api_client.decoding import decode
from console.cache.page_items import PageItem
from console.rules.text import clean_text

PARTLY = "+"
"""Stands behind a kind that is known, of which the server has said more than is understood: nothing of it is missing
that could be shown.
"""
_MOST_NAMED = 1_000
_MOST_KINDS = 20
_KINDS_SHOWN = 3
_LONGEST_KIND = 30


class _Noted(msgspec.Struct, frozen=True):
    """As it is kept with a cursor: some of the names, and how many there are beside them, reports among them.

    `kinds` are those that were not known, `first` is the lowest number of all that was not read, and `reader` the
    signature of the program that could not read it (console.sync.mapping.signature_of); earlier versions noted neither.
    """

    names: tuple[str, ...] = ()
    more: int = 0
    more_reports: int = 0
    kinds: tuple[str, ...] = ()
    first: int = 0
    reader: str = ""


class _Missing:
    """Names, of which `reports` are reports', kinds, and the lowest number of all of it; `more` were not named."""

    def __init__(self, note: _Noted) -> None:
        self.names: dict[str, None] = {}
        self.reports = 0
        self.more, self.more_reports = note.more, note.more_reports
        self.kinds = set(note.kinds)
        self.first = note.first if note.names or note.more or note.kinds else None
        self.add(note.names)

    def see(self, items: Iterable[PageItem], skipped: Iterable[str], kinds: Iterable[str], first: int | None) -> None:
        for item in items if self.names else ():
            name = item.id if item.kind == "gone" else f"{item.kind}/{item.id}"
            if name in self.names:
                del self.names[name]
                self.reports -= _is_report(name)
        self.add(skipped)
        if kinds:
            self.kinds = set(sorted(self.kinds.union(kinds))[:_MOST_KINDS])
        if first is not None:
            self.first = first if self.first is None else min(first, self.first)

    def add(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.names:
                self.names[name] = None
                self.reports += _is_report(name)

    def note(self, reader: str) -> _Noted:
        names = tuple(itertools.islice(self.names, _MOST_NAMED))
        more = len(self.names) + self.more - len(names)
        more_reports = self.reports + self.more_reports - sum(map(_is_report, names))
        return _Noted(names, more, more_reports, tuple(sorted(self.kinds)), self.first or 0, reader)


class Unreadable:
    """The names ("kind/id") of what is missing. Only some of very many are kept for the next start, and all counted.

    Of a kind that is not known the kind alone is kept, of one in part as PARTLY says. `reader` is the signature of
    this program: what one with another signature could not read is to be read again (`is_outdated`), from the number
    `first` on, until `settle`.
    """

    def __init__(self, reader: str = "") -> None:
        self._reader = reader
        self.clear()

    def __len__(self) -> int:
        return len(self._missing.names) + self._missing.more

    @property
    def is_outdated(self) -> bool:
        """Whether another version of this program could not read it, and this one has not tried all of it yet."""
        return self._again is not None

    @property
    def first(self) -> int:
        """The lowest number of what is missing."""
        return self._missing.first or 0

    def clear(self) -> None:
        """Everything is read anew."""
        self.take("")

    def take(self, noted: str) -> None:
        """What was noted at an earlier start; nothing when that cannot be read."""
        try:
            note = decode(noted, _Noted) if noted else _Noted(reader=self._reader)
        except (msgspec.DecodeError, RecursionError):
            note = _Noted(reader=self._reader)
        self._missing, self._noted_by = _Missing(note), note.reader
        # protects: another-version-reads-it-again
        self._again = _Missing(_Noted()) if note.reader != self._reader else None
        """What cannot be read now either, while it is tried again."""

    def see(
        self, items: Sequence[PageItem], skipped: Sequence[str], kinds: Iterable[str] = (), first: int | None = None
    ) -> None:
        """A page was read: of these objects, of those (`skipped`) that could not be understood, and of others of kinds
        that are not known; `first` is the lowest number of the latter two.
        """
        for missing in (self._missing, self._again):
            if missing is not None:
                missing.see(items, skipped, kinds, first)
        if self.is_outdated and not self.noted:
            self.settle()

    def missing_of(self, items: Sequence[PageItem]) -> list[PageItem]:
        """Those of these objects that are missing, or may be: not all names are kept."""
        missing = self._missing
        if missing.more:
            return list(items)
        kinds = {kind.removesuffix(PARTLY) for kind in missing.kinds}
        return [item for item in items if item.kind in kinds or f"{item.kind}/{item.id}" in missing.names]

    def settle(self) -> None:
        """All of it was read again: missing is what could not be understood this time."""
        if self._again is not None:
            self._missing, self._noted_by, self._again = self._again, self._reader, None

    @property
    def noted(self) -> str:
        """For the next start; "" for nothing."""
        if not len(self) and not self._missing.kinds:
            return ""
        return msgspec.json.encode(self._missing.note(self._noted_by)).decode()

    @property
    def words(self) -> str:
        """For the operator; "" for nothing."""
        return " ".join(words for words in (self._words_of_objects(), self._words_of_kinds()) if words)

    def _words_of_objects(self) -> str:
        count, reports = len(self), self._missing.reports + self._missing.more_reports
        if not count:
            return ""
        objects = "1 object" if count == 1 else f"{count:,} objects"
        of_them = f", {reports:,} of them reports" if reports else ""
        return f"{objects} of the server could not be understood{of_them}: missing here."

    def _words_of_kinds(self) -> str:
        kinds = sorted(kind for kind in self._missing.kinds if not kind.endswith(PARTLY))
        if not kinds:
            return ""
        shown = [f"“{clean_text(kind)[:_LONGEST_KIND]}”" for kind in kinds[:_KINDS_SHOWN]]
        more = ["…"] if len(kinds) > _KINDS_SHOWN else []
        return (
            f"The server has what this version of Sigap does not know ({', '.join(shown + more)}): missing here until "
            "it is updated."
        )


def _is_report(name: str) -> bool:
    return name.startswith("report/")

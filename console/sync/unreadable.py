"""What a server sent and nobody could understand: it is missing here, which is said until it comes in other words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import msgspec

from console.domain.decoding import decode
from console.store.items import Item

_MOST_NAMED = 1_000


class _Noted(msgspec.Struct, frozen=True):
    """As it is kept with a cursor: some of the names, and how many there are beside them, reports among them."""

    names: tuple[str, ...] = ()
    more: int = 0
    more_reports: int = 0


class Unreadable:
    """The names ("kind/id") of what is missing. Only some of very many are kept for the next start, and all counted."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._reports = 0
        """How many of the names are reports'."""
        self._earlier = _Noted()
        """Of the start before: how many there were beside the names that were kept."""

    def __len__(self) -> int:
        return len(self._names) + self._earlier.more

    def clear(self) -> None:
        """Everything is read anew."""
        self.take("")

    def take(self, noted: str) -> None:
        """What was noted at an earlier start; nothing when that cannot be read."""
        try:
            self._earlier = decode(noted, _Noted) if noted else _Noted()
        except (msgspec.DecodeError, RecursionError):
            self._earlier = _Noted()
        self._names, self._reports = {}, 0
        self.see((), self._earlier.names)

    def see(self, items: Iterable[Item], skipped: Iterable[str]) -> None:
        """A page was read: of these objects, and of those that could not be understood."""
        for item in items if self._names else ():
            name = item.id if item.kind == "gone" else f"{item.kind}/{item.id}"
            if name in self._names:
                del self._names[name]
                self._reports -= _is_report(name)
        for name in skipped:
            if name not in self._names:
                self._names[name] = None
                self._reports += _is_report(name)

    @property
    def noted(self) -> str:
        """For the next start; "" for nothing."""
        if not len(self):
            return ""
        names = tuple(itertools.islice(self._names, _MOST_NAMED))
        more = len(self) - len(names)
        more_reports = self._reports + self._earlier.more_reports - sum(map(_is_report, names))
        return msgspec.json.encode(_Noted(names, more, more_reports)).decode()

    @property
    def words(self) -> str:
        """For the operator; "" for nothing."""
        count, reports = len(self), self._reports + self._earlier.more_reports
        if not count:
            return ""
        objects = "1 object" if count == 1 else f"{count:,} objects"
        of_them = f", {reports:,} of them reports" if reports else ""
        return f"{objects} of the server could not be understood{of_them}: missing here."


def _is_report(name: str) -> bool:
    return name.startswith("report/")

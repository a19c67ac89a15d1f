"""What was typed into forms and not committed: kept in memory, written behind, ended by the edit made of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.text import cleaned

AUTHOR = "drafted_by"
"""What a draft says beside the form's values of who wrote it."""
_ANYBODY = ("", "local")
"""Who writes where nobody has signed in; his drafts are everybody's."""
_OF = "\n"


class KeptDrafts:
    """The drafts by key; one write saves an edit and ends the draft that it was made of.

    A draft belongs to who wrote it (AUTHOR): another operator at the same desk neither sees it nor writes over it. In
    memory and in the file it is kept under "AUTHOR\\nKEY", such as "rina\\nnote:city:931200"; callers know the KEY.
    """

    def __init__(self, thread: WorkThread, author: Callable[[], str], trouble: Callable[[Exception], object]) -> None:
        """`author` says who sits at the window now.

        `trouble` is called with the exception for which a draft could not be written; once, until it could.
        """
        self._thread, self._author, self._trouble = thread, author, trouble
        self._drafts: dict[str, dict[str, Any] | None] = {}  # read by the thread that writes them; None: see `use`
        self.unwritten: set[str] = set()
        """The keys of those that the disk refused."""
        self._in_use = ""
        self._used: dict[str, tuple[str, dict[str, Any]]] = {}  # an edit that waits for the disk -> what it was made of

    def all(self) -> dict[str, dict[str, Any]]:
        """All drafts of this operator by key."""
        me = _name(self._author())
        parted = [(*place.rpartition(_OF), draft) for place, draft in self._drafts.items() if draft is not None]
        return {key: draft for whose in ("", me) for author, _, key, draft in parted if author == whose}

    def get(self, key: str) -> dict[str, Any] | None:
        """What this operator typed into a form."""
        return self._drafts.get(self._place(key))

    def _place(self, key: str) -> str:
        """Where this operator's draft is kept; one that is everybody's stays where it is."""
        own = _place_of(self._author(), key)
        return key if own not in self._drafts and key in self._drafts else own

    def key_of(self, form: str, source: str, report: str, remote_of: Callable[[str], str | None]) -> str:
        """What a form's draft for a report is kept under; a report created here keeps it when it gets its number."""
        place = f"{form}:{source}:"
        before = (key for key in self.all() if key.startswith(f"{place}local:"))
        return next((key for key in before if remote_of(key.removeprefix(place)) == report), f"{place}{report}")

    def save(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form; `write_again` tries again what the disk refuses."""
        self._keep(self._place(key), draft)

    def _keep(self, place: str, draft: dict[str, Any]) -> None:
        self._drafts[place] = cleaned(draft)
        self._write(place)

    def drop(self, key: str) -> None:
        """Forget a draft."""
        place = self._place(key)
        if self._drafts.pop(place, None) is not None:
            self._write(place)

    @contextlib.contextmanager
    def using(self, key: str) -> Iterator[None]:
        """An edit that is made inside is what became of this draft."""
        self._in_use = key
        try:
            yield
        finally:
            self._in_use = ""

    def use(self, edit_id: str) -> str:
        """Where the draft is kept that this edit is made of; offered no longer unless the disk refuses the edit."""
        key = self._place(self._in_use) if self._in_use else ""
        draft = self._drafts.get(key)
        if draft is not None:
            self._used[edit_id] = (key, draft)
            self._drafts[key] = None
        return key

    def end_used(self, edit_id: str, *, saved: bool) -> None:
        """With the edit its draft is gone, else it is one again; unless a newer one has taken its place."""
        key, draft = self._used.pop(edit_id, ("", {}))
        if key in self._drafts and self._drafts[key] is None:
            del self._drafts[key]
            if not saved:
                self._keep(key, draft)

    def gone(self, places: Iterable[str]) -> None:
        """These are on the disk no more, as their reports were erased."""
        for place in places:
            if self._drafts.get(place) is not None:
                del self._drafts[place]

    def write_again(self) -> None:
        """Try again what the disk refused."""
        for key in self.unwritten:
            self._write(key)

    def found(self, drafts: dict[str, dict[str, Any]]) -> None:
        """What the disk held when it was opened; what was typed anew before it could be offered stands beside it.

        A draft that an earlier version kept under its key alone moves to its author.
        """
        at_home = {place if _OF in place else _place_of(str(draft.get(AUTHOR, "")), place): draft
                   for place, draft in drafts.items()}  # fmt: skip
        for place in at_home.keys() & self._drafts.keys():
            author, separator, key = place.rpartition(_OF)
            self._keep(f"{author}{separator}older:{key}", at_home[place])
        self._drafts = {**at_home, **self._drafts}
        for place in at_home.keys() - drafts.keys():
            self._write(place)
        for place in drafts.keys() - at_home.keys():
            self._write(place)

    def _write(self, key: str) -> None:
        """Write what is kept when the turn comes, not what was kept when it was asked for.

        So nothing is written over what came after, and a draft whose edit went before it does not come back.
        """

        def write(file: WorkFile) -> None:
            draft = self._drafts.get(key, {})
            if draft:
                file.save_draft(key, draft)
            elif draft is not None:
                file.drop_draft(key)

        def failed(error: Exception) -> None:
            if key not in self.unwritten:
                self.unwritten.add(key)
                self._trouble(error)

        self._thread.write(write, lambda _: self.unwritten.discard(key), failed, hurry=True)


def _name(author: str) -> str:
    return "" if author in _ANYBODY else author


def _place_of(author: str, key: str) -> str:
    return f"{_name(author)}{_OF}{key}" if _name(author) else key

"""What was typed into forms and not committed: kept in memory, written behind, ended by the edit made of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QObject, Signal

from console.domain.typed import cleaned
from console.outbox.work_thread import WorkThread
from console.store.work import WorkFile


class KeptDrafts(QObject):
    """The drafts by key; one write saves an edit and ends the draft that it was made of."""

    trouble = Signal(object)
    """An exception for which a draft could not be written; once, until it could."""

    def __init__(self, thread: WorkThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._drafts: dict[str, dict[str, Any] | None] = {}  # read by the thread that writes them; None: see `use`
        self.unwritten: set[str] = set()
        """The keys of those that the disk refused."""
        self._in_use = ""
        self._used: dict[str, tuple[str, dict[str, Any]]] = {}  # an edit that waits for the disk -> what it was made of

    def all(self) -> dict[str, dict[str, Any]]:
        """All drafts by key."""
        return {key: draft for key, draft in self._drafts.items() if draft is not None}

    def get(self, key: str) -> dict[str, Any] | None:
        """What was typed into a form."""
        return self._drafts.get(key)

    def key_of(self, form: str, source: str, report: str, remote_of: Callable[[str], str | None]) -> str:
        """What a form's draft for a report is kept under; a report created here keeps it when it gets its number."""
        place = f"{form}:{source}:"
        before = (key for key in self._drafts if key.startswith(f"{place}local:"))
        return next((key for key in before if remote_of(key.removeprefix(place)) == report), f"{place}{report}")

    def save(self, key: str, draft: dict[str, Any]) -> None:
        """Keep what was typed into a form; `write_again` tries again what the disk refuses."""
        self._drafts[key] = cleaned(draft)
        self._write(key)

    def drop(self, key: str) -> None:
        """Forget a draft."""
        if self._drafts.pop(key, None) is not None:
            self._write(key)

    @contextlib.contextmanager
    def using(self, key: str) -> Iterator[None]:
        """An edit that is made inside is what became of this draft."""
        self._in_use = key
        try:
            yield
        finally:
            self._in_use = ""

    def use(self, edit_id: str) -> str:
        """The key of the draft that this edit is made of; it is offered no longer unless the disk refuses the edit."""
        key, draft = self._in_use, self._drafts.get(self._in_use)
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
                self.save(key, draft)

    def write_again(self) -> None:
        """Try again what the disk refused."""
        for key in self.unwritten:
            self._write(key)

    def found(self, drafts: dict[str, dict[str, Any]]) -> None:
        """What the disk held when it was opened; what was typed anew before it could be offered stands beside it."""
        for key in drafts.keys() & self._drafts.keys():
            self.save(f"older:{key}", drafts[key])
        self._drafts = {**drafts, **self._drafts}

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
                self.trouble.emit(error)

        self._thread.write(write, lambda _: self.unwritten.discard(key), failed, hurry=True)

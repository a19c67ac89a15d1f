"""What each operator's desk follows, kept on the disk: it stays there until what became of it has been seen.

So what others did to it is told surely: after a crash, and when another program had read it while the window was
closed. No words of reports are kept, only ids: what is told is made of the cache anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.outbox.work_file import WorkFile
from console.outbox.work_thread import WorkThread
from console.rules.followed import Followed, Standpoint


class KeptFollowed:
    """In memory and written behind; until work.db is open nothing is known and nothing kept."""

    def __init__(self, thread: WorkThread, trouble: Callable[[Exception], object]) -> None:
        """`trouble` is called with the exception for which it could not be written; once, until it could."""
        self._thread, self._trouble = thread, trouble
        self._kept: dict[Standpoint, Followed] | None = None
        self._when_open: list[Callable[[], object]] = []
        self._waiting: set[Standpoint] = set()
        """What is on its way to the disk: it is written as it is then."""
        self._unwritten: set[Standpoint] = set()
        """What the disk refused."""

    @property
    def is_open(self) -> bool:
        """Whether what was followed at last is known."""
        return self._kept is not None

    def on_open(self, callback: Callable[[], object]) -> None:
        """Call back when what was followed at last is known."""
        self._when_open.append(callback)

    def get(self, standpoint: Standpoint) -> Followed | None:
        """What was followed at last, None when nothing is known."""
        return None if self._kept is None else self._kept.get(standpoint)

    def keep(self, standpoint: Standpoint, epoch: str, ids: Mapping[str, str]) -> None:
        """From now on this is followed."""
        now = Followed(epoch, dict(ids))
        if self._kept is None or self._kept.get(standpoint) == now:
            return
        self._kept[standpoint] = now
        self._write(standpoint)

    def write_again(self) -> None:
        """Try again what the disk refused."""
        for standpoint in self._unwritten:
            self._write(standpoint)

    def found(self, kept: Mapping[Standpoint, Followed]) -> None:
        """What the disk held when it was opened."""
        self._kept = dict(kept)
        for callback in self._when_open:
            callback()

    def _write(self, standpoint: Standpoint) -> None:
        """What is followed when the turn comes, not what was followed when it was asked for."""
        if standpoint in self._waiting or self._kept is None:
            return
        kept = self._kept
        self._waiting.add(standpoint)

        def write(file: WorkFile) -> None:
            self._waiting.discard(standpoint)
            file.follow(standpoint, kept[standpoint])

        def failed(error: Exception) -> None:
            was_told = bool(self._unwritten)
            self._unwritten.add(standpoint)
            if not was_told:
                self._trouble(error)

        self._thread.note(write, lambda _: self._unwritten.discard(standpoint), failed)

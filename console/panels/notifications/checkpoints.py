"""Where a follower continues at each source after a restart: at what this console last kept in work.db for the
operator.

A follower (Claims, Hazards, CrewNotes, Refusals, Restores) watches one kind of things for changes by others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from console.cache.page_items import Cursor
from console.outbox.followed import KeptFollowed
from console.panels.window_state import WindowState
from console.rules.followed import Followed, Standpoint
from console.rules.scoped_code import ScopedCode


class Checkpoints:
    """The sources at which one follower has begun. It begins at a source once that has been read, with what was kept
    there last; from then on it keeps what it follows.

    What was kept by another operator, or before the server was restored (another epoch), does not count.
    """

    def __init__(self, kind: str, window_state: WindowState, followed: KeptFollowed) -> None:
        self._kind, self._window_state, self._followed = kind, window_state, followed
        self._begun: dict[str, tuple[str, str]] = {}
        """Source key -> (user name, epoch) with which the follower has begun there."""
        self.turn = 0
        """Raised to make results of earlier reads invalid."""

    def to_begin(self, sources: Iterable[str]) -> dict[str, Followed | None]:
        """Of these sources those where the follower has not begun, each with what was kept last (None: nothing)."""
        new = (source for source in sources if source not in self._begun)
        return {source: self._followed.get(self._at(source)) for source in new}

    def leave(self) -> frozenset[str]:
        """Forget the sources at which another operator has signed in since, and return them."""
        left = frozenset(source for source, (me, _) in self._begun.items() if me != self._window_state.me_at(source))
        for source in left:
            del self._begun[source]
        if left:
            self.end_turn()
        return left

    def begin(self, epochs: Mapping[str, str]) -> None:
        """The follower has begun at these sources (source key -> epoch of its server)."""
        self._begun |= {source: (self._window_state.me_at(source), epoch) for source, epoch in epochs.items()}

    def forget(self) -> None:
        """Begin again everywhere: the cache is being read anew, or work.db was opened only now."""
        self._begun.clear()
        self.end_turn()

    def forget_unread(self, read: Collection[str]) -> None:
        """Begin again at the sources that are not among these: their cities are being read anew."""
        # protects: what-is-being-read-is-not-kept
        if unread := self._begun.keys() - set(read):
            for source in unread:
                del self._begun[source]
            self.end_turn()

    def end_turn(self) -> None:
        """Make results of reads that are under way invalid: their `turn` is not the present one any more."""
        self.turn += 1

    def keep(self, followed: Mapping[ScopedCode, str]) -> None:
        """Keep what is followed now, by (source, id), each with a text of the follower's own, at sources where it has
        begun.
        """
        ids: dict[str, dict[str, str]] = {source: {} for source in self._begun}
        for (source, key), word in followed.items():
            if source in ids:
                ids[source][key] = word
        for source, (me, epoch) in self._begun.items():
            if me == self._window_state.me_at(source):
                self._followed.keep(self._at(source), epoch, ids[source])

    def _at(self, source: str) -> Standpoint:
        return Standpoint(self._window_state.me_at(source), source, self._kind)


def known(followed: Followed | None, cursor: Cursor) -> Mapping[str, str] | None:
    """What was kept last, if the server still has the same epoch; None otherwise."""
    # protects: followed-in-this-state
    return followed.ids if followed is not None and followed.epoch == cursor.epoch else None

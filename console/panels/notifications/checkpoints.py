"""From where on a follower of one kind of things goes at each source: where its operator's desk was at last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.cache.page_items import Cursor
from console.outbox.followed import KeptFollowed
from console.panels.window_state import WindowState
from console.rules.followed import Followed, Standpoint
from console.rules.scoped_code import ScopedCode


class Checkpoints:
    """Begun at a source by what was followed there at last, once the source has been read; kept from then on.

    What was followed in another state of the server (before a restore) is nothing to go on from. So it is of another
    operator: each has his own.
    """

    def __init__(self, kind: str, window_state: WindowState, followed: KeptFollowed) -> None:
        self._kind, self._window_state, self._followed = kind, window_state, followed
        self._begun: dict[str, tuple[str, str]] = {}
        """Source -> who follows there, and the state of its server."""
        self.turn = 0
        """What was asked in an earlier turn counts no more."""

    def to_begin(self, sources: Iterable[str]) -> dict[str, Followed | None]:
        """Those of these sources where it has not begun, with what was followed there at last."""
        new = (source for source in sources if source not in self._begun)
        return {source: self._followed.get(self._at(source)) for source in new}

    def leave(self) -> frozenset[str]:
        """The sources where another operator has taken the place of who followed; nothing is begun there any more."""
        left = frozenset(source for source, (me, _) in self._begun.items() if me != self._window_state.me_at(source))
        for source in left:
            del self._begun[source]
        if left:
            self.end_turn()
        return left

    def begin(self, epochs: Mapping[str, str]) -> None:
        """Go on from here at these sources, whose servers are in these states."""
        self._begun |= {source: (self._window_state.me_at(source), epoch) for source, epoch in epochs.items()}

    def forget(self) -> None:
        """All is being read anew, or what was kept is known only now: begin again."""
        self._begun.clear()
        self.end_turn()

    def end_turn(self) -> None:
        """What is asked now, and not answered yet, is not so any more."""
        self.turn += 1

    def keep(self, followed: Mapping[ScopedCode, str]) -> None:
        """What is followed now, source and id, with a word about each; where it has begun."""
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
    """What was followed at last of what the server is now; None where nothing is known."""
    # protects: followed-in-this-state
    return followed.ids if followed is not None and followed.epoch == cursor.epoch else None

"""What the outbox tells whoever follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.outbox.pending_edits import Place
from console.rules.queued import Queued


def _ignore(*_: object) -> None:
    """For what nobody wants to hear."""


@dataclass(frozen=True)
class Listener:
    """One callback for each thing that is told, on the loop's thread."""

    opened: Callable[[], object] = _ignore
    """work.db is open; drafts, filters and the outbox are known."""
    unavailable: Callable[[Exception], object] = _ignore
    """work.db could not be opened (a StoreError): edits are refused until it can (`opened`), which is tried again."""
    saved: Callable[[Queued], object] = _ignore
    """This edit is on the disk."""
    refused: Callable[[str, Exception], object] = _ignore
    """An edit's id and the exception for which it could not be saved: it does not exist."""
    reports_changed: Callable[[Mapping[Place, tuple[Queued, ...]]], object] = _ignore
    """What is new in the next `changed`: (source, report) -> the edits of it that are not finished, oldest first."""
    changed: Callable[[tuple[Queued, ...]], object] = _ignore
    """All edits that are not finished, oldest first."""
    too_late: Callable[[Queued], object] = _ignore
    """It was withdrawn while the sync process held it, but had left already: it has taken effect."""
    stopped: Callable[[Sequence[Queued]], object] = _ignore
    """What is not sent, because it rests on one that was lost just now (see `Outbox.held_by`)."""
    taken_back: Callable[[Sequence[Queued]], object] = _ignore
    """What a server had taken and lost when it was set back: it is in the outbox again."""
    trouble: Callable[[Exception], object] = _ignore
    """A later state or a draft could not be noted; the edit itself is safe."""

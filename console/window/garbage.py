"""Collects Python's garbage between two tasks of the GUI thread, in the thread that owns the widgets."""

from __future__ import annotations

import gc


def collect_only_here() -> None:
    """Let collection run in `collect_garbage` only, from now on.

    A full collection stops every thread: 12 ms with the vocabulary of a large city. One that starts in another thread
    destroys widgets there, which Qt may not survive (pyqtgraph has a GarbageCollector for the same reason).
    """
    gc.disable()
    gc.set_threshold(2000, 20, 50)


def keep_objects() -> None:
    """Exclude all present objects from collection (`gc.freeze`): what was loaded for the whole run.

    They are not collected before: of what a start leaves some 300 small objects are garbage, and to look through all of
    them would hold up the first list that is shown by a tenth of a second.
    """
    gc.freeze()


def collect_garbage() -> None:
    """Run the collection of the oldest generation that is due; call it on the GUI thread, between two events."""
    due = [generation for generation in range(3) if gc.get_count()[generation] > gc.get_threshold()[generation]]
    if due:
        gc.collect(due[-1])

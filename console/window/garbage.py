"""Collects Python's garbage between two tasks of the GUI thread, in the thread that owns the widgets."""

from __future__ import annotations

import gc


def keep_objects() -> None:
    """Let the collector leave alone what is there now, for good, and run where we call it instead of in any thread.

    A full collection stops every thread: 12 ms with the vocabulary of a large city. And one that another thread happens
    to set off destroys widgets there, which Qt may not survive (pyqtgraph has a GarbageCollector for the same reason).
    """
    gc.disable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(2000, 20, 50)


def collect_garbage() -> None:
    """Collect the oldest generation that is due, in the thread that owns the widgets."""
    due = [generation for generation in range(3) if gc.get_count()[generation] > gc.get_threshold()[generation]]
    if due:
        gc.collect(due[-1])

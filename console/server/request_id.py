"""The id of the request that is worked at, for the log and the audit log."""

from __future__ import annotations

import contextvars

_present: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


def present_request_id() -> str:
    """The id of the request that this thread or task works for; empty outside of requests."""
    return _present.get()


def work_for(request_id: str) -> None:
    """From now on this task, and the threads that it gives work to, work for this request."""
    _present.set(request_id)

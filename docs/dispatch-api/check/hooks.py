"""Tells schemathesis what no schema can say: a header that repeats the body, and which refusals are wrong."""

from __future__ import annotations

from typing import Any

import schemathesis

_NOT_UNDERSTOOD = ("The body does not fit", " cannot carry this: ")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Write the id of an edit into its header, where there is such a header at all."""
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("id"), str) and "Idempotency-Key" in (case.headers or {}):
        key = body["id"]
        if key.isascii() and key.isprintable() and key.strip() == key != "":
            case.headers["Idempotency-Key"] = key


@schemathesis.check
def what_fits_the_schema_is_understood(context: Any, response: Any, case: Any) -> None:
    """A body that the document allows may break a rule of the city, but never be malformed to the server."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    message = str(response.json().get("message", ""))
    assert not any(words in message for words in _NOT_UNDERSTOOD), message

"""The refusals of the server: each has its HTTP status, its code and its sentence.

Refusal
    Invalid (422)   the edit cannot mean anything, or the rules forbid it
    Expired (422)   an order that came after its time
    NotFound (404)
    ForbiddenRefusal (403)
    SignInRefusal (401)
    ConflictRefusal (412)  somebody changed the same field, or another has what was claimed
    CityChanged (412) the city is set up otherwise by now
    BusyRefusal (412)  the unit has another job
    AnotherReport (409), AlreadyThereRefusal (409)
    Precondition (428), InProgressRefusal (409), GoneRefusal (410), TooLargeRefusal (413), WrongType (415),
    TooSlow (408), TooMany (429), Overloaded (503)
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An answer that is not the one asked for; `more` goes into the body beside error and message."""

    status = 400
    code = "malformed"

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.message = message
        self.more = more


class Invalid(Refusal):
    """It cannot be done, now or ever; the sentence says why."""

    status, code = 422, "invalid"


class Expired(Refusal):
    """The order came after its time: nobody may be sent by it any more."""

    status, code = 422, "expired"


class KeyReused(Refusal):
    """The idempotency key has carried something else before."""

    status, code = 422, "key_reused"


class NotFound(Refusal):
    """There is no such object."""

    status, code = 404, "not_found"


class ForbiddenRefusal(Refusal):
    """The role or the scope does not reach so far."""

    status, code = 403, "forbidden"


class SignInRefusal(Refusal):
    """No token, or an unknown one."""

    status, code = 401, "sign_in"


class ConflictRefusal(Refusal):
    """`fields` maps each field in conflict to {value, who, at}."""

    status, code = 412, "conflict"


class CityChanged(Refusal):
    """The city is set up otherwise by now than when the difference was shown."""

    status, code = 412, "city_changed"


class BusyRefusal(Refusal):
    """The unit has a job: `unit`, `report`, `who`, `at`."""

    status, code = 412, "busy"


class AnotherReport(Refusal):
    """The number of `report` is another report now than the one that the edit was made on."""

    status, code = 409, "another_report"


class AlreadyThereRefusal(Refusal):
    """The new report was made under an earlier key: it is `report`, made by `edit`."""

    status, code = 409, "already_there"


class Precondition(Refusal):
    """The edit needs If-Match."""

    status, code = 428, "precondition_required"


class InProgressRefusal(Refusal):
    """An edit with the same key is still running."""

    status, code = 409, "in_progress"


class GoneRefusal(Refusal):
    """The place in the feed is no longer (or not yet) there: begin with a snapshot."""

    status, code = 410, "gone"


class TooLargeRefusal(Refusal):
    """The body is larger than the server takes."""

    status, code = 413, "too_large"


class WrongType(Refusal):
    """The body is of another media type than the address takes."""

    status, code = 415, "wrong_type"


class TooSlow(Refusal):
    """The body of the request did not come in time."""

    status, code = 408, "too_slow"


class TooMany(Refusal):
    """The client asks too often: `retry_after_s` seconds have to pass."""

    status, code = 429, "too_many"


class Overloaded(Refusal):
    """The database is busy, or the disk is full; ask again."""

    status, code = 503, "busy_server"

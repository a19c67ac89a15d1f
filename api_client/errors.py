"""What can go wrong between a client and a city's server, as a small tree that knows whether to try again.

ApiError
├── Unreachable        retry   no answer: see `may_have_arrived`
│   ├── NameNotFound   retry
│   ├── ConnectionRefused retry
│   ├── TimedOut       retry
│   └── TlsFailed      retry   never answered by an unverified connection
├── NotThisServer      retry   a portal's page, a redirect to another host, an answer without the server's mark
├── Malformed          retry   the right server, but not what was agreed
│   └── TooLarge       retry   more at once than is read; less may be asked for
├── Busy               retry   429 and 503, with `retry_after_s`
├── InProgress         retry   409: the first try of the same key still runs
├── ServerFault        retry   5xx
│   └── NoBackend      retry   502 and 504: a gateway answered for a server that did not
├── SignIn             401: nothing will work until somebody signs in
├── Forbidden          403: this one thing is not allowed
├── Gone               410: the cursor is too old, or the thing was deleted
├── Conflict           412: somebody else was first; `fields` or `busy` say who
├── Refused            any other 4xx
├── NeedsParameter     an Open311 server that gives its reports only with a jurisdiction_id or the like
└── BadAddress         the address itself cannot be used
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Any failure of a request; `str()` of it is a sentence for the operator."""

    retry = False
    may_have_arrived = True
    """Whether the server may have acted on the request."""


class BadAddress(ApiError):
    """An address that is not one, or not one that may be used (http beyond this computer)."""

    may_have_arrived = False


class Unreachable(ApiError):
    """No answer came."""

    retry = True

    def __init__(self, message: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


class NameNotFound(Unreachable):
    """The host's name is unknown here."""


class ConnectionRefused(Unreachable):
    """The host is there, but no server listens."""


class TimedOut(Unreachable):
    """No connection or no answer within the time allowed."""


class TlsFailed(Unreachable):
    """The certificate or the encryption could not be verified."""


class NotThisServer(ApiError):
    """Something answered that is not the server asked for; nothing was taken from it."""

    retry = True


class Malformed(ApiError):
    """The answer breaks the agreed form; nothing was taken from it."""

    retry = True


class TooLarge(Malformed):
    """The answer is larger than what is read at once."""


class Busy(ApiError):
    """The server asks for patience: 429 or 503."""

    retry = True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InProgress(ApiError):
    """409: the server still works on the first try of the same key."""

    retry = True


class ServerFault(ApiError):
    """The server failed (5xx)."""

    retry = True


class NoBackend(ServerFault):
    """A gateway answered (502, 504) because the server behind it did not."""


class SignIn(ApiError):
    """401: the token is missing, wrong or out of date."""

    may_have_arrived = False


class Forbidden(ApiError):
    """403: not allowed to this user."""

    may_have_arrived = False


class CursorTooOld(ApiError):
    """410: what was asked for is no longer kept."""

    may_have_arrived = False


class Refused(ApiError):
    """Another 4xx: trying the same again is useless. `status` is the HTTP status, `code` the server's word for it.

    `done_by` is {who, at} of what was done to the thing that is missing, `report` the report that is to blame, `edit`
    the id of the edit that made it, each where the server tells it.
    """

    may_have_arrived = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "",
        done_by: dict[str, str] | None = None,
        report: str | None = None,
        edit: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.done_by = done_by or {}
        self.report = report
        self.edit = edit


class NeedsParameter(ApiError):
    """An Open311 server tells its categories, but no reports: it wants a parameter that nobody gave it."""

    may_have_arrived = False


class Conflict(ApiError):
    """412: somebody else was first.

    `fields` maps a field to {value, who, at}; `busy` is {unit, report, who, at, priority} of a unit that has another
    job; `version` is the report's present version where the server told it.
    """

    may_have_arrived = False

    def __init__(
        self,
        message: str,
        *,
        fields: dict[str, Any] | None = None,
        busy: dict[str, Any] | None = None,
        version: int | None = None,
    ) -> None:
        super().__init__(message)
        self.fields = fields or {}
        self.busy = busy or {}
        self.version = version

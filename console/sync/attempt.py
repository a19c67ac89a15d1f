"""One try of an edit at its server, told as one Outcome; when to try again is for the outbox to say."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from api_client import errors
from console.rules.backoff import CAP_S
from console.rules.edit import INSTEAD_OF, Edit, is_local
from console.rules.messages import Obstacle, Outcome, Push
from console.rules.queued import ByWhom, EditState, StopReason, TakenAs
from console.sync.health import Health
from console.sync.retry import retry_after_s
from console.sync.worker import Connection

_log = logging.getLogger(__name__)


class Sent(Protocol):
    """What a sender says of an edit that the server took."""

    @property
    def remote_id(self) -> str | None:
        """The id of the report that the edit made, None for other edits."""

    @property
    def version(self) -> int | None:
        """The report's version after the edit."""

    @property
    def taken_as(self) -> TakenAs | None:
        """As what the report was taken; None where the edit's own key tells which report it made."""


class Sender(Connection, Protocol):
    """Knows how one kind of server takes an edit; used by one thread."""

    def send(self, edit: Edit, report: str | None, *, repeated: bool) -> Sent:
        """Send one edit; `report` is its report's id at the server, `repeated` whether an earlier try may have arrived.

        Raises ApiError, CannotSend for what this server cannot do, or EditAlreadyThere.
        """

    def has_arrived(self, edit: Edit, report: str | None) -> bool:
        """Whether the server's own record holds the edit. Raises ApiError."""

    def interrupt(self) -> None:
        """From any thread: end a request that hangs, where it is harmless to send it anew."""


class CannotSend(Exception):
    """This server cannot take such an edit, for a reason; see StopReason for `problem` and `by`."""

    def __init__(self, reason: StopReason, problem: str = "", by: ByWhom | None = None) -> None:
        super().__init__(f"{reason} {problem}".strip())
        self.reason, self.problem, self.by = reason, problem, by


class EditAlreadyThere(Exception):
    """The new report is at the server, as `remote_id`, by the edit `by` in whose place this one was sent."""

    def __init__(self, remote_id: str, by: str | None) -> None:
        super().__init__(remote_id)
        self.remote_id, self.by = remote_id, by


class TooLate(Exception):
    """The server has refused an order because its time is over."""


class NotUploaded(Exception):
    """The bytes of a photo, which go before its edit, could not be sent; `error` says why."""

    def __init__(self, error: errors.ApiError) -> None:
        super().__init__(str(error))
        self.error = error


class Attempt:
    """Makes the tries of all lanes of one source.

    `emit` gets the Outcome that ends each try. `on_news` is called when the server took an edit, whose history entry
    should now be read, and when it could not be reached, which the pull should look into.
    """

    def __init__(self, health: Health, emit: Callable[[Outcome], None], on_news: Callable[[], None]) -> None:
        self._health = health
        self._emit = emit
        self._on_news = on_news
        self._problem = ""
        self._put_off_until = 0.0
        self.stopped = threading.Event()
        """Set at the end: a try that was cut is not told, so that the edit counts as one that may have arrived."""

    @property
    def is_pointless(self) -> bool:
        """Whether the server is known not to be there, so that a try would only wait for that in vain."""
        return self._health.breaker.open

    def make(self, sender: Sender, push: Push) -> bool:
        """Try once; False when the server is the obstacle, so that what goes the same way need not be tried now."""
        try:
            return self._make(sender, push)
        except Exception:
            # A defect of ours must park this one edit and not end the lane for all the others.
            _log.exception("edit %s could not be sent", push.edit.id)
            # protects: what-cannot-be-told-ends-no-lane
            self._refuse(push, StopReason.NOT_ENCODED)
            return True

    def _make(self, sender: Sender, push: Push) -> bool:
        edit = push.edit
        report = None if is_local(edit.report) else edit.report
        try:
            if push.past_its_time and not sender.has_arrived(edit, report):
                self._say(Outcome(edit.id, EditState.EXPIRED))
                return True
            sent = sender.send(edit, report, repeated=push.unconfirmed)
        except errors.ApiError as error:
            return self._failed(push, error)
        except NotUploaded as failure:
            return self._not_uploaded(push, failure.error)
        except TooLate:
            self._say(Outcome(edit.id, EditState.EXPIRED))
        except EditAlreadyThere as there:
            # protects: first-one-is-followed
            if there.by is not None and there.by in edit.about.get(INSTEAD_OF, ()):
                self._emit(Outcome(there.by, EditState.ACCEPTED, remote_id=there.remote_id))
            self._emit(Outcome(edit.id, EditState.SENT, remote_id=there.remote_id))
            self._on_news()
        except CannotSend as error:
            self._refuse(push, error.reason, error.problem, error.by)
        else:
            self._health.breaker.answered()
            number, version, taken_as = sent.remote_id, sent.version, sent.taken_as
            self._emit(Outcome(edit.id, EditState.ACCEPTED, remote_id=number, version=version, taken_as=taken_as))
            self._health.writes_taken()
            self._on_news()
        return True

    def withdrawn(self, edit_id: str) -> None:
        """An edit was withdrawn before its try began."""
        self._emit(Outcome(edit_id, EditState.WITHDRAWN))

    def idle(self) -> None:
        """Nothing was handed over for a while: whatever a busy server had put off has been withdrawn meanwhile."""
        if time.monotonic() > self._put_off_until:
            self._health.none_put_off()

    def not_begun(self, push: Push) -> None:
        """Without a try: the one before it met an obstacle, and was told with that."""
        self._put_off(push, Obstacle.ANOTHER_EDIT, self._problem)

    def give_back(self, push: Push) -> None:
        """Without a try: the server is known not to be there."""
        patience = self._health.breaker.patience()
        asked, left_s = patience if patience is not None else (None, None)
        self._put_off(push, Obstacle.SERVER, str(asked) if asked is not None else self._problem, left_s)

    def _not_uploaded(self, push: Push, error: errors.ApiError) -> bool:
        if isinstance(error, errors.Busy):  # of photos: reports and orders do not wait for it
            # protects: busy-with-photos-only
            self._health.breaker.answered()
            self._busy(error)
        else:
            self._health.breaker.failed(error)
        # protects: failing-photo-waits-alone
        if isinstance(error, errors.ServerFault):
            self._put_off(push, Obstacle.ONE_EDIT, str(error))
            self._look_behind(error)
            return True
        if error.retry or isinstance(error, errors.SignIn):
            self._put_off(push, Obstacle.SERVER, str(error), retry_after_s(error))
            if not isinstance(error, errors.Busy):
                # protects: cut-photos-hold-no-order
                self._on_news()
            return False
        self._refused(push, error)
        return True

    def _failed(self, push: Push, error: errors.ApiError) -> bool:
        self._health.breaker.failed(error)
        may_be_there = error.may_have_arrived
        if isinstance(error, errors.Conflict):
            self._health.none_put_off()
            theirs: dict[str, object] = {"busy": error.busy} if error.busy else dict(error.fields)
            problem, version = str(error), error.version
            self._say(Outcome(push.edit.id, EditState.CONFLICT, problem=problem, theirs=theirs, version=version))
        # protects: signed-out-drops-nothing
        elif isinstance(error, errors.SignIn):
            self._health.writes_refused(str(error))
            self._put_off(push, Obstacle.SIGN_IN, str(error), may_be_there=may_be_there)
            return False
        elif isinstance(error, errors.InProgress):
            self._put_off(push, Obstacle.ONE_EDIT, str(error), may_be_there=True)
        elif isinstance(error, errors.ServerFault):
            # Perhaps only this edit brings the server to fall: the others go on.
            self._put_off(push, Obstacle.ONE_EDIT, str(error), may_be_there=may_be_there)
            self._look_behind(error)
        elif error.retry:
            if isinstance(error, errors.Busy):
                self._busy(error)
            self._put_off(push, Obstacle.SERVER, str(error), retry_after_s(error), may_be_there=may_be_there)
            self._on_news()
            return False
        else:
            self._refused(push, error)
        return True

    def _look_behind(self, error: errors.ServerFault) -> None:
        """A gateway that answered for the server may do so for this edit alone: the pull looks whether it is there."""
        if isinstance(error, errors.NoBackend):
            # protects: gateways-fault-holds-no-order
            self._on_news()

    def _refuse(self, push: Push, reason: StopReason, problem: str = "", by: ByWhom | None = None) -> None:
        self._say(Outcome(push.edit.id, EditState.ATTENTION, problem=problem, reason=reason, by=by))

    def _refused(self, push: Push, error: errors.ApiError) -> None:
        for_now = isinstance(error, errors.Forbidden)
        self._refuse(push, StopReason.REFUSED_FOR_NOW if for_now else StopReason.REFUSED, str(error))

    def _busy(self, error: errors.Busy) -> None:
        self._health.writes_put_off(str(error))
        self._put_off_until = time.monotonic() + max(CAP_S, error.retry_after_s or 0.0)  # by then it is tried again

    def _put_off(
        self,
        push: Push,
        obstacle: Obstacle,
        problem: str,
        retry_after_s: float | None = None,
        *,
        may_be_there: bool = False,
    ) -> None:
        if obstacle in (Obstacle.SERVER, Obstacle.SIGN_IN):
            self._problem = problem
        state = EditState.UNCONFIRMED if may_be_there or push.unconfirmed else EditState.QUEUED
        self._say(Outcome(push.edit.id, state, problem=problem, obstacle=obstacle, retry_after_s=retry_after_s))

    def _say(self, outcome: Outcome) -> None:
        if not self.stopped.is_set():
            self._emit(outcome)

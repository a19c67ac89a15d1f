"""The lanes of edits: workers that try, once each and in this order, what the console hands over."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from console.rules.messages import Push, Withdraw
from console.sync.attempt import Attempt, Sender

SENDERS = 2
"""So many edits are tried side by side: they have nothing to do with one another, or were not handed over together."""
_IDLE_S = 30.0
_END_S = 5.0


class PushQueue:
    """The edits whose tries have not begun, in the order of handing over; safe from any thread."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._condition = threading.Condition()
        self._waiting: deque[Push] = deque()

    def put(self, push: Push) -> None:
        """Take an edit to try. One that waits already is tried once, as it is now."""
        with self._condition:
            others = (one for one in self._waiting if one.edit.id != push.edit.id)
            self._waiting = deque((*others, push))
            self._condition.notify()

    def take(self, longest_s: float) -> Push | None:
        """The next one, which counts as begun; None when none came within so many seconds, or at the end."""
        until = time.monotonic() + longest_s
        with self._condition:
            while not self._attempt.stopped.is_set():
                if self._waiting:
                    return self._waiting.popleft()
                if (left := until - time.monotonic()) <= 0:
                    break
                self._condition.wait(left)
            return None

    def withdraw(self, withdraw: Withdraw) -> bool:
        """Forget an edit whose try has not begun; whether that has to be told. See `Withdraw` for which stay."""
        with self._condition:
            found = next((push for push in self._waiting if push.edit.id == withdraw.edit_id), None)
            # protects: proved-is-not-sent-again
            if found is None or (found.unconfirmed and not withdraw.proved):
                return False
            self._waiting.remove(found)
            return not withdraw.proved

    def give_back(self) -> None:
        """What waits would meet the same obstacle as the last one: it goes back untried, to wait at the console."""
        with self._condition:
            found, self._waiting = list(self._waiting), deque()
        for push in found:
            self._attempt.not_begun(push)

    def wake(self) -> None:
        """End all waiting: it is looked again whether this is the end."""
        with self._condition:
            self._condition.notify_all()


class SendLane:
    """Tries edits of one source with one worker for each sender: its small writes, or its photos, which are slow."""

    def __init__(self, name: str, senders: Sequence[Sender], attempt: Attempt) -> None:
        self._attempt, self._senders = attempt, senders
        self._queue = PushQueue(attempt)
        self._turns = [0] * len(senders)
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"{name}-{number}", daemon=True)
            for number in range(len(senders))
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def interrupt(self) -> None:
        """End requests that hang, where that is harmless: the server is there again."""
        for sender in self._senders:
            sender.interrupt()

    def stop(self) -> None:
        """End; an edit in flight is cut and stays unconfirmed."""
        self._attempt.stopped.set()
        self._queue.wake()
        for sender in self._senders:
            sender.cut()
        for thread in self._threads:
            thread.join(_END_S)

    def push(self, push: Push) -> None:
        """Try an edit."""
        self._queue.put(push)

    def withdraw(self, withdraw: Withdraw) -> None:
        """Do not try an edit if that has not begun."""
        if self._queue.withdraw(withdraw):
            self._attempt.withdrawn(withdraw.edit_id)

    def steps(self) -> dict[str, int]:
        """How often each worker got further, under its name."""
        return {
            thread.name: turns + sender.exchanges
            for thread, turns, sender in zip(self._threads, self._turns, self._senders, strict=True)
        }

    def _work(self, number: int) -> None:
        sender = self._senders[number]
        while not self._attempt.stopped.is_set():
            self.step(sender, _IDLE_S)
            self._turns[number] += 1
        sender.close()

    def step(self, sender: Sender, longest_s: float) -> bool:
        """Try the next edit, waiting up to `longest_s` for one; whether there was one."""
        push = self._queue.take(longest_s)
        if push is None:
            self._attempt.idle()
            return False
        if self._attempt.is_pointless:
            self._attempt.give_back(push)
        elif not self._attempt.make(sender, push):
            self._queue.give_back()
        return True

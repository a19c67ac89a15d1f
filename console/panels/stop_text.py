"""Why the server did not take an edit, in the operator's words."""

from __future__ import annotations

from collections.abc import Callable

from console.rules.edit import in_short
from console.rules.queued import Queued, StopReason

Tr = Callable[[str], str]


def stop_text(queued: Queued, tr: Tr) -> str:
    """Why an edit is stopped: a sentence of ours, or what the server said; "" when it said nothing."""
    reason, problem, edit = queued.reason, queued.problem, queued.edit
    match reason:
        case StopReason.LOST_IN_RESTORE:
            return tr("Lost when the server was set back to an older state. Send it again?")
        case StopReason.ANOTHER_REPORT:
            return tr("The server was set back to an older state, and this number is another report now.")
        case StopReason.CREATION_WITHDRAWN:
            return tr("Its report was withdrawn.")
        case StopReason.NOT_IN_RECORD:
            return tr("The server said that it took this, but its record does not show it. Look before you send again.")
        case StopReason.DAMAGED:
            return tr("The disk damaged it: look whether it is what you meant.")
        case StopReason.HELD_BACK:
            return tr("What this followed is not in the outbox any more. Send it all the same?")
        case StopReason.TOO_LONG:
            return tr("This is too long to be sent: {size} KB, at most 256 KB.").format(size=problem)
        case StopReason.NO_PHOTO_FILE:
            return tr("The photo's file is missing on this computer; take or choose it again.")
        case StopReason.NOT_ENCODED:
            return tr("Sigap could not put this edit into the server's form.")
        case StopReason.NOT_CONNECTED:
            return tr("The city this edit belongs to is not connected any more.")
        case StopReason.NOT_SIGNED_IN:
            words = tr("{author} made this, but {me} is signed in. It waits for {author}.")
            return words.format(author=edit.author, me=problem)
        case StopReason.KEY_REUSED:
            words = tr("The server has {there} under this edit's key. Here stands {here}.")
            return words.format(there=problem, here=in_short(edit.kind, edit.data))
        case StopReason.MAY_BE_THERE:
            return tr(
                "This report may be at the server already, which is too old to be asked. Look there before you send it "
                "again."
            )
        case StopReason.NOT_IN_LIST:
            return tr(
                "The server gave no answer, and the report is not in its list. It may have arrived: look there before "
                "you send it again."
            )
        case StopReason.NEW_REPORTS_ONLY:
            return tr(
                "This city's server takes new reports only. What you entered stays here; tell the city by its own way."
            )
        case StopReason.NO_PHOTOS:
            return tr("This city's server takes no photos after the report.")
        case StopReason.ANOTHER_NUMBER:
            words = tr(
                "The server answered with another report, {there}. Yours is not known to be there: its words are kept "
                "here. Look there before you send it again."
            )
            return words.format(there=problem)
        case StopReason.NUMBER_GIVEN_TWICE:
            words = tr(
                "The server gave this the number of another report, {number}. Yours is not known to be there: its "
                "words are kept here. Look there before you send it again."
            )
            return words.format(number=problem)
    return problem

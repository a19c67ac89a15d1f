"""Who the operator is at each source, and why he may only read there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api_client.model import Kind
from console.rules.edit import Edit


class Identity:
    """The names under which edits are made."""

    def __init__(
        self,
        author: str,
        why_reading_only: Callable[[str], str],
        why_not_allowed: Callable[[str, Kind], str],
    ) -> None:
        """`why_reading_only` says why nothing may be written for a source now, `why_not_allowed` why not such an edit.

        Each says "" when it may be.
        """
        self.default = author
        """Who makes the edits where nobody signed in by name."""
        self._named: dict[str, str] = {}
        self._why_reading_only, self._why_not_allowed = why_reading_only, why_not_allowed

    @property
    def named(self) -> Mapping[str, str]:
        """Who signed in, by source."""
        return self._named

    def at(self, source: str) -> str:
        """Who makes the edits for a source."""
        return self._named.get(source, self.default)

    def sign_in(self, source: str, author: str) -> None:
        """Who makes the edits for a source from now on."""
        self._named[source] = author

    def why_refused(self, source: str, kind: Kind) -> str:
        """Why such an edit may not be made now, "" when it may."""
        return self._why_reading_only(source) or self._why_not_allowed(source, kind)

    def is_another(self, edit: Edit) -> bool:
        """Whether an edit waits for another operator to sign in."""
        me = self.at(edit.source)
        # protects: only-ones-own-is-sent
        return bool(me and edit.author and edit.author != me)

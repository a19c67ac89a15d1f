"""Signing in and out, whose token the server says it is, and what that operator may do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from api_client.model import Kind
from console.cache.reader import CachedReport
from console.panels import formatting
from console.panels.action_rules import why_not_allowed
from console.panels.forms.forms import Forms
from console.panels.outbox import OutboxController
from console.panels.qt_outbox import QtOutbox
from console.panels.report.history import edit_text
from console.panels.sources import Sources
from console.panels.status import StatusController
from console.panels.undo_stack import UndoStack
from console.panels.window_state import WindowState
from console.rules.messages import SignedIn, Source, SourceState
from console.rules.queued import Queued, StopReason
from console.rules.report import HAZARD
from console.rules.rights import Rights
from console.settings import Settings, Tokens, is_left, operator_of
from console.window.claims import Claims
from console.window.settings_store import SettingsStore
from console.window.sources import FollowedSources, changed
from widgets.forms.choice import ListChoice

_DONE_SHOWN_S = 60.0
"""How long the status bar says what others dropped or sent: it may be said while a window opens."""
_DONE_SHOWN = 3
_NAMED = 3
_WITH_OPERATORS = "dispatch"
"""The kind of a source whose server says whose a token is."""


class SignInController(QObject):
    """Signs the operator in to and out of each source, and keeps what each server says of his name and rights."""

    operator_leaves = Signal()
    """Another operator has signed in and is about to become the one whose window this is."""
    rights_changed = Signal()
    """What may be written for a source may be different now, or who writes it."""

    def __init__(
        self,
        settings: SettingsStore,
        tokens: Tokens,
        followed_sources: FollowedSources,
        sources: Sources,
        window_state: WindowState,
        outbox: QtOutbox,
        undo_stack: UndoStack,
        forms: Forms,
        outbox_controller: OutboxController,
        status: StatusController,
        claims: Claims,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tokens, self._followed_sources, self._sources = (
            settings,
            tokens,
            followed_sources,
            sources,
        )
        self._window_state, self._outbox, self._undo_stack, self._forms = window_state, outbox, undo_stack, forms
        self._outbox_controller, self._status, self._claims = outbox_controller, status, claims
        self._replaced: dict[str, str] = {}
        """The token that a source had before one was entered whose owner it has not told yet."""
        self._asking: set[str] = set()
        """The sources whose server is being asked with a token that was just entered."""
        self._asked_after_start: set[str] = set()
        self._rights = {source.key: Rights(source.role) for source in settings.here.sources if source.role}
        """Source key -> rights, as its server said last; from the settings only the role is known."""

    def why_reading_only(self, source: str) -> str:
        """Why nothing may be written for a source now, "" when it may."""
        settings = self._settings.here
        if source in settings.signed_out:
            if is_left(settings):
                return self.tr("Signed out: sign in to write")
            name = self._sources.name(source)
            return self.tr("Nobody is signed in at {name}: sign in there to write").format(name=name)
        if is_left(settings) and not any(one.key == source and one.user for one in settings.sources):
            # It knows nobody by name: what is done there is done by who sits here, and that is nobody.
            return self.tr("Signed out: sign in to write")
        if self.rights_at(source).role == "viewer":
            return self.tr("Your role is viewer: reading only")
        return self._sources.why_reading_only(source)

    def who(self) -> str:
        """The operator's name as the status bar shows it; where it differs between sources, `source: name` for each."""
        settings = self._settings.here
        known = [one for one in settings.sources if one.user or one.key in settings.signed_out]
        absent = self.tr("signed out")
        names = {one.name: absent if one.key in settings.signed_out else one.user for one in known}
        if len(set(names.values())) == 1:
            return next(iter(names.values()))
        return " · ".join(f"{name}: {user}" for name, user in names.items()) or self._window_state.me

    def names(self) -> Mapping[str, str]:
        """Source key -> the operator's user name there. While he is signed in at some sources only, "" for the others,
        so that claims there do not count as his.
        """
        settings = self._settings.here
        if not settings.signed_out or is_left(settings):  # asked for each row that is drawn
            return self._outbox.authors
        return {**self._outbox.authors, **dict.fromkeys(settings.signed_out, "")}

    def rights_at(self, source: str) -> Rights:
        """The operator's rights at a source; with the role "" as long as its server has not said."""
        return self._rights.get(source, Rights())

    def why_not_allowed(self, source: str, kind: Kind) -> str:
        """Why the operator's role may not make such an edit there, and who may; "" when it may or is not known yet."""
        return self.tr(why_not_allowed(self.rights_at(source).role, kind))

    def sign_in(self) -> None:
        """Ask for the token of each server that has none or refuses it, else of the first one; then start the sync
        process again with them.
        """
        settings = self._settings.here
        refused = [key for key, state in self._sources.states().items() if state == "refused"]
        wanted = [one for one in settings.sources if one.key in refused or one.key in settings.signed_out]
        wanted = wanted or [one for one in self._with_operators() if one.key not in settings.signed_out][:1]
        if not wanted:
            self._status.say(self._why_demo_stays() or self.tr("No server to sign in to"))
            return
        self._ask_tokens(wanted, [], [])

    def on_source_state(self, state: SourceState) -> None:
        """A server is being asked, or refuses: a token that was entered wrongly is asked for again at once, unless the
        operator writes elsewhere meanwhile.
        """
        if state.source not in self._followed_sources.signing_in:
            if state.state == "refused":
                self._ask_after_start(state)
            return
        if state.state == "connecting":
            self._asking.add(state.source)
        elif state.state == "refused" and state.source in self._asking:
            self._asking.discard(state.source)
            self._followed_sources.signing_in.discard(state.source)
            refused = [one for one in self._settings.here.sources if one.key == state.source]
            if not self._forms.has_keyboard:
                self._ask_tokens(refused, [], [], why=state.problem)

    def _ask_after_start(self, state: SourceState) -> None:
        """A server refuses whoever was signed in when the program ended: if no keyring has kept his token it is asked
        for, once.
        """
        settings, key = self._settings.here, state.source
        known = [one for one in settings.sources if one.key == key and one.user and key not in settings.signed_out]
        if not known or key in self._asked_after_start or self._forms.has_keyboard or self._tokens.get(key):
            return
        self._asked_after_start.add(key)
        # protects: no-keyring-no-silent-console
        self._ask_tokens(known, [], [], why=state.problem)

    def _ask_tokens(
        self, wanted: Sequence[Source], given: Sequence[Source], unkept: Sequence[Source], why: str = ""
    ) -> None:
        """Ask for the tokens of the `wanted` sources one after another; leaving the form ends the asking.

        `given` are the sources for which one was entered, `unkept` those of them whose token no keyring keeps; `why`
        says why the first one is asked for again.
        """
        if not wanted:
            self._take_up(given, unkept)
            return
        source, rest = wanted[0], wanted[1:]

        def signed_in(token: str) -> None:
            kept = self._put(source.key, token)
            self._ask_tokens(rest, [*given, source], unkept if kept else [*unkept, source])

        several = len(self._with_operators()) > 1
        waiting = (
            self._outbox_controller.what_waits(signed_out=True)[1]
            if self._outbox_controller.open_edits and not given
            else ""
        )
        self._forms.ask_token(
            source.name,
            " ".join(part for part in (why, waiting) if part),
            signed_in,
            skip=(lambda: self._ask_tokens(rest, given, unkept)) if several else None,
            left=lambda: self._take_up(given, unkept),
        )

    def _take_up(self, given: Sequence[Source], unkept: Sequence[Source]) -> None:
        """Start the sync process again with the new tokens. Each source counts as signed in once its server has said
        whose the token is.
        """
        keys = [one.key for one in given]
        self._asking.difference_update(keys)
        if keys:
            self._followed_sources.signing_in.update(keys)
            if nameless := [one.key for one in given if one.kind != _WITH_OPERATORS]:
                self._settings.keep(lambda settings: _signed_in(settings, nameless))
            self._followed_sources.start(self._settings.here.sources)
            self.rights_changed.emit()
        if unkept:
            self._status.say(self.tr("No keyring here: the token is kept until Sigap ends"))

    def _is_absent(self, key: str) -> bool:
        """Whether nobody is signed in at a source, and no token was just entered for it."""
        return key in self._settings.here.signed_out and key not in self._followed_sources.signing_in

    def _with_operators(self) -> list[Source]:
        """The sources that have operators to sign in. An Open311 server has none: its key belongs to the city.

        Where the profile has no other sources, the first one is signed in to.
        """
        sources = self._settings.here.sources
        found = [one for one in sources if one.kind == _WITH_OPERATORS]
        return found or sources[:1]

    @property
    def seat(self) -> str:
        """The key of the source after which the operator here is named: the first at which somebody is signed in whose
        server knows operators by their tokens. "" for none.
        """
        return next((one.key for one in self._signed_in_at() if one.kind == _WITH_OPERATORS), "")

    def seat_tokens(self) -> Callable[[], list[tuple[str, str]]] | None:
        """A function that reads the tokens of who sits here, each behind the key of its source, which may wait for the
        keyring: for a worker. None where nobody signs in with one: in the demo, and at servers that know nobody by
        name.
        """
        here = [one for one in self._signed_in_at() if one.kind == _WITH_OPERATORS]
        if self._settings.is_demo or not any(one.user for one in here):
            return None
        tokens = self._tokens
        return lambda: [(one.key, token) for one in here if (token := tokens.get(one.key))]

    def take_seat(self, key: str, token: str) -> None:
        """Follow a source with a token whose owner its server has just told: he sits here from now on."""
        given = [one for one in self._settings.here.sources if one.key == key]
        self._take_up(given, [] if self._put(key, token) else given)

    def give_seat_back(self, key: str) -> None:
        """Follow a source with the token of before again: no server has said that somebody else sits here."""
        if token := self._replaced.pop(key, ""):
            given = [one for one in self._settings.here.sources if one.key == key]
            self._take_up(given, [] if self._tokens.put(key, token) else given)

    def _put(self, key: str, token: str) -> bool:
        """Keep a token in the place of the one before, whose owner has signed out if this is another's."""
        before = self._tokens.get(key)
        if before and before != token and key not in self._settings.here.signed_out:
            self._replaced.setdefault(key, before)
        return self._tokens.put(key, token)

    def _signed_in_at(self) -> list[Source]:
        """The sources that know the present operator, or for which there is a token that may be his.

        When no server has said yet who he is, the first source to which he may be signed in.
        """
        signed_out = self._settings.here.signed_out
        here = [one for one in self._with_operators() if one.key not in signed_out]
        return [one for one in here if one.user or self._tokens.get(one.key)] or here[:1]

    def _why_demo_stays(self) -> str:
        """Why the demo cannot be signed in to or out of; "" outside the demo."""
        return self.tr("The demo has one operator, who stays signed in") if self._settings.is_demo else ""

    def sign_out(self) -> None:
        """Delete the tokens of all servers to which the operator is signed in, after he was asked about reports that he
        holds and edits that are not sent.
        """
        sources = self._signed_in_at()
        if not sources:
            self._status.say(self._why_demo_stays() or self.tr("Nobody is signed in"))
            return

        def ask_what_waits(to_release: Sequence[CachedReport]) -> None:
            if not self._outbox_controller.open_edits:
                self._leave(sources, to_release)
                return
            title, sentence = self._outbox_controller.what_waits(signed_out=True)
            verb = self.tr("Release and sign out" if to_release else "Sign out")
            # protects: releases-at-the-last-yes
            self._forms.ask(title, sentence, verb, self.tr("Stay"), lambda: self._leave(sources, to_release))

        def ask_what_is_held(held: list[CachedReport]) -> None:
            if held:
                self._ask_what_is_held(held, ask_what_waits)
            else:
                ask_what_waits(())

        self._claims.read([one.key for one in sources], ask_what_is_held)

    def _leave(self, sources: Sequence[Source], to_release: Sequence[CachedReport]) -> None:
        """Release these reports, then sign out. Releases that the server has not confirmed in time are sent when he
        signs in again.
        """
        if not to_release:
            self._sign_out_of(sources)
            return
        known = {one.edit.id for one in self._outbox_controller.open_edits}
        self._status.say(self.tr("Signing out: first your reports go back"))

        def released() -> None:
            left = sum(one.edit.id not in known for one in self._outbox_controller.open_edits)
            self._sign_out_of(sources)
            if left:
                text = self.tr("Signed out, and not released yet: {n} reports. That goes when you sign in again")
                self._status.say(text.format(n=left))

        self._claims.release(to_release, released)

    def _sign_out_of(self, sources: Sequence[Source]) -> None:
        """Delete the tokens of these sources and start the sync process without them; say what the keyring or the
        settings file would not change.
        """
        tokens = {one.key: token for one in sources if (token := self._tokens.get(one.key))}
        stay = [one.name for one in sources if not self._tokens.drop(one.key)]
        keys = [one.key for one in sources]
        why_not = self._settings.keep(lambda settings: _signed_out(settings, keys))
        self._followed_sources.signing_in.difference_update(keys)
        self._followed_sources.name_absent()
        self._followed_sources.start(self._settings.here.sources)
        # protects: a-sign-out-is-told
        self._followed_sources.sign_out(tokens)
        self.rights_changed.emit()
        said = self.tr("Signed out of {server}").format(server=", ".join(one.name for one in sources))
        if why_not and stay:
            said = self.tr("Signed out of {server} until Sigap ends only: its token is still kept").format(
                server=", ".join(stay)
            )
        elif stay:
            said = self.tr(
                "Signed out of {server}. The keyring did not let go of its token, which is not used any more"
            ).format(server=", ".join(stay))
        self._status.say(said)

    def _ask_what_is_held(self, held: list[CachedReport], then: Callable[[Sequence[CachedReport]], object]) -> None:
        """Ask which of the reports that he holds the operator releases, as nobody else works on a report that is held
        by somebody who is gone. `then` gets those to be released; nothing is released here.
        """
        count = len(held)
        title = self.tr("{n} reports are yours" if count > 1 else "1 report is yours").format(n=count)
        there = [
            one for one in held if not self._sources.is_away(one.source)
        ]  # another release would wait for its author
        back = self.tr("back into the queue, for everybody")
        if len(there) < len(held):
            away = dict.fromkeys(self._sources.name(one.source) for one in held if self._sources.is_away(one.source))
            back = self.tr("{back}; not those of {names}: no connection").format(back=back, names=", ".join(away))
        release = ListChoice("release", self.tr("Release and sign out"), back)
        seen = self.tr("yours until a colleague takes them over") if there else self.tr("not released: no connection")
        keep = ListChoice("keep", self.tr("Keep and sign out"), seen)
        rows = [release, keep] if there else [keep]
        about = self._named(held)
        if untold := self._outbox_controller.untold_units():
            about = self.tr("{units} not told yet · {reports}").format(units=untold, reports=about)

        def chosen(choice: str) -> None:
            then(there if choice == release.id else ())

        stay = self.tr("Stay")  # "Leave" would read as a third way to sign out
        self._forms.choose(title, about, rows, chosen, current=rows[0].id, leave_text=stay)

    def _named(self, held: Sequence[CachedReport]) -> str:
        """The ids of these reports: first the P1 that no crew is on its way to (all of them), then some of the
        others.
        """
        view = self._window_state.view
        alone = view.without_crew([one.row for one in held if one.report.priority == HAZARD]) if view else frozenset()
        burning = ", ".join(one.report.id for one in held if one.row in alone)
        others = [one.report.id for one in held if one.row not in alone]
        rest = formatting.first_of(others, _NAMED, self.tr)
        if not burning:
            return rest
        told = self.tr("P1 without a crew: {reports}").format(reports=burning)
        return f"{told} · {rest}" if rest else told

    def on_signed_in(self, me: SignedIn) -> None:
        """A server said whose token it is. From now on edits for it bear his name; unsent ones of another operator wait
        for that one.

        The operator before is thereby signed out there, and at the other sources at which he is signed in.
        """
        settings = self._settings.here
        self._followed_sources.signing_in.discard(me.source)
        before, known = self._outbox.author_for(me.source), self._rights.get(me.source)
        rights = self._rights[me.source] = Rights(me.role, me.areas, me.agencies)
        is_another = me.user not in ("local", before)
        if (token := self._replaced.pop(me.source, "")) and is_another:
            # protects: a-change-of-operator-is-told
            self._followed_sources.sign_out({me.source: token})
        left = self._left_by(before, me.source) if is_another and me.source not in settings.signed_out else []
        if is_another:
            if me.source == self._first_signed_in(me.source):
                self.operator_leaves.emit()
            self._undo_stack.forget_all()
            # protects: sign-in-before-sending
            self._outbox.sign_in(me.source, me.user)
        elif known is not None and rights != known:
            self._status.say(self._rights_text(me))
        self._keep_user(me.source, me.user, me.role)
        if me.user != "local":
            self._sit_down(me)
        if is_another:
            said = self.tr("Signed in as {user}").format(user=me.user)
            if absent := [one.name for one in settings.sources if self._is_absent(one.key)]:
                nobody = self.tr("nobody is signed in at {names}: reading only there")
                said = f"{said} · {nobody.format(names=', '.join(absent))}"
            self._status.say(said)
        # protects: dropped-by-another-is-told
        self._tell_done_by_others(me.source)
        self.rights_changed.emit()
        if left:
            # protects: who-leaves-one-city-leaves-all
            self._sign_out_of(left)
            self._ask_tokens(left, [], [])

    def _left_by(self, operator: str, source: str) -> list[Source]:
        """The other sources at which the operator is still signed in who was signed in at this one before."""
        if source not in self._outbox.authors or not operator:
            return []
        signed_out, authors = self._settings.here.signed_out, self._outbox.authors
        others = [one for one in self._with_operators() if one.key not in (source, *signed_out) and one.user]
        return [
            one
            for one in others
            if authors.get(one.key) == one.user and one.key not in self._followed_sources.signing_in
        ]

    def _first_signed_in(self, source: str) -> str:
        """The key of the first source at which the operator is signed in, `source` counted as one: his name there is
        shown.
        """
        settings = self._settings.here
        named = [
            one.key
            for one in settings.sources
            if one.key == source or (one.user and one.key not in settings.signed_out)
        ]
        return named[0] if named else source

    def _sit_down(self, me: SignedIn) -> None:
        """Name the operator of the window after the first source at which he is signed in."""
        settings = self._settings.here
        if any(one.key == me.source for one in settings.sources):
            self._window_state.me = self._outbox.author = operator_of(settings)
        elif me.source == self._sources.first:  # the demo's, which no settings know
            self._window_state.me = self._outbox.author = me.user
        self._followed_sources.name_absent()

    def on_work_opened(self) -> None:
        """work.db is open: tell operators who signed in before that what others did with the edits that they had left
        here.
        """
        for source in self._rights:
            self._tell_done_by_others(source)

    def _tell_done_by_others(self, source: str) -> None:
        """Tell which edits of this operator others have dropped, and which they have sent in their own names."""
        done = self._outbox.take_done_by_others(source)
        told = [
            self._done_text(source, [one for one in done if one.reason is reason], sentence)
            for reason, sentence in (
                (StopReason.DROPPED, self.tr("{who} dropped: {what}")),
                (StopReason.ADOPTED, self.tr("{who} took over from you: {what}")),
            )
        ]
        if sentences := [one for one in told if one]:
            self._status.say(". ".join(sentences), _DONE_SHOWN_S)

    def _done_text(self, source: str, done: Sequence[Queued], sentence: str) -> str:
        if not done:
            return ""
        who = ", ".join(dict.fromkeys(one.by.who or "" for one in done if one.by))
        what = "; ".join(edit_text(one, self._window_state.catalog(source), self.tr) for one in done[:_DONE_SHOWN])
        more = f" +{len(done) - _DONE_SHOWN}" if len(done) > _DONE_SHOWN else ""
        return sentence.format(who=who, what=what + more)

    def _rights_text(self, me: SignedIn) -> str:
        catalog = self._window_state.catalog(me.source)
        names = [catalog.place(code) for code in me.areas]
        names += [catalog.agency_name(code) for code in me.agencies]
        where = ", ".join(names) if names else self.tr("the whole city")
        return self.tr("Your rights were changed: {role}, {where}").format(role=me.role, where=where)

    def _keep_user(self, key: str, user: str, role: str) -> None:
        """Keep user and role of a source in the settings, for a next start without a network."""
        settings = self._settings.here
        known, had = next(((one.user, one.role) for one in settings.sources if one.key == key), (user, role))
        if user == "local":
            user = known
        if (user, role) == (known, had) and key not in settings.signed_out:
            return

        def change(settings: Settings) -> None:
            _signed_in(settings, [key])
            settings.sources = changed(settings.sources, key, user=user, role=role)

        self._settings.keep(change)


def _signed_in(settings: Settings, keys: Collection[str]) -> None:
    settings.signed_out = [one for one in settings.signed_out if one not in keys]


def _signed_out(settings: Settings, keys: Sequence[str]) -> None:
    settings.signed_out = [*settings.signed_out, *(key for key in keys if key not in settings.signed_out)]

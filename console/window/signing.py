"""Signing in and out, whose token the server says it is, and what that operator may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from console.actions import why_not_allowed
from console.domain.edit import Kind
from console.domain.messages import SignedIn
from console.domain.report import HAZARD
from console.domain.rights import Rights
from console.edits import Edits
from console.presenters import words
from console.presenters.deeds import Deeds
from console.presenters.desk import Desk
from console.presenters.forms import Forms
from console.presenters.history import edit_text
from console.presenters.outbox import OutboxPresenter
from console.presenters.sources import Sources
from console.presenters.status import StatusPresenter
from console.settings import Settings, Tokens
from console.store.cache_read import CachedReport
from console.store.work import DROPPED
from console.window.claims import Claims
from console.window.following import Following, changed
from console.window.kept_settings import KeptSettings
from widgets.forms.choice import Choice

_DROPPED_SHOWN_S = 60.0
"""So long the status bar says what was dropped: it may be said while a window opens."""
_DROPPED_SHOWN = 3
_NAMED = 3


class Signing(QObject):
    """Who the operator is at each source."""

    operator_leaves = Signal()
    """Another operator has signed in and is about to become the one whose window this is."""
    rights_changed = Signal()
    """What may be written for a source may be different now, or who writes it."""

    def __init__(
        self,
        settings: KeptSettings,
        tokens: Tokens,
        following: Following,
        sources: Sources,
        desk: Desk,
        edits: Edits,
        deeds: Deeds,
        forms: Forms,
        outbox: OutboxPresenter,
        status: StatusPresenter,
        claims: Claims,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings, self._tokens, self._following, self._sources = settings, tokens, following, sources
        self._desk, self._edits, self._deeds, self._forms = desk, edits, deeds, forms
        self._outbox, self._status, self._claims = outbox, status, claims
        self._rights = {source.key: Rights(source.role) for source in settings.here.sources if source.role}
        """What each source said last; its areas and agencies only since it was reached."""

    def why_reading_only(self, source: str) -> str:
        """Why nothing may be written for a source now, "" when it may."""
        if source in self._settings.here.signed_out:
            return self.tr("Signed out: sign in to write")
        if self.rights_at(source).role == "viewer":
            return self.tr("Your role is viewer: reading only")
        return self._sources.why_reading_only(source)

    def rights_at(self, source: str) -> Rights:
        """What the operator may do at a source, as far as it has said."""
        return self._rights.get(source, Rights())

    def why_not_allowed(self, source: str, kind: Kind) -> str:
        """Why the operator's role may not make such an edit there, and who may; "" when it may or is not known yet."""
        return self.tr(why_not_allowed(self.rights_at(source).role, kind))

    def sign_in(self) -> None:
        """Ask for the token of the server that refuses, else of the first one, and follow all sources anew."""
        key, name = self._sources.refused()
        sources = self._settings.here.sources
        source = next((one for one in sources if one.key == (key or self._sources.first)), None)
        if source is None:
            self._status.say(self._why_demo_stays() or self.tr("No server to sign in to"))
            return

        def signed_in(token: str) -> None:
            kept = self._tokens.put(source.key, token)
            self._following.start(self._settings.here.sources, signing_in=source.key)
            if not kept:
                self._status.say(self.tr("No keyring here: the token is kept until Sigap ends"))

        waiting = self._outbox.what_waits(signed_out=True)[1] if self._outbox.outbox else ""
        self._forms.ask_token(name or source.name, waiting, signed_in)

    def _why_demo_stays(self) -> str:
        """Why there is nothing to sign in to or out of, "" outside the demo, whose operator the bar names all along."""
        return self.tr("The demo has one operator, who stays signed in") if self._settings.is_demo else ""

    def sign_out(self) -> None:
        """Forget the token, once the operator knows what waits."""
        settings = self._settings.here
        source = next((one for one in settings.sources if one.key == self._sources.first), None)
        if source is None or source.key in settings.signed_out:
            self._status.say(self._why_demo_stays() or self.tr("Nobody is signed in"))
            return

        def sign_out() -> None:
            gone = self._tokens.drop(source.key)
            why_not = self._settings.keep(lambda settings: settings.signed_out.append(source.key))
            self._following.start(self._settings.here.sources)
            self.rights_changed.emit()
            said = self.tr("Signed out of {server}").format(server=source.name)
            if why_not and not gone:
                said = self.tr("Signed out of {server} until Sigap ends only: its token is still kept").format(
                    server=source.name
                )
            elif not gone:
                said = self.tr(
                    "Signed out of {server}. The keyring did not let go of its token, which is not used any more"
                ).format(server=source.name)
            self._status.say(said)

        def ask_what_waits() -> None:
            if not self._outbox.outbox:
                sign_out()
                return
            title, sentence = self._outbox.what_waits(signed_out=True)
            self._forms.ask(title, sentence, self.tr("Sign out"), self.tr("Stay"), sign_out)

        def ask_what_is_held(held: list[CachedReport]) -> None:
            if held:
                self._ask_what_is_held(source.key, held, ask_what_waits)
            else:
                ask_what_waits()

        self._claims.read(source.key, ask_what_is_held)

    def _ask_what_is_held(self, source: str, held: list[CachedReport], then: Callable[[], object]) -> None:
        """Nobody else works on what somebody has who is gone: he says what becomes of it."""
        count = len(held)
        title = self.tr("{n} reports are yours" if count > 1 else "1 report is yours").format(n=count)
        release = Choice("release", self.tr("Release and sign out"), self.tr("back into the queue, for everybody"))
        away = self._sources.is_away(source)  # a release would wait for its author
        seen = self.tr("not released: no connection") if away else self.tr("the others see that you are not connected")
        keep = Choice("keep", self.tr("Keep and sign out"), seen)
        rows = [keep] if away else [release, keep]
        about = self._named(held)
        if untold := self._outbox.untold_units():
            about = self.tr("{units} not told yet · {reports}").format(units=untold, reports=about)

        def chosen(choice: str) -> None:
            if choice == release.id:
                self._claims.release(held, then)
            else:
                then()

        self._forms.choose(title, about, rows, chosen, current=rows[0].id)

    def _named(self, held: Sequence[CachedReport]) -> str:
        """The reports by their numbers, those of P1 that no crew is on its way to first and all of them."""
        view = self._desk.view
        alone = view.without_crew([one.row for one in held if one.report.priority == HAZARD]) if view else frozenset()
        burning = ", ".join(one.report.id for one in held if one.row in alone)
        others = [one.report.id for one in held if one.row not in alone]
        rest = words.first_of(others, _NAMED, self.tr)
        if not burning:
            return rest
        told = self.tr("P1 without a crew: {reports}").format(reports=burning)
        return f"{told} · {rest}" if rest else told

    def on_signed_in(self, me: SignedIn) -> None:
        """Whose token it is: what is entered from now on is his; what another operator left waits for that one."""
        before, known = self._edits.author_for(me.source), self._rights.get(me.source)
        rights = self._rights[me.source] = Rights(me.role, me.areas, me.agencies)
        if me.user != "local" and me.user != before:
            self.operator_leaves.emit()
            self._deeds.forget_all()
            # protects: sign-in-before-sending
            self._edits.sign_in(me.source, me.user)
            if me.source == self._sources.first:
                self._desk.me = me.user
            self._status.say(self.tr("Signed in as {user}").format(user=me.user))
        elif known is not None and rights != known:
            self._status.say(self._rights_text(me))
        # protects: dropped-by-another-is-told
        self._tell_dropped(me.source)
        self._keep_user(me.source, me.user, me.role)
        self.rights_changed.emit()

    def on_work_opened(self) -> None:
        """Tell those who signed in before the file was open what was dropped."""
        for source in self._rights:
            self._tell_dropped(source)

    def _tell_dropped(self, source: str) -> None:
        """What others threw away of what this operator left here."""
        dropped = self._edits.take_dropped(source)
        if not dropped:
            return
        who = ", ".join(dict.fromkeys(str(one.theirs[DROPPED]["who"]) for one in dropped))
        what = "; ".join(edit_text(one, self._desk.catalog(source), self.tr) for one in dropped[:_DROPPED_SHOWN])
        more = f" +{len(dropped) - _DROPPED_SHOWN}" if len(dropped) > _DROPPED_SHOWN else ""
        sentence = self.tr("{who} dropped: {what}").format(who=who, what=what + more)
        self._status.say(sentence, _DROPPED_SHOWN_S)

    def _rights_text(self, me: SignedIn) -> str:
        catalog = self._desk.catalog(me.source)
        names = [catalog.place(code) for code in me.areas]
        names += [catalog.agency_name(code) for code in me.agencies]
        where = ", ".join(names) if names else self.tr("the whole city")
        return self.tr("Your rights were changed: {role}, {where}").format(role=me.role, where=where)

    def _keep_user(self, key: str, user: str, role: str) -> None:
        """Remember for the next start, which may be without a network, who is signed in and in which role."""
        settings = self._settings.here
        known, had = next(((one.user, one.role) for one in settings.sources if one.key == key), (user, role))
        if user == "local":
            user = known
        if (user, role) == (known, had) and key not in settings.signed_out:
            return

        def change(settings: Settings) -> None:
            settings.signed_out = [one for one in settings.signed_out if one != key]
            settings.sources = changed(settings.sources, key, user=user, role=role)

        self._settings.keep(change)

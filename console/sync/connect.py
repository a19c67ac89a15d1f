"""Add a city's server to a profile: find out what it is, check the token, give it a name and a key."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping

import msgspec

from api_client import errors
from api_client.dispatch import DispatchClient
from api_client.probe import ProbeResult, probe
from api_client.transport import is_bare
from console.paths import folder_of, profile_folder
from console.rules.messages import Source
from console.settings import Settings, Tokens, begin_settings, change_settings

_USAGE, _CANNOT_REACH = 2, 3


class Added(msgspec.Struct, frozen=True):
    """What was found and may be added. `user` and `role` are the token's, "" where the server has no users."""

    source: Source
    reports: int | None = None
    timezone: str = ""
    user: str = ""
    role: str = ""


def add_source(
    url: str,
    *,
    kind: str = "auto",
    name: str = "",
    token: str | None = None,
    insecure_http: bool = False,
    params: Mapping[str, str] | None = None,
    taken: Iterable[Source] = (),
) -> Added:
    """Ask the address and give the source it would be; a server that is in `taken` already keeps its key.

    `params` go with every request to an open311 server; one address may hold several cities, told apart by them.

    Raises ApiError: BadAddress, Unreachable, NotThisServer, SignIn for a missing or wrong token, NeedsParameter.
    """
    found = probe(url, kind=kind, token=token, insecure_http=insecure_http, params=params)
    known = list(taken)
    at_address = [source for source in known if source.url == found.base_url]
    same = next((source for source in at_address if source.params in ({}, found.params)), None)
    title = name or (same.name if same else found.name)
    key = same.key if same else new_key(title, {source.key for source in known})
    user, role = _whose(found, token, insecure_http=insecure_http)
    bare = insecure_http and is_bare(found.base_url)  # else the window would warn of it for ever
    source = Source(key, title, found.base_url, found.kind, bare, found.timezone, user, found.params)
    return Added(source, found.reports, found.timezone, user, role)


def new_key(name: str, taken: set[str]) -> str:
    """A short stable word for a source: from its name, with a number when another has it."""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "city"
    return next(key for key in (word, *(f"{word}-{n}" for n in range(2, len(taken) + 3))) if key not in taken)


def connect(
    url: str,
    *,
    kind: str,
    name: str,
    profile: str,
    insecure_http: bool,
    params: Mapping[str, str],
    token: str | None,
    as_json: bool,
) -> int:
    """`sigap connect`: add the server to the profile's settings and its token to the keyring. Returns the exit code."""
    settings, mended = begin_settings(folder_of(profile))
    if mended:
        _say(f"sigap: {mended}")
    try:
        added = add_source(
            url,
            kind=kind,
            name=name,
            token=token,
            insecure_http=insecure_http,
            params=params,
            taken=settings.sources,
        )
    except errors.ApiError as error:
        _say(f"sigap: {error}{_how_to_mend(error, token)}")
        return _USAGE if isinstance(error, errors.BadAddress) else _CANNOT_REACH
    source = added.source
    folder = profile_folder(profile)
    kept = Tokens(profile).put(source.key, token) if token else True

    def change(settings: Settings) -> None:
        settings.sources = [one for one in settings.sources if one.key != source.key] + [source]
        if token:
            settings.signed_out = [key for key in settings.signed_out if key != source.key]

    change_settings(folder, change)
    if as_json:
        sys.stdout.write(json.dumps(msgspec.to_builtins(added) | {"profile": profile, "token_kept": kept}) + "\n")
    else:
        reports = "" if added.reports is None else f" with {added.reports:,} reports"
        signed_in = f" Signed in as {added.user} ({added.role})." if added.user else ""
        sys.stdout.write(f"{source.name} ({source.kind}){reports} is in profile {profile}.{signed_in}\n")
    if not kept:
        _say("sigap: this computer has no keyring: the token was not kept, and the window asks for it at each start.")
    if source.insecure_http:
        _say("sigap: this connection is not encrypted.")
    return 0


def _whose(found: ProbeResult, token: str | None, *, insecure_http: bool) -> tuple[str, str]:
    if found.kind != "dispatch":
        return "", ""
    client = DispatchClient(found.base_url, token, insecure_http=insecure_http)
    try:
        me = client.me()
    finally:
        client.close()
    return me.name, me.role


def _how_to_mend(error: errors.ApiError, token: str | None) -> str:
    if isinstance(error, errors.SignIn) and not token:
        return " Its token comes on standard input."
    return " Say it with --jurisdiction ID." if isinstance(error, errors.NeedsParameter) else ""


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")

"""What `sigap user`, `client` and `audit` do with a city's database and print; each returns the exit code."""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from console.server.city import audit
from console.server.city.audit_chain import Head, verify
from console.server.city.city import City
from console.server.city.clients import add_client, list_clients, remove_client, set_client_rate
from console.server.city.pins import set_pin
from console.server.city.records import COMMAND_LINE, Actor
from console.server.city.users import add_user, list_users, new_token, remove_user
from console.server.error_text import DONE, FAULTS, LOCAL_DATA, USAGE, complaint
from console.server.errors import NotFound, Refusal


def user_add(database: str, name: str, role: str, areas: Sequence[str], agencies: Sequence[str]) -> int:
    """Add or change a user and print the token, once."""

    def add(city: City) -> int:
        token = add_user(city, name, role, areas, agencies, by=who_commands())
        known = {area.code for area in city.areas()}
        for code in sorted(set(areas) - known):
            _remark(f"there is no area {code} yet; until it is loaded, {name} has nothing to work on there.")
        return _say(token)

    return on_city(database, add, may_be_new=True)


def user_list(database: str, *, as_json: bool) -> int:
    """Print all users."""

    def show(city: City) -> int:
        users = list_users(city)
        if as_json:
            return _say(msgspec.json.encode(users).decode())
        if not users:
            _remark(
                "there are no users; everybody on this computer is “local”. Add one: sigap user add NAME --role ROLE."
            )
        for user in users:
            scope = ", ".join([*user.areas, *user.agencies]) or "the whole city"
            _say(f"{user.name}\t{user.role}\t{scope}\t{'signs in' if user.signs_in else 'has no token'}")
        return DONE

    return on_city(database, show)


def user_remove(database: str, name: str) -> int:
    """Remove a user; the token is dead at once."""

    def remove(city: City) -> int:
        remove_user(city, name, by=who_commands())
        return _say(f"{name} is removed. What {name} did keeps the name.")

    return on_city(database, remove)


def user_token(database: str, name: str) -> int:
    """Give a user a new token and print it, once; the old one is dead."""
    return on_city(database, lambda city: _say(new_token(city, name, by=who_commands())))


def user_pin(database: str, name: str) -> int:
    """Give a user the PIN that stands on standard input, by which he signs a hand-over at a colleague's desk."""
    pin = getpass.getpass(f"PIN of {name}: ") if sys.stdin.isatty() else sys.stdin.readline()

    def give(city: City) -> int:
        set_pin(city.database, name, pin.strip(), who_commands(), city.clock())
        return _say(f"{name} has a PIN.")

    return on_city(database, give)


def client_add(database: str, name: str, *, may_post: bool, rate: str | None) -> int:
    """Add a program that uses the citizens' side, and print its api_key, once."""
    return on_city(
        database,
        lambda city: _say(add_client(city, name, may_post=may_post, rate=rate, by=who_commands())),
        may_be_new=True,
    )


def client_rate(database: str, name: str, rate: str | None) -> int:
    """Set how often a program may send; None: as often as all."""

    def set_rate(city: City) -> int:
        set_client_rate(city, name, rate, by=who_commands())
        return _say(f"{name} may send {rate or 'as often as all'}.")

    return on_city(database, set_rate)


def client_list(database: str, *, as_json: bool) -> int:
    """Print all programs with an api_key."""

    def show(city: City) -> int:
        clients = list_clients(city)
        if as_json:
            return _say(msgspec.json.encode(clients).decode())
        if not clients:
            _remark("no program has an api_key. Give one: sigap client add NAME.")
        for client in clients:
            rights = "may post" if client.may_post else "may not post"
            _say(f"{client.name}\t{client.created:%Y-%m-%d %H:%M} UTC\t{rights}\t{client.rate or ''}".rstrip())
        return DONE

    return on_city(database, show)


def client_remove(database: str, name: str) -> int:
    """Remove a program; its api_key is dead at once."""

    def remove(city: City) -> int:
        remove_client(city, name, by=who_commands())
        return _say(f"{name} is removed.")

    return on_city(database, remove)


def audit_verify(database: str, head: str | None, *, as_json: bool) -> int:
    """Walk the chain of the audit log; 0 when it is whole, 4 when it is not."""
    try:
        written_down = Head.parse(head) if head is not None else None
    except ValueError as fault:
        return _complain(f"{fault}.", USAGE)

    def walk(city: City) -> int:
        with city.database.read() as connection:
            verdict = verify(connection, written_down)
        if as_json:
            result = {"rows": verdict.head.number, "head": str(verdict.head), "broken": verdict.broken}
            result |= {"fault": verdict.fault, "waiting": verdict.waiting, "end_checked": written_down is not None}
            _say(msgspec.json.encode(result).decode())
        elif verdict.broken is None:
            waiting = f" {verdict.waiting:,} more are not sealed yet." if verdict.waiting else ""
            _say(f"The audit log is whole: {verdict.head.number:,} rows.{waiting}\nhead {verdict.head}")
            if written_down is None:
                _remark(
                    "every edit has its row and agrees with the chain. Whether chain and histories were replaced "
                    "together cannot be seen in the database alone: keep the head above elsewhere, and give an earlier "
                    "one with --head."
                )
        if verdict.broken is None:
            return DONE
        whole = f"Whole up to row {verdict.head.number:,}."
        return _complain(f"the audit log is broken at row {verdict.broken:,}. {verdict.fault} {whole}", LOCAL_DATA)

    return on_city(database, walk)


def audit_who(database: str, report: str, *, as_json: bool) -> int:
    """Print who saw, changed or exported a report."""

    def show(city: City) -> int:
        with city.database.read() as connection:
            rows = audit.rows_about(connection, report)
        if not as_json and not rows:
            return _say(f"The audit log says nothing of report {report}.")
        for row in rows:
            _show(row, as_json, doubt=not audit.certainly_holds(row, report))
        return DONE

    return on_city(database, show)


def audit_log(database: str, since: str | None, *, as_json: bool) -> int:
    """Print the log, the oldest row first; `since` is an ISO date or time (UTC unless it says otherwise)."""
    try:
        at = datetime.fromisoformat(since) if since is not None else None
    except ValueError:
        return _complain(f"“{since}” is no time; write it like 2026-11-24 or 2026-11-24T08:00:00+07:00.", USAGE)
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)

    def show(city: City) -> int:
        with city.database.read() as connection:
            for row in audit.rows_after(connection, 0, at):
                _show(row, as_json)
        return DONE

    return on_city(database, show)


def _show(row: audit.AuditRow, as_json: bool, *, doubt: bool = False) -> None:
    detail: dict[str, Any] = msgspec.json.decode(row.detail)
    if as_json:
        whole = msgspec.structs.asdict(row) | {
            "at": row.moment,
            "edit": audit.told_edit(row),
            "detail": detail,
            "certain": not doubt,
        }
        _say(msgspec.json.encode(whole).decode())
        return
    about = f" {row.object}" if row.object is not None else ""
    words = ", ".join(
        f"{name} {_plain(value)}" for name, value in detail.items() if name != "request" and value not in ([], "")
    )
    perhaps = " (perhaps: too many reports to be listed)" if doubt else ""
    at = row.moment.isoformat(timespec="seconds")
    _say(f"{row.number}\t{at}\t{row.who} ({row.role or '-'}, {row.via})\t{row.what}{about}{perhaps}\t{words}")


def _plain(value: Any) -> str:
    """One line, whatever stands in it."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def on_city(database: str, work: Callable[[City], int], *, may_be_new: bool = False) -> int:
    """Do something with the city at this address; a refusal is told in its own words."""
    try:
        city = City(database)
        try:
            if not may_be_new and city.database.missing is not None:
                return _complain(
                    f"there is no file {city.database.missing}. Say where the city is: --database URL.", LOCAL_DATA
                )
            city.create_schema()
            code = work(city)
            with contextlib.suppress(Refusal, sa.exc.SQLAlchemyError):  # a server that runs will do it
                city.seal_audit()
            return code
        finally:
            city.close()
    except NotFound as refusal:
        return _complain(refusal.message, LOCAL_DATA)
    except Refusal as refusal:
        return _complain(refusal.message, USAGE)
    except BrokenPipeError:  # whoever read what is printed has read enough
        raise
    except FAULTS as fault:
        return _complain(*complaint(fault, database))


def who_commands() -> Actor:
    """Whoever sits at this computer."""
    try:
        return msgspec.structs.replace(COMMAND_LINE, name=getpass.getuser())
    except (OSError, KeyError, ImportError):  # this computer knows no name for its user
        return COMMAND_LINE


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return DONE


def _remark(sentence: str) -> None:
    sys.stderr.write(f"sigap: {sentence}\n")


def _complain(sentence: str, code: int) -> int:
    _remark(sentence)
    return code

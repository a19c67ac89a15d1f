"""What `sigap city` does with a folder and a city's database, and prints; each returns the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from console.server.admin.apply import apply_setup, compare_setup, present_setup
from console.server.admin.folder import Reading, read_folder
from console.server.admin.folder_out import write_folder, write_starter
from console.server.admin.setup import CitySetup
from console.server.admin.user_commands import on_city, who_commands
from console.server.city.city import City
from console.server.city.erased_files import finish_erasing
from console.server.error_text import DONE, FAULTS, LOCAL_DATA, USAGE, complaint
from console.server.errors import Refusal

_SHOWN = 200
MOST_REASON = 200


def city_init(folder: Path) -> int:
    """Write a folder to begin with."""
    try:
        names = write_starter(folder)
    except Refusal as refusal:
        return _complain(refusal.message, USAGE)
    except FAULTS as fault:
        return _complain(*complaint(fault, ""))
    return _say(
        f"{folder} holds {', '.join(names)}: a small example to change. Then:\n"
        f"  sigap city check {folder}\n"
        f"  sigap city apply {folder} --database URL"
    )


def city_check(folder: Path, database: str | None) -> int:
    """List everything that is wrong with a folder; with a database also what it would change there."""
    reading = read_folder(folder)
    if database is None:
        return _tell_faults(reading, CitySetup()) or _say(f"{folder} is in order: {_counted(reading.setup)}.")

    def look(city: City) -> int:
        if code := _tell_faults(reading, present_setup(city)):
            return code
        return _say("\n".join(compare_setup(city, reading.setup).lines()))

    return on_city(database, look)


def city_apply(folder: Path, database: str, *, yes: bool, ask: Callable[[str], str] | None) -> int:
    """Show the difference, ask (`ask` is None where nobody can be asked), and change the city in one transaction."""
    reading = read_folder(folder)

    def change(city: City) -> int:
        if code := _tell_faults(reading, present_setup(city)):
            return code
        difference = compare_setup(city, reading.setup)
        _say("\n".join(difference.lines()))
        if not difference:
            return DONE
        if not yes:
            if ask is None:
                return _complain("nobody can be asked here; add --yes to apply what is shown above.", USAGE)
            if ask("Apply this? [y/N] ").strip().casefold() not in ("y", "yes"):
                return _complain("nothing was changed.", USAGE)
        done = apply_setup(city, reading.setup, who_commands(), seen=difference.mark)
        if done.tokens:
            _say("Tokens of the new users. They are shown this once and kept nowhere:")
        for name, token in done.tokens.items():
            _say(f"{name}\t{token}")
        return _say("Applied. Open consoles see it at once.")

    return on_city(database, change, may_be_new=True)


def city_export(folder: Path, database: str) -> int:
    """Write what a city has into a folder."""

    def write(city: City) -> int:
        setup = present_setup(city)
        return _say(f"{folder} holds {', '.join(write_folder(folder, setup))}: {_counted(setup)}.")

    return on_city(database, write)


def erase(database: str, report: str, reason: str, media: Path | None) -> int:
    """Erase what was said and shown of a report."""

    def work(city: City) -> int:
        if not 1 <= len(reason.strip()) <= MOST_REASON:
            return _complain(f"a reason has up to {MOST_REASON} letters.", USAGE)
        city.erase(report, who_commands(), reason.strip())
        if media is None:
            return _say(f"Report {report} is erased. Its photos go within the hour, by a server of the city.")
        gone = finish_erasing(city.database, media)
        return _say(f"Report {report} is erased, and {gone:,} photos are removed.")

    return on_city(database, work)


def _tell_faults(reading: Reading, present: CitySetup) -> int:
    """Print all faults; 0 when there is none."""
    faults = reading.faults(present)
    for fault in faults[:_SHOWN]:
        _say(str(fault))
    if len(faults) > _SHOWN:
        _say(f"… and {len(faults) - _SHOWN:,} more")
    count = f"{len(faults):,} thing{' is' if len(faults) == 1 else 's are'}"
    return _complain(f"{count} wrong in the folder; nothing was changed.", LOCAL_DATA) if faults else DONE


def _counted(setup: CitySetup) -> str:
    parts = {
        "services": setup.services,
        "agencies": setup.agencies,
        "areas": setup.areas,
        "units": setup.units,
        "calendars": setup.calendars,
        "templates": setup.templates,
        "limits": setup.limits,
        "run cards": setup.run_cards,
        "users": setup.users,
    }
    return ", ".join(f"{len(listed):,} {part}" for part, listed in parts.items() if listed is not None)


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return DONE


def _complain(sentence: str, code: int) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"sigap: {sentence}\n")
    return code

"""The process that prints the log: takes one job from its standard input and says how far it is.

When that input ends it leaves no half document. Painting thousands of lines would hold up the window that wants them.
"""

from __future__ import annotations

import contextlib
import os
import queue
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from api_client.model import ExportNote
from console.cache.catalog import read_catalog
from console.cache.export_notes import keep_note
from console.cache.log import LoggedEntry
from console.cache.reader import CacheReader
from console.export.log_pdf import PrintedLogLine, write_log_pdf
from console.export.messages import PRINTS, FromPrint, PrintDone, PrintFailed, PrintJob, PrintProgress
from console.files.errors import StoreError
from console.panels.formatting import in_zone, thousands
from console.panels.log_text import about_text, what_text, who_text
from console.pipe import listen, pack
from console.rules.phone import without_contacts

MOST_PRINTED = 20_000
"""More lines are some hundred pages: the time is to be narrowed."""
_EVERY = 200
_FORMAT = "log pdf"


class PrintStopped(Exception):
    """Nobody wants the document any more."""


def print_log(job: PrintJob, tell: Callable[[FromPrint], object], is_stopped: Callable[[], bool]) -> None:
    """Do a job, whole or not at all, for its owner only. Raises PrintStopped, OSError, StoreError."""
    path, reader, rows = Path(job.path), CacheReader(Path(job.profile)), Counter[str]()
    if path.parent == Path(job.profile) / PRINTS:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for old in path.parent.iterdir():
            old.unlink()
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        write_log_pdf(fresh, job.title, job.heading, job.note, _lines(job, reader, rows, tell, is_stopped))
        if rows:
            with fresh.open("rb+") as file:
                os.fsync(file.fileno())
            _keep_notes(job, rows)
            fresh.replace(path)
        tell(PrintDone(rows.total()))
    finally:
        reader.close()
        with contextlib.suppress(OSError):
            fresh.unlink()


def _lines(
    job: PrintJob,
    reader: CacheReader,
    rows: Counter[str],
    tell: Callable[[FromPrint], object],
    is_stopped: Callable[[], bool],
) -> Iterator[PrintedLogLine]:
    """The lines of the log, the newest first; those of each source are counted in `rows`."""
    cities, zone = read_catalog(reader, languages=job.languages), _zone(job.zone)

    def printed(one: LoggedEntry) -> PrintedLogLine:
        entry, catalog = one.entry, cities.of(one.source)
        what = what_text(entry, catalog, zone, str)
        # protects: who-may-not-see-contacts-prints-none
        if one.source in job.hidden:
            what = without_contacts(what)
        who, _ = who_text(entry, "", str)
        time = f"{in_zone(entry.at, zone):%Y-%m-%d %H:%M:%S}"
        return PrintedLogLine(time, who, about_text(entry, catalog, job.cities.get(one.source, ""), str), what)

    place = None
    while True:
        page = reader.log_page(job.filter, place)
        for one in page.entries:
            if rows.total() == MOST_PRINTED:
                words = f"The newest {thousands(MOST_PRINTED)} lines: narrow the time to print others."
                yield PrintedLogLine("", "", "", words)
                return
            rows[one.source] += 1
            yield printed(one)
        if is_stopped():
            raise PrintStopped
        tell(PrintProgress(rows.total()))
        place = page.older
        if place is None:
            return


def _keep_notes(job: PrintJob, rows: Counter[str]) -> None:
    """What the servers' audit logs will be told."""
    for source, count in rows.items():
        if source in job.users:
            note = ExportNote(
                id=str(uuid.uuid4()), at=job.at, format=_FORMAT, filter=job.heading[:2_000], rows=count,
                by=job.users[source],
            )  # fmt: skip
            keep_note(Path(job.profile), source, note)


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name else datetime.now().astimezone().tzinfo or ZoneInfo("UTC")


def main() -> int:
    """Print the one job that comes, and say on the standard output what becomes of it."""
    jobs: queue.SimpleQueue[PrintJob | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def over() -> None:
        stopped.set()
        jobs.put(None)

    listen(PrintJob, jobs.put, over)
    job = jobs.get()
    if job is None:
        return 0

    def tell(message: FromPrint) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(1, pack(message))

    try:
        print_log(job, tell, stopped.is_set)
    except PrintStopped:
        return 0
    except (OSError, StoreError) as error:
        tell(PrintFailed(getattr(error, "strerror", None) or str(error)))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

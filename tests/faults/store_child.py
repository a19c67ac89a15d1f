"""A process that writes the store until it is killed; it prints what it was told is safe.

Arguments: `edits FOLDER` or `pages FOLDER`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from console.store.cache_write import CacheWriter
from console.store.work import WorkFile
from tests.unit.store.making import at, edit, items, report


def append_edits(folder: Path) -> None:
    work = WorkFile(folder)
    while True:
        number = work.next_number()
        work.append(edit(f"e{number}", number=number, data={"text": "x" * 300}))
        print(f"e{number}", flush=True)


def apply_pages(folder: Path) -> None:
    writer = CacheWriter(folder)
    cursor = writer.cursor("city")
    upto = cursor.seq if cursor else 0
    while True:
        page = items(*(report(str(upto + n), title=f"kata{upto + n}") for n in range(1, 51)), seq=upto + 1)
        upto += len(page)
        writer.apply("city", page, at(upto))
        print(upto, flush=True)


if __name__ == "__main__":
    {"edits": append_edits, "pages": apply_pages}[sys.argv[1]](Path(sys.argv[2]))

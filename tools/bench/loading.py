"""Rows a second of `--load`, beside bare executemany (SQLite) and COPY (PostgreSQL): `python -m tools.bench.loading`.

The contender puts the very rows that the loader makes, already made, into the same tables by the database's own driver:
no file is read, nothing is decided, checked or encoded. Loader and contender take turns, round by round.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from console.server.city import schema
from console.server.city.city import City
from console.server.loader import load_file
from tests.helpers.cityfiles import write_many
from tools.bench.postgres import NoPostgres, own_postgres

_ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=_ROUNDS)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigap-loading-") as scratch:
        folder = Path(scratch)
        path = write_many("csv", folder / "r.csv", arguments.rows)
        if arguments.only != "postgresql":
            _told("SQLite, executemany", arguments, path, (f"sqlite:///{folder / f'{n}.db'}" for n in range(1000)))
        if arguments.only != "sqlite":
            try:
                with own_postgres(durable=True) as postgres, contextlib.ExitStack() as bases:
                    urls = (bases.enter_context(postgres.fresh()) for _ in range(1000))
                    _told("PostgreSQL, COPY", arguments, path, urls)
            except NoPostgres as missing:
                sys.stderr.write(f"PostgreSQL was not measured: {missing}\n")


def _told(what: str, arguments: argparse.Namespace, path: Path, urls: Iterator[str]) -> None:
    rounds = [(_load(url, path), _bare(url, next(urls))) for url, _ in zip(urls, range(arguments.rounds), strict=False)]
    for clock, place in (("of the clock", 0), ("of this process's processor", 1)):
        load = statistics.median(own[place] for own, _ in rounds)
        contender = statistics.median(bare[place] for _, bare in rounds)
        print(
            f"{what}: a second {clock} {arguments.rows / load:,.0f} reports loaded, {arguments.rows / contender:,.0f} "
            f"bare: {contender / load:.2f} of its speed"
        )


def _load(url: str, path: Path) -> tuple[float, float]:
    with contextlib.closing(City(url)) as city:
        city.create_schema()
        with _timed() as took:
            assert load_file(path, city).refused_count == 0
    return took[0], took[1]


@contextlib.contextmanager
def _timed() -> Iterator[list[float]]:
    """Seconds of the clock and of this process's processor, once the block has ended."""
    took: list[float] = []
    clock, processor = time.perf_counter(), time.process_time()
    yield took
    took += [time.perf_counter() - clock, time.process_time() - processor]


def _bare(source: str, target: str) -> tuple[float, float]:
    """Seconds for putting all rows of the loaded city into a new one by nothing but the driver."""
    tables = (schema.reports, schema.entries)
    with contextlib.closing(City(source)) as city, city.database.read() as connection:
        rows = {table.name: [tuple(row) for row in connection.execute(sa.select(table))] for table in tables}
    with contextlib.closing(City(target)) as city:
        city.create_schema()
    names = {table.name: [column.name for column in table.columns] for table in tables}
    if target.startswith("sqlite"):
        return _executemany(target.removeprefix("sqlite:///"), names, rows)
    return _copy(target, names, rows)


def _executemany(path: str, names: dict[str, list[str]], rows: dict[str, list[tuple[Any, ...]]]) -> tuple[float, float]:
    with contextlib.closing(sqlite3.connect(path)) as connection, _timed() as took, connection:
        for table, listed in rows.items():
            marks = ", ".join("?" * len(names[table]))
            connection.executemany(f"INSERT INTO {table} ({', '.join(names[table])}) VALUES ({marks})", listed)
    return took[0], took[1]


def _copy(url: str, names: dict[str, list[str]], rows: dict[str, list[tuple[Any, ...]]]) -> tuple[float, float]:
    address = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address) as connection, _timed() as took:
        with connection.cursor() as cursor:
            for table, listed in rows.items():
                with cursor.copy(f"COPY {table} ({', '.join(names[table])}) FROM STDIN") as copy:
                    for row in listed:
                        copy.write_row(row)
        connection.commit()
    return took[0], took[1]


if __name__ == "__main__":
    main()

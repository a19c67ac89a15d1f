"""Writes the refused lines of a file into a file of the same columns, to be mended there and loaded by itself."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from console.server.loader.dialect import Dialect
from console.server.loader.objects import is_feature
from console.server.loader.result import LoadError

WHY = "why refused"
_TEXT = "refused text"


class RefusedFile:
    """The file at `path`, made with the first line that is put into it; there must be none before.

    Lines of a table (`headings` and `delimiter`) become a table in `encoding`; all else becomes JSON, an object a line.
    """

    def __init__(
        self, path: Path, dialect: Dialect, headings: Sequence[str] = (), delimiter: str = "", encoding: str = "utf-8"
    ) -> None:
        # protects: refused-lines-replace-nothing
        if path.exists():
            raise LoadError(f"The file {path} is there already; refused lines go into a new one.")
        self.path = path
        self.count = 0
        self._dialect = dialect
        self._headings = [heading for heading in headings if heading != WHY]
        self._width = len(headings)
        self._why_at = list(headings).index(WHY) if WHY in headings else None
        self._delimiter = delimiter
        self._encoding = encoding
        self._file: BinaryIO | None = None

    def put(self, source: Sequence[str] | Mapping[str, Any] | str, why: str) -> None:
        """Keep a line as it stands in the file, with the reason; one of which nothing is known is passed over."""
        if not source:
            return
        if self._delimiter and not isinstance(source, Mapping):
            self._write(self._table_line(list(source), why))
        else:
            self._write(json.dumps(self._object(source, why), ensure_ascii=False, default=str) + "\n")
        self.count += 1

    def close(self) -> None:
        """Nothing more comes."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as fault:
                raise self._unwritten(fault) from fault

    def _table_line(self, cells: list[str], why: str) -> str:
        if self._why_at is not None and self._why_at < len(cells):
            del cells[self._why_at]
        width = len(self._headings)
        cells += [""] * (width - len(cells))
        return self._joined([*cells[:width], why, *cells[width:]])

    def _joined(self, cells: Sequence[str]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n").writerow(cells)
        return text.getvalue()

    def _object(self, source: Sequence[str] | Mapping[str, Any], why: str) -> dict[str, Any]:
        """The object with the names by which its layout is recognised, whatever of them it has."""
        marks = dict.fromkeys(self._dialect.marks)
        if not isinstance(source, Mapping):
            return {**marks, _TEXT: source, WHY: why}
        if is_feature(source):
            return {**source, "properties": {**marks, **(source.get("properties") or {}), WHY: why}}
        return {**marks, **source, WHY: why}

    def _write(self, text: str) -> None:
        try:
            if self._file is None:
                # what citizens said is for whoever loads it
                self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
                if self._delimiter and self._dialect.headings:
                    self._file.write(_encoded(self._joined([*self._headings, WHY]), self._encoding))
            self._file.write(_encoded(text, self._encoding))
        except OSError as fault:
            raise self._unwritten(fault) from fault

    def _unwritten(self, fault: OSError) -> LoadError:
        return LoadError(f"The file {self.path} cannot be written: {fault.strerror or fault}.")


def _encoded(text: str, encoding: str) -> bytes:
    """The text as bytes; those that were none of the encoding as they were read."""
    try:
        return text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace")

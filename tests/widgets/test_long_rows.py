"""A long list makes the rows that are looked at, keeps its place, and says which of them changed."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from widgets.rows import LazyRowsModel


@dataclass(frozen=True)
class Row:
    id: str
    text: str


class Rows:
    def __init__(self) -> None:
        self.made: list[str] = []
        self.suffix = ""

    def __call__(self, row_id: str) -> Row:
        self.made.append(row_id)
        return Row(row_id, row_id + self.suffix)


def test_only_what_is_looked_at_is_made(qtbot: QtBot) -> None:
    rows, model = Rows(), LazyRowsModel(lambda row: row.text)
    ids = [str(number) for number in range(10_000)]
    model.set_ids(ids, rows)
    assert (model.rowCount(), rows.made) == (10_000, [])
    assert model.data(model.index(7), Qt.ItemDataRole.DisplayRole) == "7"
    assert model.data(model.index(7), Qt.ItemDataRole.UserRole) == Row("7", "7")
    assert rows.made == ["7"]
    changed: list[int] = []
    model.dataChanged.connect(lambda first, last: changed.extend((first.row(), last.row())))
    model.set_ids(ids[1:], rows)
    assert changed == []
    rows.suffix = "!"
    model.refresh()
    assert changed == [6, 6]
    assert model.data(model.index(6), Qt.ItemDataRole.DisplayRole) == "7!"


def test_rows_come_go_and_move_and_a_place_in_the_list_stays_with_its_row(qtbot: QtBot) -> None:
    model = LazyRowsModel(lambda row: row.text)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal, model)
    rows = Rows()
    model.set_ids(list("abcdefg"), rows)
    place = QPersistentModelIndex(model.index(4))
    for order in ("abefg", "xabeyzfg", "gfezyx", "e", "pqe"):
        model.set_ids(list(order), rows)
        assert model.ids() == list(order)
        assert place.row() == order.index("e") == model.number_of("e")
    model.set_ids([], rows)
    assert not place.isValid()
    assert model.number_of("e") == -1

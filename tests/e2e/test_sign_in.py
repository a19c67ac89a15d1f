"""A server that does not know the token is told apart from one that is away, and a new token brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit

from console.settings import Tokens
from tests.helpers.city import TOKENS, console, served, wait_for, write_users

pytestmark = pytest.mark.usefixtures("qapp")


def test_a_wrong_token_is_asked_for_again_and_never_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = TOKENS["rina"]
    users = write_users(tmp_path)
    monkeypatch.setitem(TOKENS, "rina", "a-token-nobody-knows")
    arguments = ("--demo-city", "--still", "--reports", "300", "--users", str(users))
    with served(tmp_path / "server", *arguments) as server, console(tmp_path / "profile", server.address) as window:
        wait_for(lambda: window.sources.states().get("city") == "refused", what="refused")
        window.status_controller.show()
        notice = window.banner.notice
        assert notice is not None
        assert notice.buttons[0][0] == "sign_in"
        window.actions.run("sign_in")
        wait_for(lambda: QApplication.activeWindow() is not window.window, what="the form")
        form = QApplication.activeWindow()
        assert form is not None
        field = form.findChild(QLineEdit)
        assert field is not None
        assert field.echoMode() == QLineEdit.EchoMode.Password
        QTest.keyClicks(field, "mistyped")
        QTest.keyClick(field, Qt.Key.Key_Return)
        wait_for(lambda: QApplication.activeWindow() not in (None, window.window, form), what="it is asked for again")
        form = QApplication.activeWindow()
        assert form is not None
        assert any("This token is not known here" in label.text() for label in form.findChildren(QLabel))
        field = form.findChild(QLineEdit)
        assert field is not None
        QTest.keyClicks(field, right)
        QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        wait_for(lambda: window.sources.states().get("city") == "live", what="live")
        wait_for(lambda: window.window_state.view is not None and window.window_state.view.total >= 300, what="reports")
    written = [
        file for file in (tmp_path / "profile").rglob("*") if file.is_file() and right.encode() in file.read_bytes()
    ]
    assert written == []


def test_a_token_that_no_keyring_kept_is_asked_for_after_the_start_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The console stood there with old data, a word in the status bar, and nobody signed in."""
    users = write_users(tmp_path)
    monkeypatch.setattr(Tokens, "get", lambda *_: None)
    arguments = ("--demo-city", "--still", "--reports", "300", "--users", str(users))
    with served(tmp_path / "server", *arguments) as server, console(tmp_path / "profile", server.address) as window:
        wait_for(lambda: window.forms.is_open, what="the form")
        form = QApplication.activeWindow()
        assert form is not None
        assert any("needs a token" in label.text() for label in form.findChildren(QLabel))
        QTest.keyClick(form.focusWidget() or form, Qt.Key.Key_Escape)
        wait_for(lambda: not window.forms.is_open, what="it is left")
        window.actions.run("refresh")
        wait_for(lambda: window.sources.states().get("city") == "refused", what="it refuses still")
        QTest.qWait(300)
        assert not window.forms.is_open, "who has left it looks at what is here"

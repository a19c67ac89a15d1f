"""What follows a profile without a window needs no Qt: a server's machine has none."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_QT = """
import sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "shiboken6", "pyqtgraph"):
            raise ImportError(f"there is no {name} here")

sys.meta_path.insert(0, NoQt())
import console.commands.sync
"""


def test_sync_without_a_window_is_imported_where_there_is_no_qt() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_QT], check=True, timeout=60)

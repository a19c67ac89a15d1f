"""A keyring for tests: one file outside the profile, named by SIGAP_TEST_KEYRING."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class PlainKeyring(KeyringBackend):
    """Keeps passwords readable; never for anything but tests."""

    priority = 1.0

    @property
    def _file(self) -> Path:
        return Path(os.environ["SIGAP_TEST_KEYRING"])

    def _all(self) -> dict[str, str]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps({**self._all(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        self._file.write_text("{}")

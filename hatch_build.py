"""Build hook: the browser libraries are in every sdist, wheel and editable install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Brings the libraries before anything is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run the set-up of the browser libraries and let hatch pack the git-ignored folder."""
        subprocess.run([sys.executable, str(Path(self.root, "resources", "vendor.py"))], check=True)
        build_data["artifacts"].append("/resources/web/vendor/**")

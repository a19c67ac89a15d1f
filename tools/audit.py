"""Ask pip-audit about every locked package; tell 'nothing known' from 'could not ask'."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec


def main(lock: str) -> int:
    """0 when no advisory is known or nobody could be asked (which is printed), 1 for advisories, 2 without
    pip-audit.
    """
    if find_spec("pip_audit") is None:
        print("audit: pip-audit is not installed", file=sys.stderr)
        return 2
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
        "-r",
        lock,
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        found = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(
            "audit: NOT DONE, the advisory service gave no answer:",
            answer.stderr.strip().splitlines()[-1:],
            file=sys.stderr,
        )
        return 0
    asked = [one for one in found if "vulns" in one]
    if not asked:
        print(
            f"audit: NOT DONE, the advisory service knows none of the {len(found)} packages (a mirror?)",
            file=sys.stderr,
        )
        return 0
    bad = [
        f"{one['name']} {one['version']}: {flaw['id']} fixed in {flaw['fix_versions']}"
        for one in asked
        for flaw in one["vulns"]
    ]
    print(f"audit: {len(asked)} of {len(found)} packages asked, {len(bad)} advisories", *bad, sep="\n  ")
    return 1 if bad or len(asked) < len(found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

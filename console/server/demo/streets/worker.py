"""The child process that makes the demo city's streets, at low priority: `python -m … FILE`, which becomes a .osm.pbf.

It ends with its standard input: whoever started it has gone then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from console.parent import when_parent_ends
from console.server.demo.areas import read_wards
from console.server.demo.streets.facts import read_street_facts
from console.server.demo.streets.osm_writer import write_demo_city

_NICENESS = 15
_ABANDONED = 3
_NOT_WRITTEN = 4


def main() -> int:
    """Write the file; the exit code: 0 it is whole, 4 the disk refused, which standard error tells of."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for who started this
    with contextlib.suppress(AttributeError, OSError):  # Windows has no niceness
        os.nice(_NICENESS)
    when_parent_ends(lambda: os._exit(_ABANDONED))
    try:
        write_demo_city(Path(sys.argv[1]), read_wards(), read_street_facts())
    except (OSError, RuntimeError) as error:  # the second is what osmium says of a full disk
        sys.stderr.write(f"{error}\n")
        return _NOT_WRITTEN
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Ask tests/helpers/warm.py for `sigap` as a forked process; as a program it stands for that process until it ends.

Arguments of the program: ADDRESS ARGUMENT…, with the address in hexadecimal. It starts in a hundredth of a second, for
which it imports next to nothing.
"""

import _socket
import array
import marshal
import os
import sys
from collections.abc import Sequence


def ask(
    connection: _socket.socket,
    address: bytes,
    arguments: Sequence[str],
    environment: dict[str, str],
    files: Sequence[int],
) -> None:
    """Ask for a process with these arguments, this environment and these files as 0, 1 and 2.

    On the returned connection come its process id and later its exit code; closing it kills the process.
    """
    connection.connect(address)
    said = marshal.dumps((list(arguments), environment))
    connection.sendmsg([said], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", files))])


if __name__ == "__main__":
    asking = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    ask(asking, bytes.fromhex(sys.argv[1]), sys.argv[2:], dict(os.environ), (0, 1, 2))
    for file in (0, 1):  # or who closes the pipe at the other end would not be heard
        os.close(file)
    asking.recv(64)
    code = int(asking.recv(64) or "70")
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)

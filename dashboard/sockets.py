"""Small answers leave at once.

An answer is sent as head and body.  Streamlit binds its own socket, of no named protocol, on which asyncio does not
turn off Nagle's algorithm: the body then waits for the other side to acknowledge the head, 40 ms on Linux.
"""

import contextlib
import os
import socket
import stat
from collections.abc import AsyncIterator


def answer_at_once() -> int:
    """Turn Nagle's algorithm off on this process's listening TCP sockets, whose connections inherit it; how many."""
    changed = 0
    for name in os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else ():
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
        except OSError:  # the folder's own, closed by now
            continue
        with socket.socket(fileno=os.dup(int(name))) as found:
            tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
            if tcp and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                changed += 1
    return changed


@contextlib.asynccontextmanager
async def lifespan(app) -> AsyncIterator[None]:
    """The app's: what is to be done once its socket is there."""
    answer_at_once()
    yield

"""An assistant that starts the server itself: messages over standard input and output, one person, one token."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Final, cast

import anyio
from anyio.from_thread import BlockingPortal
from anyio.streams.memory import MemoryObjectSendStream
from mcp.server.stdio import stdio_server

from altor.mcp.calling import Caller
from altor.mcp.server import server_for

#: Bytes of a message. What is longer is answered as one that cannot be read.
LONGEST: Final = 1_000_000
ORIGIN: Final = "stdio"
#: What a thread is told when the server has ended meanwhile.
_ENDED: Final = (RuntimeError, CancelledError, anyio.BrokenResourceError, anyio.ClosedResourceError)


async def serve(token: str) -> None:
    """Until the other end closes, or SIGTERM or SIGINT."""
    server = server_for(lambda context: Caller(token, ORIGIN))
    async with anyio.create_task_group() as tasks, BlockingPortal() as portal:
        tasks.start_soon(_until_told, tasks.cancel_scope)
        lines = cast(Any, _lines(portal))  # only iterated over
        try:
            async with stdio_server(stdin=lines) as (read, write):
                await server.run(read, write, server.create_initialization_options())
        except* BrokenPipeError:
            pass  # an assistant that is gone is no fault; what it was answered is lost with it
        tasks.cancel_scope.cancel()


async def _until_told(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _lines(portal: BlockingPortal) -> AsyncIterator[str]:
    """Lines of standard input.

    The library reads them in a thread that no signal gets out of a read. Ours is left behind when the process ends,
    and reads the descriptor itself: a reader with a lock would stop the interpreter from ending.
    """
    send, receive = anyio.create_memory_object_stream[str](0)
    threading.Thread(target=_read, args=(portal, send), name="stdin", daemon=True).start()
    async with receive:
        async for line in receive:
            yield line


def _read(portal: BlockingPortal, send: MemoryObjectSendStream[str]) -> None:
    kept, is_too_long = bytearray(), False
    with suppress(
        RuntimeError, CancelledError, anyio.BrokenResourceError, anyio.ClosedResourceError
    ):  # the server has ended
        while part := _part():
            *whole, rest = part.split(b"\n")
            for end in whole:
                line = "" if is_too_long or len(kept) + len(end) > LONGEST else (kept + end).decode(errors="replace")
                kept.clear()
                is_too_long = False
                portal.call(send.send, line)
            kept += rest
            if len(kept) > LONGEST:
                kept.clear()
                is_too_long = True
        portal.call(send.aclose)


def _part() -> bytes:
    with suppress(OSError):
        return os.read(0, 65536)
    return b""

"""Runs a command so that nothing of it outlives anybody: `python -m altor.embedded.child PARENT_PID COMMAND...`.

The command gets a process group of its own. When it ends, what is left of its group is killed: a queue cluster whose
main process was killed leaves workers behind that go on working. When our parent ends, however it ends, the kernel
sends SIGTERM, which is passed on; and should this process be killed, the kernel ends the command. Linux only; elsewhere
the command simply runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from types import FrameType
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
#: What was asked to end and has not by then is killed, also when nobody is left to do so.
_PATIENCE_S: Final = 20


def end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the parent ends; at once when it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    own = os.getpid()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        end_with_parent(own)
        os.execvp(command[0], command)  # noqa: S606  # our own caller's words, no shell wanted
    with contextlib.suppress(OSError):  # both sides set it, so that neither needs to wait for the other
        os.setpgid(child, child)

    def pass_on(number: int, frame: FrameType | None) -> None:
        signal.alarm(_PATIENCE_S)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    def end_it(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end_it)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, pass_on)
    end_with_parent(parent)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())

"""The warm process that parsing children are forked from: it has read all the code, and nothing of any file.

A new interpreter takes half a second to read the parsers; a fork takes milliseconds, so that a page of an API of a few
kilobytes is read in a process of its own too. For each job the parent sends two descriptors over a control
socket: a pipe for frames, and a `life` socket that carries the job to the child and its exit status back. When the
parent closes its end of `life`, or dies, the child is killed. One thread, and no environment (no secrets).
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

STATUS_BYTES = 4
IDLE_MS = 300_000
"""Ends by itself after so long without a job; the parent starts another one when there is some."""

Child = Callable[[int, socket.socket], None]
"""What a child does: (descriptor for frames, its end of `life`)."""


@dataclass(slots=True)
class _Forked:
    pid: int
    pidfd: int
    life: socket.socket


class ForkServer:
    """Serves one control socket; `child` is called in each process that it forks."""

    def __init__(self, control: socket.socket, child: Child, idle_ms: int = IDLE_MS) -> None:
        self._control, self._child, self._idle_ms = control, child, idle_ms
        self._by_fd: dict[int, _Forked] = {}
        """Both descriptors of each child: its pidfd, and the server's end of its `life`."""
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Fork for each piece of work, until the parent is gone or had none for long."""
        gc.freeze()  # what children share with this process is not touched, so not copied
        while True:
            ready = self._poll.poll(self._idle_ms)
            if not ready and not self._by_fd:
                return
            for fd, _ in ready:
                if fd == self._control.fileno():
                    if not self._take():
                        self._kill_all()
                        return
                elif (forked := self._by_fd.get(fd)) is not None:
                    self._reap(forked) if fd == forked.pidfd else self._hung_up(forked)

    def _take(self) -> bool:
        """Fork for one job; False when the parent is gone."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not message:
            return False
        frames, life = descriptors[0], socket.socket(fileno=descriptors[1])
        pid = os.fork()
        if pid == 0:
            self._become(frames, life)
        os.close(frames)
        forked = _Forked(pid, os.pidfd_open(pid), life)
        self._by_fd |= {forked.pidfd: forked, life.fileno(): forked}
        self._poll.register(forked.pidfd, select.POLLIN)
        self._poll.register(life, 0)  # hanging up is always told
        return True

    def _become(self, frames: int, life: socket.socket) -> NoReturn:
        """Be the child: nothing of the server or of other children stays open in it."""
        status = 1
        try:
            self._control.close()
            for fd in self._by_fd:
                os.close(fd)
            self._child(frames, life)
            status = 0
        except BrokenPipeError:
            pass  # the parent has left
        except BaseException:  # noqa: BLE001 - told, and the status says so too
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _hung_up(self, forked: _Forked) -> None:
        self._poll.unregister(forked.life)
        signal.pidfd_send_signal(forked.pidfd, signal.SIGKILL)

    def _reap(self, forked: _Forked) -> None:
        """Tell how a child ended: its exit status, or the negative number of the signal that killed it."""
        _, status = os.waitpid(forked.pid, 0)
        self._poll.unregister(forked.pidfd)
        if self._by_fd.pop(forked.life.fileno(), None) is not None:
            with contextlib.suppress(KeyError):  # it hung up before
                self._poll.unregister(forked.life)
        del self._by_fd[forked.pidfd]
        with contextlib.suppress(OSError):  # nobody waits for it
            forked.life.send(os.waitstatus_to_exitcode(status).to_bytes(STATUS_BYTES, signed=True))
        forked.life.close()
        os.close(forked.pidfd)

    def _kill_all(self) -> None:
        for forked in {forked.pid: forked for forked in self._by_fd.values()}.values():
            os.kill(forked.pid, signal.SIGKILL)
            os.waitpid(forked.pid, 0)

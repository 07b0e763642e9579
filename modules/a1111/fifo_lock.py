"""A1111's `modules.fifo_lock`: a lock that is given in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque


class FIFOLock:
    """First come, first served; the thread that has it may take it again, so that a hook may call what takes it."""

    def __init__(self) -> None:
        self._inner = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True) -> bool:
        """Waits for one's turn; False at once if it is taken and `blocking` is False."""
        me = threading.get_ident()
        with self._inner:
            if self._owner in (None, me):
                self._owner, self._depth = me, self._depth + 1
                return True
            if not blocking:
                return False
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()
        with self._inner:
            self._owner, self._depth = me, 1
        return True

    def release(self) -> None:
        """The next one's turn. Raises: RuntimeError when it was not taken."""
        with self._inner:
            if not self._depth:
                raise RuntimeError("the lock was not taken")
            self._depth -= 1
            if self._depth:
                return
            if self._waiting:
                self._owner = -1  # kept for the one whose turn it is
                self._waiting.popleft().set()
            else:
                self._owner = None

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._owner is not None

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

"""The server's process: one socket; the first signal ends it within ten seconds, the second at once."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from modules.studio.command_line import Flags

PATIENCE = 2
"""Seconds that open connections get to finish; an event stream never does."""
DEADLINE = 8.0
"""Seconds from the first signal to the end, even if a step of a large model takes longer: its job is on disk."""


class Server(uvicorn.Server):
    """uvicorn, with exit codes that a service manager can trust."""

    def __init__(self, app: ASGIApp, flags: Flags, start_over: Callable[[], object] = lambda: None) -> None:
        """`start_over` replaces this process; it is called here only when the server does not end in time."""
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(flags.allow_host),  # only who says that there is a proxy is behind one
                timeout_graceful_shutdown=PATIENCE,
                ssl_keyfile=flags.tls_keyfile,
                ssl_certfile=flags.tls_certfile,
            )
        )
        self._exit_code = 0
        self._start_over = start_over
        self.begins_again = False
        """Whether the program is to be started anew when this server has ended."""

    def heed_signals(self) -> None:
        """From here on a signal asks for the end instead of being it."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)

    def serve_until_told(self, listening: socket.socket) -> int:
        """Blocks; returns the exit code."""
        self.run(sockets=[listening])
        return self._exit_code

    def fail(self) -> None:
        """Ends the server with exit code 1, from any thread."""
        self._exit_code = 1
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again once all is put away, which would end the process with its number."""
        yield

    def _end_now(self) -> None:
        if self.begins_again:
            self._start_over()
        os._exit(0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks, the second does not."""
        if self.should_exit:
            os._exit(128 + sig)
        self.end()

    def restart(self) -> None:
        """Asks the server to end and to be started anew, from any thread."""
        self.begins_again = True
        self.end()

    def end(self) -> None:
        """Asks the server to end, from any thread."""
        self.should_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it will call every open event stream an error
        deadline = threading.Timer(DEADLINE, self._end_now)
        deadline.daemon = True
        deadline.start()

"""Logging in: a page and a cookie for browsers, HTTP Basic for scripts."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import html
import math
import secrets
import string
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from modules.studio.database import Database
from modules.studio.job import LOCAL
from modules.web.accounts import Account, Accounts, Failures, proof_of
from modules.web.answers import refusal

IDLE = 30 * 24 * 3600
"""Seconds without a visit after which a session ends."""
SEEN_AGAIN = 3600
"""Seconds after which another visit is written down."""
LONGEST_FORM = 8192
OWNER = "aquatint.owner"
"""Where the gate writes down in the scope whose request it is."""
ROLE = "aquatint.role"
"""Where it writes down whether that is the server's owner."""
FAREWELLS = "aquatint.farewells"
"""Where it leaves those who want to hear that somebody has left."""
PAGE = Path(__file__).with_name("assets") / "login.html"

SCHEMA = """
CREATE TABLE IF NOT EXISTS install (id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS session (
    hash BLOB PRIMARY KEY, name TEXT NOT NULL, proof BLOB NOT NULL, seen REAL NOT NULL
) WITHOUT ROWID;
"""


def owner_of(scope: Scope) -> str:
    """Whose request this is: the name that logged in, or "local" when no login is set."""
    owner: str = scope.get(OWNER, LOCAL)
    return owner


def is_owner(scope: Scope) -> bool:
    """Whether this is a request of the server's owner: who was named first, or anybody where no login is set."""
    return bool(scope.get(ROLE, "guest") == "owner")


def when_leaving(scope: Scope, farewell: Callable[[str], None]) -> None:
    """Calls `farewell` with a person's name when the last of their sessions has ended; asking again changes nothing."""
    scope.get(FAREWELLS, set()).add(farewell)


class TooManyAttempts(Exception):  # noqa: N818  it is an answer, not a fault
    """The address or the name has to wait `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many wrong passwords. Try again in {math.ceil(seconds)} seconds.")
        self.headers = {"Retry-After": str(math.ceil(seconds))}


class Sessions:
    """Who is logged in: rows of a small database, so that a restart logs nobody out. Ids are kept as hashes only."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """A damaged file is set aside: people log in again."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._clock = clock
        self._database = Database(path, SCHEMA)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO install VALUES (1, ?)", (secrets.token_bytes(16),))
            self.salt: bytes = connection.execute("SELECT salt FROM install").fetchone()[0]

    def begin(self, account: Account) -> str:
        """A new session's id, 256 random bits."""
        id, now = secrets.token_urlsafe(32), self._clock()
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE seen < ?", (now - IDLE,))
            row = (_hash(id), account.name, proof_of(account), now)
            connection.execute("INSERT INTO session VALUES (?, ?, ?, ?)", row)
        return id

    def find(self, id: str) -> tuple[str, bytes] | None:
        """The name and proof of a session that has not ended."""
        now = self._clock()
        query = "SELECT name, proof, seen FROM session WHERE hash = ? AND seen >= ?"
        row = self._database.connection.execute(query, (_hash(id), now - IDLE)).fetchone()
        if row is None:
            return None
        if row["seen"] < now - SEEN_AGAIN:
            with self._database.transaction() as connection:
                connection.execute("UPDATE session SET seen = ? WHERE hash = ?", (now, _hash(id)))
        return row["name"], row["proof"]

    def end(self, id: str) -> str:
        """Logs out. Returns the name of who has no session any more; "" where there is another, or was none."""
        found = self.find(id) if id else None
        if found is None:
            return ""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE hash = ?", (_hash(id),))
            others = "SELECT 1 FROM session WHERE name = ? AND seen >= ?"
            stays = connection.execute(others, (found[0], self._clock() - IDLE)).fetchone()
        return "" if stays else found[0]


class Login:
    """Tells who a request is from, and answers /login and /logout."""

    def __init__(self, accounts: Accounts, sessions: Sessions, failures: Failures | None = None) -> None:
        self._accounts, self._sessions = accounts, sessions
        self._failures = failures or Failures()
        self._secret = secrets.token_bytes(32)
        self._known: dict[bytes, Account] = {}
        self._one_at_a_time = asyncio.Lock()
        self._page = string.Template(PAGE.read_text("utf-8"))
        self.farewells: set[Callable[[str], None]] = set()
        """Called with the name of who has left."""

    async def account(self, scope: Scope, *, cookies: bool) -> Account | None:
        """Who sent this request; with `cookies` False only its Authorization header counts.

        Raises: TooManyAttempts.
        """
        given = _basic_credentials(Headers(scope=scope).get("authorization", ""))
        if given is not None:
            return await self._verify(_address(scope), *given)
        return self._account_of_session(scope) if cookies else None

    async def _verify(self, address: str, name: str, password: str) -> Account | None:
        """Hashing runs once for a right password, and one at a time: parallel guesses cannot outrun the limit."""
        key = hmac.digest(self._secret, f"{name}\0{password}".encode("utf-8", "surrogatepass"), "sha256")
        async with self._one_at_a_time:
            wait = self._failures.wait(address, name)
            if wait:
                raise TooManyAttempts(wait)
            account = self._known.get(key) or await run_in_threadpool(self._accounts.check, name, password)
            if account is None:
                self._failures.add(address, name)
                return None
            self._failures.forget(address, name)
            self._known[key] = account
            return account

    def _account_of_session(self, scope: Scope) -> Account | None:
        found = self._sessions.find(HTTPConnection(scope).cookies.get(_cookie_name(scope), ""))
        return self._accounts.find(*found) if found is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """/login for everybody, /logout for those who are in."""
        request = Request(scope, receive)
        post = {"/login": self._log_in, "/logout": self._log_out}[scope["path"]]
        if request.method == "POST":
            answer = await post(request)
        elif request.method in ("GET", "HEAD") and scope["path"] == "/login":
            answer = self._form() if self._account_of_session(scope) is None else RedirectResponse("/", 303)
        else:
            answer = refusal(405, "MethodNotAllowed", "Use the form.", {"Allow": "POST"})
        await answer(scope, receive, send)

    async def _log_in(self, request: Request) -> Response:
        name, password = await _read_form(request)
        try:
            account = await self._verify(_address(request.scope), name, password)
        except TooManyAttempts as error:
            return self._form(str(error), 429, error.headers)
        if account is None:
            return self._form("The name or the password is wrong.", 401)
        answer = RedirectResponse("/", 303)
        before = request.cookies.get(_cookie_name(request.scope), "")
        answer.set_cookie(
            _cookie_name(request.scope),
            self._sessions.begin(account),
            max_age=IDLE,
            secure=request.scope["scheme"] == "https",
            httponly=True,
            samesite="lax",
        )
        self._end(before)
        return answer

    async def _log_out(self, request: Request) -> Response:
        await run_in_threadpool(self._end, request.cookies.get(_cookie_name(request.scope), ""))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(_cookie_name(request.scope))
        return answer

    def _end(self, id: str) -> None:
        left = self._sessions.end(id)
        for farewell in tuple(self.farewells) if left else ():
            farewell(left)

    def _form(self, error: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
        return HTMLResponse(self._page.substitute(error=html.escape(error)), status, headers)


def _hash(id: str) -> bytes:
    return hashlib.sha256(id.encode("utf-8", "surrogateescape")).digest()


def _address(scope: Scope) -> str:
    """The peer's own address: headers that claim another one are anybody's to write."""
    client = scope.get("client")
    return client[0] if client else ""


def _cookie_name(scope: Scope) -> str:
    """Browsers share cookies between the ports of a host; two servers on one machine must not log each other out."""
    server = scope.get("server")
    return f"aquatint-{server[1] if server else 0}"


def _basic_credentials(header: str) -> tuple[str, str] | None:
    """The name and password of `Basic ...`; None for an empty header and other schemes (clients send both)."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic" or not encoded.strip():
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "", ""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    name, _, password = text.partition(":")
    return name, password


async def _read_form(request: Request) -> tuple[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return "", ""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        return "", ""
    return fields.get("username", [""])[0], fields.get("password", [""])[0]

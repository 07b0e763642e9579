"""The gate: one ASGI middleware in front of everything. Who may ask, from where, for which path, and how much."""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import time
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.studio.folders import find_folders
from modules.studio.job import LOCAL
from modules.web.accounts import Accounts, read_credentials, read_credentials_file
from modules.web.answers import refusal
from modules.web.login import FAREWELLS, OWNER, ROLE, Login, Sessions, TooManyAttempts

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes of one request: a few large pictures in base64."""
PUBLIC = frozenset({"/login", "/favicon.ico"})
"""The only paths that a stranger may see when there is a login. Every other path asks for one."""
FOR_PROGRAMS = ("/sdapi/", "/agent-scheduler/", "/aquatint/v1/")
"""Below these a stranger is asked for HTTP Basic."""
LOGIN_PATHS = frozenset({"/login", "/logout"})

GRADIO_API = re.compile(
    r"/gradio_api/(run/predict|queue/(join|data)|heartbeat/\w+|cancel|reset/?|info/?|theme\.css|startup-events|app_id/?)"
)
"""What Gradio's page needs of its own API. The rest would read and write files for anybody who asks: its file cache
is shared by all users, its upload and proxy routes know no owner. Our own routes carry all pictures."""
OF_BOXES = re.compile(r"/gradio_api/(upload|upload_progress|component_server/?|file=.+)", re.DOTALL)
"""The way of files to and from the boxes of extensions. All but one are answered by routes of ours, which know whose a
file is; component_server takes in what is painted on a picture, and only functions that say so can be called by it."""
CLOSED = re.compile(r"/(gradio_api|monitoring|svelte)(/.*|=.*)?", re.DOTALL)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    # Not no-referrer: browsers then send `Origin: null` with forms, which the origin rule refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Gradio's page compiles templates and js_on_load: it needs inline scripts and eval. Nothing comes from elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'self'; form-action 'self'; "
        "base-uri 'self'; object-src 'none'"
    ),
}
HASHED = re.compile(r"/assets/[\w./-]+")
"""Gradio's built files: their names change with their content."""
STATIC = re.compile(r"/(static|gradio_api/theme\.css|theme\.css|favicon\.ico).*")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/*?#@,]+")
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]\\]+)(?::\d{1,5})?")


@dataclass(frozen=True)
class Hosts:
    """The names this server answers to. A page elsewhere can point its own name at us (DNS rebinding), not these."""

    names: frozenset[str] = frozenset({"localhost"})
    network: bool = False
    """Reachable from the network: then every numeric address is ours, since nobody can rebind a number, and behind
    a container or a router we cannot know them all. Otherwise only loopback."""

    def allow(self, name: str) -> bool:
        """`name` without its port, as in a Host header."""
        bare = name.lower().strip("[]")
        try:
            address = ipaddress.ip_address(bare)
        except ValueError:
            return bare in self.names
        return self.network or address.is_loopback or bare in self.names


@dataclass(frozen=True)
class Rules:
    """What the gate goes by."""

    hosts: Hosts = field(default_factory=Hosts)
    origins: frozenset[str] = frozenset()
    """The other web pages that may call the API, exactly as browsers name them."""
    body_limit: int = BODY_LIMIT
    boxes: bool = False
    """Whether there may be boxes that files are put into and shown in: only where there are extensions."""


def guard(app: ASGIApp, flags: Flags) -> Gate:
    """The gate that the flags ask for, in front of `app`.

    Raises: AquatintError for logins or origins that cannot be understood: a guard that was asked for must stand.
    """
    names = {"localhost", *flags.allow_host}
    if flags.server_name:
        names.add(flags.server_name)
    network = flags.listen or bool(flags.server_name and not Hosts().allow(flags.server_name))
    if network:
        own = socket.gethostname().partition(".")[0]
        names |= {socket.gethostname(), own, f"{own}.local"}
    hosts = Hosts(frozenset(name.lower() for name in names), network)
    boxes = flags.extensions != "none" and not flags.nowebui
    return Gate(app, Rules(hosts, allowed_origins(flags), boxes=boxes), login_of(flags))


def allowed_origins(flags: Flags) -> frozenset[str]:
    """The origins of `--cors-allow-origins`.

    Raises: AquatintError for what is not scheme://host[:port]; `*` would let any web page act as whoever is logged in.
    """
    origins = [origin.strip().lower().rstrip("/") for origin in (flags.cors_allow_origins or "").split(",")]
    for origin in filter(None, origins):
        if not ORIGIN.fullmatch(origin):
            raise AquatintError(f"--cors-allow-origins: {origin} is not of the form https://name or http://name:port.")
    return frozenset(filter(None, origins))


def login_of(flags: Flags) -> Login | None:
    """The login of all credentials in the flags together; None when no flag asks for one.

    Raises: AquatintError when a flag asks for one and names nobody.
    """
    credentials: list[tuple[str, str]] = []
    if flags.gradio_auth is not None:
        credentials += read_credentials(flags.gradio_auth, "--gradio-auth")
    if flags.gradio_auth_path is not None:
        credentials += read_credentials_file(flags.gradio_auth_path, "--gradio-auth-path")
    if flags.api_auth is not None:
        credentials += read_credentials(flags.api_auth, "--api-auth")
    if not credentials:
        return None
    sessions = Sessions(find_folders(flags).state / "sessions.db")
    return Login(Accounts(credentials, sessions.salt), sessions)


class Gate:
    """Size, host, origin, headers, login, path: in this order, and whatever passes goes to `app`."""

    def __init__(self, app: ASGIApp, rules: Rules, login: Login | None = None) -> None:
        self._app, self._rules, self._login = app, rules, login
        self._within_limit = RequestBodyLimitMiddleware(self._judge, rules.body_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await self._within_limit(scope, receive, _with_headers(scope, send))

    async def _judge(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = self._host_refusal(scope, headers) or self._origin_refusal(scope, headers)
        if answer is None and not self._is_preflight(scope, headers):
            answer = await self._login_refusal(scope, headers) or self._path_refusal(scope["path"])
        if answer is None:
            await self._door(scope)(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    def _door(self, scope: Scope) -> ASGIApp:
        """Gradio has a /login and a /logout of its own; ours come first."""
        ours = scope["type"] == "http" and scope["path"] in LOGIN_PATHS
        return self._login if self._login and ours else self._app

    def _host_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        named = headers.getlist("host")
        match = HOST.fullmatch(named[0]) if len(named) == 1 else None
        if match is None or not _is_path(scope["path"]):
            return refusal(400, "BadRequest", "The request does not name one host and a path on it.")
        if self._rules.hosts.allow(match[1]):
            return None
        log.warning("Refused the host name %r", named[0])
        return refusal(
            421,
            "UnknownHost",
            "This server does not answer to that name. Use its address, or add the name to its flags.",
        )

    def _origin_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Other web pages must not act on behalf of the person whose browser shows them.

        Browsers that talk plain http to a LAN address send no Sec-Fetch-Site, but they send Origin with all that
        changes something.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin in self._rules.origins:
            return None
        acts = _changes_something(scope) or "text/event-stream" in headers.get("accept", "")
        if site is not None:
            visit = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
            allowed = site in ("same-origin", "none") or (visit and not acts)
        else:
            scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
            allowed = not acts or origin is None or origin == f"{scheme}://{headers['host'].lower()}"
        if allowed:
            return None
        log.warning("Refused %s from the origin %r (%r)", scope["path"].encode()[:200], origin, site)
        return refusal(403, "ForeignOrigin", "This page is not allowed to call the server (--cors-allow-origins).")

    def _is_preflight(self, scope: Scope, headers: Headers) -> bool:
        """A browser's question for an allowed page; it carries no login, and the CORS middleware answers it."""
        return (
            scope["type"] == "http"
            and scope["method"] == "OPTIONS"
            and "access-control-request-method" in headers
            and headers.get("origin") in self._rules.origins
        )

    async def _login_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """A session's cookie counts only where a browser vouches for the page that sends it; scripts use Basic."""
        scope[OWNER], scope[ROLE] = LOCAL, "guest"
        if self._login is None:
            scope[ROLE] = "owner"
            return RedirectResponse("/", 303) if scope["path"] in LOGIN_PATHS else None
        scope[FAREWELLS] = self._login.farewells
        vouched = not _changes_something(scope) or "origin" in headers or "sec-fetch-site" in headers
        try:
            account = await self._login.account(scope, cookies=vouched)
        except TooManyAttempts as error:
            return refusal(429, "TooManyAttempts", str(error), error.headers)
        if account is not None:
            scope[OWNER], scope[ROLE] = account.name, account.role
        elif scope["type"] != "http" or scope["path"] not in PUBLIC:
            return _please_log_in(scope, headers)
        return None

    def _path_refusal(self, path: str) -> Response | None:
        opened = GRADIO_API.fullmatch(path) or (self._rules.boxes and OF_BOXES.fullmatch(path))
        return refusal(404, "NotFound", "Not Found") if CLOSED.fullmatch(path) and not opened else None


def _changes_something(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")


def _is_path(text: str) -> bool:
    """Not an absolute address, and nothing that databases and file systems stumble over."""
    return text.startswith("/") and "\0" not in text and text.encode("utf-8", "replace").decode() == text


def _please_log_in(scope: Scope, headers: Headers) -> Response:
    if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse("/login", 303)
    # Elsewhere a challenge would make browsers open a dialog of their own over the page.
    challenge = {"WWW-Authenticate": 'Basic realm="Aquatint"'} if scope["path"].startswith(FOR_PROGRAMS) else None
    return refusal(401, "NotAuthenticated", "Log in first.", challenge)


def _with_headers(scope: Scope, send: Send) -> Send:
    """Adds the security headers that the answer does not set itself; and to A1111's API the seconds that it took."""
    started = time.perf_counter()

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = list(message.get("headers", ()))
            headers = MutableHeaders(raw=message["headers"])
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if scope["path"].startswith("/sdapi/"):
                headers.setdefault("X-Process-Time", f"{time.perf_counter() - started:.4f}")
            if HASHED.fullmatch(scope["path"]) and message["status"] == 200:
                headers.setdefault("Cache-Control", "private, max-age=31536000, immutable")
            elif not STATIC.fullmatch(scope["path"]):
                headers.setdefault("Cache-Control", "private, no-store")
        await send(message)

    return send_with_headers

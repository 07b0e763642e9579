"""Where the server listens: which address, which port, and who may reach it without a login."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import ssl

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags

LOCAL_HOST = "127.0.0.1"
ALL_HOSTS = "0.0.0.0"  # noqa: S104  only with --listen, and then only with a login
FIRST_PORT = 7860
FIRST_PORT_WITHOUT_PAGES = 7861
PORTS_TRIED = 10


class AddressError(AquatintError):
    """The server cannot listen as it was asked to; the text says what to do."""


def host(flags: Flags) -> str:
    """The address or name to listen on: this machine only, unless the flags say otherwise."""
    return flags.server_name or (ALL_HOSTS if flags.listen else LOCAL_HOST)


def require_login(flags: Flags) -> None:
    """Raises: AddressError when other machines can reach the pages and nobody has to log in."""
    has_login = flags.gradio_auth or flags.gradio_auth_path or (flags.nowebui and flags.api_auth)
    if not has_login and not flags.insecure_no_login and not _is_loopback(host(flags)):
        raise AddressError(
            f"Other machines can reach {host(flags)}, so people must log in there. Add --gradio-auth name:password, or "
            "--gradio-auth-path with a file of such lines. To let anybody in all the same: --insecure-no-login."
        )


def is_local(flags: Flags) -> bool:
    """Whether only this machine can reach the server: neither the network nor a proxy that has a name here."""
    return not flags.allow_host and _is_loopback(host(flags))


def listen(flags: Flags) -> socket.socket:
    """A listening socket on the port that was asked for, or on the first free one of ten.

    Raises: AddressError when there is none.
    """
    first = FIRST_PORT_WITHOUT_PAGES if flags.nowebui else FIRST_PORT
    ports = [flags.port] if flags.port is not None else range(first, first + PORTS_TRIED)
    family, address = _resolve(host(flags))
    for port in ports:
        try:
            return _listening(family, address, port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise AddressError(f"Cannot listen on {address}: {error.strerror}.") from None
            reason = "not allowed" if error.errno == errno.EACCES else "in use"
    if flags.port is not None:
        raise AddressError(
            f"Port {flags.port} on {address} is {reason}. Stop what uses it, or choose another with --port; "
            "without --port the next free one is taken."
        )
    raise AddressError(
        f"The ports {first} to {first + PORTS_TRIED - 1} on {address} are all taken: choose with --port."
    )


def url(flags: Flags, listening: socket.socket) -> str:
    """What to type into a browser on this machine."""
    name, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": LOCAL_HOST, "::": "[::1]"}.get(name, f"[{name}]" if ":" in name else name)  # noqa: S104
    return f"{'https' if flags.tls_certfile else 'http'}://{shown}:{port}"


def require_certificate(flags: Flags) -> None:
    """Raises: AddressError when only one of key and certificate is given, or they cannot be used."""
    if flags.tls_keyfile is None and flags.tls_certfile is None:
        return
    if flags.tls_keyfile is None or flags.tls_certfile is None:
        raise AddressError("HTTPS needs both --tls-keyfile and --tls-certfile.")
    for path in (flags.tls_keyfile, flags.tls_certfile):
        if not path.is_file():
            raise AddressError(f"There is no file {path}: HTTPS needs it.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            flags.tls_certfile, flags.tls_keyfile, password=_no_password
        )
    except (OSError, ValueError) as error:
        raise AddressError(
            f"{flags.tls_certfile} and {flags.tls_keyfile} are no PEM certificate and its key: {error}."
        ) from None


def _no_password() -> str:
    raise ValueError("the key is locked with a password, which the server cannot ask for")


def _resolve(name: str) -> tuple[socket.AddressFamily, str]:
    """Raises: AddressError when the name is not known here."""
    try:
        family, _, _, _, address = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError:
        raise AddressError(f"This machine does not know the name {name} (--server-name).") from None
    return family, str(address[0])


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old sockets
        listening.bind((address, port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening


def _is_loopback(name: str) -> bool:
    return ipaddress.ip_address(_resolve(name)[1].partition("%")[0]).is_loopback

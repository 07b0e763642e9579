"""The people who may come in, their passwords, and how often a wrong one may be tried."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from modules.diffusion.errors import AquatintError

ATTEMPTS = 5
"""Wrong passwords of one name from one address before the door stays shut."""
ATTEMPTS_OF_ADDRESS = 50
"""Wrong passwords from one address, whatever the names."""
WINDOW = 300.0
"""Seconds after which a wrong password is forgotten."""
MOST_REMEMBERED = 10_000


Role = Literal["owner", "guest"]


@dataclass(frozen=True)
class Account:
    """Somebody who may come in."""

    name: str
    role: Role = "guest"
    """The owner is who was named first: what changes the program itself is theirs alone."""
    digest: bytes = field(default=b"", repr=False)


def scrypt(password: str, salt: bytes) -> bytes:
    """About 20 ms of work. The passwords come from flags, so their hashes live in memory only."""
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=2**12, r=8, p=1)


class Accounts:
    """Names and hashed passwords. A name may have several passwords (one for the page, one for scripts)."""

    def __init__(self, credentials: Iterable[tuple[str, str]], salt: bytes = b"") -> None:
        self._salt = salt or secrets.token_bytes(16)
        self._accounts: list[Account] = []
        for name, password in credentials:
            role: Role = "owner" if not self._accounts or name == self._accounts[0].name else "guest"
            self._accounts.append(Account(name, role, scrypt(password, self._salt)))

    def __bool__(self) -> bool:
        return bool(self._accounts)

    def check(self, name: str, password: str) -> Account | None:
        """The account, or None. The work is the same for a name that nobody has."""
        digest, given, found = scrypt(password, self._salt), name.encode("utf-8", "surrogatepass"), None
        for account in self._accounts:
            same_name = hmac.compare_digest(account.name.encode(), given)
            same_password = hmac.compare_digest(account.digest, digest)
            found = account if same_name & same_password else found
        return found

    def find(self, name: str, proof: bytes) -> Account | None:
        """The account of a session: `proof` is `proof_of` the account that logged in, so a new password ends it."""
        return next((a for a in self._accounts if a.name == name and hmac.compare_digest(proof_of(a), proof)), None)


def proof_of(account: Account) -> bytes:
    """What a session keeps of the password it was opened with."""
    return hashlib.sha256(account.digest).digest()


def read_credentials(text: str, source: str) -> list[tuple[str, str]]:
    """`user:password` pairs, separated by commas or lines, as A1111 reads them.

    Raises: AquatintError naming `source` when there is no pair, or one lacks its name or password (which the message
    does not repeat): a login that was asked for must not be left out.
    """
    entries = [entry.strip() for line in text.splitlines() for entry in line.replace('"', "").split(",")]
    pairs = [entry.partition(":") for entry in entries if entry]
    for place, (name, _, password) in enumerate(pairs, start=1):
        if not name or not password:
            raise AquatintError(f"{source}: entry {place} is not of the form user:password.")
    if not pairs:
        raise AquatintError(f"{source}: there is no user:password in it.")
    return [(name, password) for name, _, password in pairs]


def read_credentials_file(path: Path, source: str) -> list[tuple[str, str]]:
    """The pairs in a file.

    Raises: AquatintError, also when it cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AquatintError(f"{source}: {path} cannot be read ({error}).") from None
    return read_credentials(text, f"{source} {path}")


class Failures:
    """Wrong passwords of the last minutes, by address and name; it forgets, so that nobody is locked out for ever."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[tuple[str, str | None], list[float]] = {}

    def wait(self, address: str, name: str) -> float:
        """Seconds until another try is allowed; 0 when it is allowed now."""
        limits: tuple[tuple[str | None, int], ...] = ((name, ATTEMPTS), (None, ATTEMPTS_OF_ADDRESS))
        return max(self._wait((address, name), limit) for name, limit in limits)

    def add(self, address: str, name: str) -> None:
        """A wrong password was tried."""
        now = self._clock()
        for key in ((address, name), (address, None)):
            self._times[key] = [*self._recent(key), now]
        while len(self._times) > MOST_REMEMBERED:
            del self._times[next(iter(self._times))]

    def forget(self, address: str, name: str) -> None:
        """The right password was tried."""
        self._times.pop((address, name), None)

    def _wait(self, key: tuple[str, str | None], limit: int) -> float:
        recent = self._recent(key)
        return max(0.0, recent[-limit] + WINDOW - self._clock()) if len(recent) >= limit else 0.0

    def _recent(self, key: tuple[str, str | None]) -> list[float]:
        oldest = self._clock() - WINDOW
        return [moment for moment in self._times.get(key, ()) if moment > oldest]

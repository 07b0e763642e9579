"""Where the server listens, and who may reach it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.studio import address
from modules.studio.address import AddressError
from modules.studio.command_line import Flags


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of this machine that somebody else listens on."""
    with socket.create_server((address.LOCAL_HOST, 0)) as other:
        yield other.getsockname()[1]


def test_only_this_machine_is_answered_by_default() -> None:
    with address.listen(Flags(port=0)) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert address.url(Flags(), listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_listen_answers_everybody_and_names_an_address_to_type() -> None:
    flags = Flags(listen=True, port=0)
    with address.listen(flags) as listening:
        assert listening.getsockname()[0] == "0.0.0.0"
        assert address.url(flags, listening).startswith("http://127.0.0.1:")


def test_a_server_name_counts_more_than_listen() -> None:
    assert address.host(Flags(listen=True, server_name="localhost")) == "localhost"


def test_a_taken_port_that_was_asked_for_is_an_error_that_says_what_to_do(taken: int) -> None:
    with pytest.raises(AddressError, match=rf"Port {taken} on 127.0.0.1 is in use.*--port"):
        address.listen(Flags(port=taken))


def test_without_a_port_the_next_free_one_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "FIRST_PORT", taken)
    with address.listen(Flags()) as listening:
        assert taken < listening.getsockname()[1] < taken + address.PORTS_TRIED


def test_when_all_are_taken_it_says_so(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "FIRST_PORT", taken)
    monkeypatch.setattr(address, "PORTS_TRIED", 1)
    with pytest.raises(AddressError, match="all taken"):
        address.listen(Flags())


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(AddressError, match=r"Cannot listen on 192\.0\.2\.1"):
        address.listen(Flags(server_name="192.0.2.1", port=0))


def test_an_unknown_server_name_is_named() -> None:
    with pytest.raises(AddressError, match=r"does not know the name no\.such\.host\.invalid"):
        address.listen(Flags(server_name="no.such.host.invalid"))


@pytest.mark.parametrize(
    "flags",
    [
        Flags(listen=True),
        Flags(server_name="0.0.0.0"),
        Flags(server_name="192.0.2.1"),
        Flags(server_name="::"),
        Flags(listen=True, api_auth="a:b"),
    ],
)
def test_other_machines_need_a_login(flags: Flags) -> None:
    with pytest.raises(AddressError, match="--gradio-auth"):
        address.require_login(flags)


@pytest.mark.parametrize(
    "flags",
    [
        Flags(),
        Flags(server_name="localhost"),
        Flags(server_name="127.0.0.2"),
        Flags(server_name="::1"),
        Flags(listen=True, gradio_auth="a:b"),
        Flags(listen=True, gradio_auth_path=Path("logins")),
        Flags(listen=True, nowebui=True, api_auth="a:b"),
        Flags(listen=True, insecure_no_login=True),
    ],
)
def test_this_machine_or_a_login_or_an_explicit_word_is_enough(flags: Flags) -> None:
    address.require_login(flags)


def test_https_needs_both_files(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="needs both"):
        address.require_certificate(Flags(tls_keyfile=tmp_path / "key.pem"))


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match=r"no file .*key\.pem"):
        address.require_certificate(Flags(tls_keyfile=tmp_path / "key.pem", tls_certfile=tmp_path / "cert.pem"))


def test_files_that_are_no_certificate_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("hello")
    with pytest.raises(AddressError, match="no PEM certificate"):
        address.require_certificate(Flags(tls_keyfile=tmp_path / "x.pem", tls_certfile=tmp_path / "x.pem"))

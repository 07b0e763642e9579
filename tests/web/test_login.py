"""Logging in: the cookie, Basic, the limit on wrong passwords, and what a session is worth afterwards."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import Flags
from modules.web.accounts import ATTEMPTS, WINDOW, Accounts, Failures, read_credentials
from modules.web.gate import Gate, Rules, login_of
from modules.web.login import IDLE, Login, Sessions
from tests.web.asgi import HOST, Answer, ask, echo

ORIGIN = ("origin", f"http://{HOST}")
FORM = ("content-type", "application/x-www-form-urlencoded")


def basic(name: str, password: str) -> tuple[str, str]:
    return "authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def log_in(gate: Gate, name: str, password: str, address: str = "10.0.0.1") -> Answer:
    form = urlencode({"username": name, "password": password}).encode()
    return ask(gate, "POST", "/login", [ORIGIN, FORM], body=[form], address=address)


def cookie_of(answer: Answer) -> tuple[str, str]:
    return "cookie", answer.headers["set-cookie"].partition(";")[0]


def owner(answer: Answer) -> str:
    return str(json.loads(answer.body)["owner"])


def test_the_right_password_gives_a_cookie_that_opens_the_page(guarded: Gate) -> None:
    answer = log_in(guarded, "alice", "secret")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert owner(ask(guarded, headers=[cookie_of(answer)])) == "alice"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(guarded: Gate) -> None:
    cookie = log_in(guarded, "alice", "secret").headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", "path=/", f"max-age={IDLE}"} <= set(cookie.split("; "))
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 43


def test_over_tls_the_cookie_is_secure(guarded: Gate) -> None:
    form = b"username=alice&password=secret"
    answer = ask(guarded, "POST", "/login", [("origin", f"https://{HOST}"), FORM], body=[form], scheme="https")
    assert "; secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(("name", "password"), [("alice", "wrong"), ("nobody", "secret"), ("alice", ""), ("", "")])
def test_a_wrong_password_gives_the_page_again_and_no_cookie(guarded: Gate, name: str, password: str) -> None:
    answer = log_in(guarded, name, password)
    assert answer.status == 401
    assert b"wrong" in answer.body
    assert "set-cookie" not in answer.headers


def test_a_form_that_is_no_form_is_a_wrong_password(guarded: Gate) -> None:
    for body in (b"\xff\xfe", b"x" * 100_000, b"&".join([b"a=1"] * 1000), b'{"username":"alice","password":"secret"}'):
        assert ask(guarded, "POST", "/login", [ORIGIN, FORM], body=[body]).status in (401, 429)


def test_scripts_log_in_with_basic_on_every_route_and_either_password(guarded: Gate) -> None:
    for password in ("secret", "token"):
        assert owner(ask(guarded, path="/sdapi/v1/options", headers=[basic("alice", password)])) == "alice"
    assert owner(ask(guarded, path="/", headers=[basic("bob", "hidden")])) == "bob"
    assert ask(guarded, headers=[basic("bob", "secret")]).status == 401
    assert ask(guarded, headers=[("authorization", "Basic %%%")]).status == 401


@pytest.mark.parametrize("value", ["", " ", "Basic", "Basic ", "Bearer abc"])
def test_an_empty_authorization_header_is_none(gate: Gate, guarded: Gate, value: str) -> None:
    assert ask(gate, headers=[("authorization", value)]).status == 200
    cookie = cookie_of(log_in(guarded, "alice", "secret"))
    assert ask(guarded, headers=[("authorization", value), cookie]).status == 200
    assert ask(guarded, headers=[("authorization", value)]).status == 401


def test_a_cookie_counts_only_where_a_browser_vouches_for_the_page(guarded: Gate) -> None:
    cookie = cookie_of(log_in(guarded, "alice", "secret"))
    assert ask(guarded, "POST", "/x", [cookie, ORIGIN]).status == 200
    assert ask(guarded, "POST", "/x", [cookie, ("sec-fetch-site", "same-origin")]).status == 200
    assert ask(guarded, "POST", "/x", [cookie]).status == 401
    assert ask(guarded, "GET", "/x", [cookie]).status == 200


def test_t082_after_logging_out_the_cookie_is_worth_nothing(guarded: Gate) -> None:
    cookie = cookie_of(log_in(guarded, "alice", "secret"))
    assert ask(guarded, "GET", "/logout", [cookie]).status == 405
    assert ask(guarded, headers=[cookie]).status == 200
    answer = ask(guarded, "POST", "/logout", [cookie, ORIGIN])
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert ask(guarded, headers=[cookie]).status == 401


def test_t082_every_login_makes_a_new_session_and_ends_the_old_one(guarded: Gate) -> None:
    old = cookie_of(log_in(guarded, "alice", "secret"))
    form = b"username=alice&password=secret"
    new = cookie_of(ask(guarded, "POST", "/login", [ORIGIN, FORM, old], body=[form]))
    assert new != old
    assert [ask(guarded, headers=[cookie]).status for cookie in (old, new)] == [401, 200]


def test_the_login_page_leads_on_for_those_who_are_in(guarded: Gate, gate: Gate) -> None:
    cookie = cookie_of(log_in(guarded, "alice", "secret"))
    assert ask(guarded, path="/login", headers=[cookie]).headers["location"] == "/"
    page = ask(guarded, path="/login")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"http" not in page.body.replace(b"http://www.w3.org/2000/svg", b"")
    assert ask(gate, path="/login").headers["location"] == "/"
    assert ask(gate, "POST", "/logout").headers["location"] == "/"


def test_t045_the_login_leads_nowhere_else(guarded: Gate) -> None:
    form = b"username=alice&password=secret&next=https://evil.example"
    answer = ask(guarded, "POST", "/login?next=//evil.example", [ORIGIN, FORM], body=[form])
    assert answer.headers["location"] == "/"


def test_t076_after_five_wrong_passwords_the_right_one_has_to_wait(guarded: Gate) -> None:
    statuses = [log_in(guarded, "alice", f"wrong{i}").status for i in range(ATTEMPTS)]
    assert statuses == [401] * ATTEMPTS
    answer = log_in(guarded, "alice", "secret")
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW
    forged = ask(guarded, headers=[basic("alice", "secret"), ("x-forwarded-for", "1.2.3.4")], address="10.0.0.1")
    assert forged.status == 429
    assert log_in(guarded, "bob", "hidden").status == 303
    assert log_in(guarded, "alice", "secret", address="10.0.0.2").status == 303


def test_t076_a_right_basic_login_that_was_seen_before_has_to_wait_too(guarded: Gate) -> None:
    assert ask(guarded, headers=[basic("alice", "secret")]).status == 200
    statuses = [ask(guarded, headers=[basic("alice", f"wrong{i}")]).status for i in range(ATTEMPTS)]
    assert statuses == [401] * ATTEMPTS
    assert ask(guarded, headers=[basic("alice", "secret")]).status == 429


def test_t076_nobody_is_locked_out_for_ever() -> None:
    now = [0.0]
    failures = Failures(clock=lambda: now[0])
    for second in range(ATTEMPTS):
        now[0] = second
        failures.add("10.0.0.1", "alice")
    assert failures.wait("10.0.0.1", "alice") == WINDOW - (ATTEMPTS - 1)
    now[0] += WINDOW - (ATTEMPTS - 1)
    assert failures.wait("10.0.0.1", "alice") == 0


def test_t076_trying_many_names_from_one_address_ends_too() -> None:
    failures = Failures()
    for number in range(50):
        failures.add("10.0.0.1", f"name{number}")
    assert failures.wait("10.0.0.1", "alice") > 0
    assert failures.wait("10.0.0.2", "alice") == 0


def test_t075_an_unknown_name_takes_as_long_as_a_known_one() -> None:
    accounts = Accounts([("alice", "secret"), ("bob", "hidden")])

    def quickest(name: str) -> float:
        times = []
        for _ in range(20):
            began = time.thread_time()  # what else the machine does is no part of it
            assert accounts.check(name, "wrong") is None
            times.append(time.thread_time() - began)
        return min(times)

    known, unknown = quickest("alice"), quickest("nobody")
    assert unknown == pytest.approx(known, rel=0.3)
    assert min(known, unknown) > 0.003


def test_a_session_outlives_a_restart_and_keeps_no_secret_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sessions.db"
    first, second = Sessions(path), Sessions(path)
    pairs = [("alice", "a very secret password")]
    cookie = cookie_of(log_in(Gate(echo, Rules(), Login(Accounts(pairs, first.salt), first)), *pairs[0]))
    again = Gate(echo, Rules(), Login(Accounts(pairs, second.salt), second))
    assert owner(ask(again, headers=[cookie])) == "alice"
    assert cookie[1].partition("=")[2].encode() not in path.read_bytes()
    assert pairs[0][1].encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_t082_a_new_password_or_a_removed_account_ends_the_session(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions.db")
    cookie = cookie_of(
        log_in(Gate(echo, Rules(), Login(Accounts([("alice", "old")], sessions.salt), sessions)), "alice", "old")
    )
    for pairs in ([("alice", "new")], [("bob", "old")]):
        changed = Gate(echo, Rules(), Login(Accounts(pairs, sessions.salt), sessions))
        assert ask(changed, headers=[cookie]).status == 401


def test_a_session_ends_after_thirty_idle_days_and_not_before(tmp_path: Path) -> None:
    now = [0.0]
    sessions = Sessions(tmp_path / "sessions.db", clock=lambda: now[0])
    accounts = Accounts([("alice", "secret")])
    account = accounts.check("alice", "secret")
    assert account is not None
    id = sessions.begin(account)
    for _ in range(3):
        now[0] += IDLE - 1
        assert sessions.find(id) is not None
    now[0] += IDLE + 1
    assert sessions.find(id) is None


def test_a_damaged_session_file_only_logs_people_out(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    path.write_bytes(b"this is no database" * 100)
    assert Sessions(path).find("x") is None
    assert sqlite3.connect(path).execute("SELECT count(*) FROM session").fetchone() == (0,)


def test_credentials_are_read_as_a1111_reads_them() -> None:
    assert read_credentials('alice:a:b, "bob:c"\ncarol:d,', "--gradio-auth") == [
        ("alice", "a:b"),
        ("bob", "c"),
        ("carol", "d"),
    ]


@pytest.mark.parametrize("text", ["", " , ", "alice", "alice:", ":secret", "alice:secret,bob"])
def test_a_login_that_was_asked_for_is_never_left_out(text: str, tmp_path: Path) -> None:
    file = tmp_path / "logins.txt"
    file.write_text(text)
    for flags in (Flags(gradio_auth=text), Flags(api_auth=text), Flags(gradio_auth_path=file)):
        with pytest.raises(AquatintError, match="auth") as caught:
            login_of(flags)
        assert "secret" not in str(caught.value)
    with pytest.raises(AquatintError, match="cannot be read"):
        login_of(Flags(gradio_auth_path=tmp_path / "no such file"))


def test_all_credentials_together_guard_everything(tmp_path: Path) -> None:
    file = tmp_path / "logins.txt"
    file.write_text("bob:hidden\ncarol:quiet\n")
    login = login_of(
        Flags(gradio_auth="alice:secret", api_auth="alice:token", gradio_auth_path=file, data_dir=tmp_path)
    )
    gate = Gate(echo, Rules(), login)
    for name, password in (("alice", "secret"), ("alice", "token"), ("bob", "hidden"), ("carol", "quiet")):
        assert owner(ask(gate, headers=[basic(name, password)])) == name
    only_api = Gate(echo, Rules(), login_of(Flags(api_auth="alice:token", data_dir=tmp_path)))
    assert ask(only_api, path="/").status == 401
    assert login_of(Flags()) is None


def test_names_and_passwords_may_be_of_any_script(tmp_path: Path) -> None:
    gate = Gate(echo, Rules(), login_of(Flags(gradio_auth="zoë:пароль✓", data_dir=tmp_path)))
    assert owner(ask(gate, headers=[cookie_of(log_in(gate, "zoë", "пароль✓"))])) == "zoë"
    assert owner(ask(gate, headers=[basic("zoë", "пароль✓")])) == "zoë"

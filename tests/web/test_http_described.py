"""Schemathesis reads our OpenAPI description and asks every route that takes anything for what is allowed, and not."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from starlette.responses import Response

from modules.web.gate import Gate, Rules
from tests.web.asgi import ask
from tests.web.test_http_api import JSON
from tests.web.test_http_routes import SLOW, all_routes, no_pictures, stops

__all__ = ["all_routes", "no_pictures", "stops"]

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        sys.version_info < (3, 11), reason="Schemathesis 4 wants Python 3.11; test_http_routes.py sends nonsense on any"
    ),
]
EACH = 10
"""Requests of one kind to a route."""


def asked_by_schemathesis(site: FastAPI, each: int) -> dict[int, list[str]]:
    """The statuses that come back, and which route gave them to what."""
    import schemathesis  # on Python 3.10 it is not there
    from schemathesis.core import NotSet

    gate, found = Gate(site, Rules()), dict[int, list[str]]()

    def send(case: Any) -> None:
        query = urlencode(case.query or {}, doseq=True, errors="surrogatepass")
        path = f"{case.formatted_path}?{query}" if query else case.formatted_path
        given_body = case.body if isinstance(case.body, bytes) else json.dumps(case.body, default=str).encode()
        sent = b"" if isinstance(case.body, NotSet) else given_body
        answer = ask(gate, case.method, path, [JSON] if sent else [], body=[sent])
        found.setdefault(answer.status, []).append(f"{case.method} {path} {sent.decode(errors='replace')}")

    described = schemathesis.openapi.from_dict(site.openapi())
    for result in described.get_all_operations():
        operation = result.ok()
        if operation.path in SLOW or not (operation.body or operation.query or operation.path_parameters):
            continue
        for mode in schemathesis.GenerationMode:
            checked: Any = settings(
                max_examples=each,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            with suppress(Unsatisfiable):  # a route that takes nothing cannot be asked wrongly
                given_to: Any = given(operation.as_strategy(generation_mode=mode))
                checked(given_to(send))()
    return found


def test_no_route_gives_a_500_to_what_its_description_allows_or_forbids(all_routes: FastAPI, no_pictures: None) -> None:
    found = asked_by_schemathesis(all_routes, EACH)
    assert {200, 404, 422} <= found.keys()
    assert {status: asked for status, asked in found.items() if status >= 500} == {}


def test_a_route_that_falls_over_is_seen_by_schemathesis() -> None:
    site = FastAPI()

    @site.get("/falls")
    def falls(times: int) -> float:
        return 1 / (times - times)

    @site.exception_handler(ZeroDivisionError)
    def failed(request: object, error: Exception) -> Response:
        return Response(status_code=500)

    assert 500 in asked_by_schemathesis(site, 5)

"""JSON answers, and the one shape of those that say no: `{error, detail, body, errors}`, as A1111's clients read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modules.diffusion.errors import AquatintError


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """In ASCII: a text that people sent may hold half a surrogate pair, which UTF-8 cannot."""
    return Response(json.dumps(content, allow_nan=False), status, headers, "application/json")


async def read_object(request: Request) -> dict[str, Any]:
    """Raises: AquatintError when the body is not a JSON object."""
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AquatintError("The body is not a JSON object.")
    return value


def refusal(status: int, error: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """`error` is a short name for programs, `detail` a sentence for people."""
    return json_answer({"error": error, "detail": detail, "body": "", "errors": detail}, status, headers)

"""JSON answers, and the one shape of those that say no: `{error, detail, body, errors}`, as A1111's clients read it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """In ASCII: a text that people sent may hold half a surrogate pair, which UTF-8 cannot."""
    return Response(json.dumps(content, allow_nan=False), status, headers, "application/json")


def refusal(status: int, error: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """`error` is a short name for programs, `detail` a sentence for people."""
    return json_answer({"error": error, "detail": detail, "body": "", "errors": detail}, status, headers)

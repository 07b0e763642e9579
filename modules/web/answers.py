"""The one shape of an answer that says no: `{error, detail, body, errors}`, as A1111's clients read it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


def refusal(status: int, error: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """`error` is a short name for programs, `detail` a sentence for people."""
    content = {"error": error, "detail": detail, "body": "", "errors": detail}
    return JSONResponse(content, status, dict(headers or {}))

"""The page's own style sheets and scripts: a fixed set of files, read once, cacheable for ever under their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent / "assets"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PREFIX = "aquatint/assets"


@dataclass(frozen=True)
class Assets:
    """Every file of the folder by its name, and one hash over all of them.

    The hash is a folder of the address, so that modules find each other by relative imports and one changed file
    changes the address of all.
    """

    files: Mapping[str, bytes]
    version: str

    def address(self, name: str) -> str:
        """The address of a file, relative to the root of the site. Raises: KeyError."""
        self.files[name]
        return f"{PREFIX}/{self.version}/{name}"

    def serve(self, request: Request) -> Response:
        """Answers one file of the set, whatever version is asked for; only the present one may be kept."""
        name = request.path_params["name"]
        body = self.files.get(name)
        if body is None:
            return Response(status_code=404)
        current = request.path_params["version"] == self.version
        cache = "public, max-age=31536000, immutable" if current else "no-cache"
        headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
        return Response(body, headers=headers, media_type=TYPES[Path(name).suffix])


def read_assets(folder: Path = FOLDER) -> Assets:
    """Reads the files of `folder` whose type is in `TYPES`."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in TYPES}
    digest = hashlib.sha256()
    for name, body in files.items():
        digest.update(f"{name}\n{len(body)}\n".encode() + body)
    return Assets(files, digest.hexdigest()[:16])


def routes() -> list[Route]:
    """The one route that serves the files."""
    return [Route(f"/{PREFIX}/{{version}}/{{name}}", read_assets().serve, methods=["GET"])]

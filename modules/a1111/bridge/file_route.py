"""`/file=PATH`: what extensions' scripts read from the disk, and nothing else that lies there."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".bmp", ".ico"})
WORDS = frozenset({".txt", ".csv", ".json", ".yaml", ".yml", ".md", ".tsv"})
PROGRAMS = frozenset({".js", ".mjs", ".css", ".map", ".html", ".htm", ".svg", ".wasm"})
FONTS = frozenset({".woff", ".woff2", ".ttf", ".otf", ".eot"})
FILMS = frozenset({".mp3", ".wav", ".ogg", ".flac", ".m4a", ".mp4", ".webm", ".mov"})
SHAPES = frozenset({".glb", ".gltf", ".bin", ".fbx", ".obj", ".mtl", ".stl", ".ply", ".vrm", ".bvh", ".hdr", ".exr"})
OTHERS = FONTS | FILMS | SHAPES | {".onnx", ".tflite", ".task"}
"""What pages of extensions show, and what shows it: 3D models for editors of poses, networks that a browser runs."""
STRICT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
AGAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
"""The browser asks each time whether its copy is still the newest."""
LONGEST = 1024
TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".webp": "image/webp", ".avif": "image/avif"}


@dataclass(frozen=True)
class Served:
    """A folder that may be read, and the kinds of files in it that may."""

    folder: Path
    endings: frozenset[str]

    def holds(self, path: Path) -> bool:
        """Whether the file, its links followed, lies in the folder and is of such a kind; hidden ones never are."""
        try:
            inside = path.relative_to(self.folder.resolve())
        except ValueError:
            return False
        return path.suffix.lower() in self.endings and not any(part.startswith(".") for part in inside.parts)


def served_folders(data: Path, program: Path, networks: Iterable[Path]) -> list[Served]:
    """Extensions whole, their scratch folder `tmp` without programs, tables of other languages, and the previews beside
    networks."""
    roots = dict.fromkeys([data, program])
    extensions = [Served(root / "extensions", PICTURES | WORDS | PROGRAMS | OTHERS) for root in roots]
    scratch = [Served(root / "tmp", PICTURES | WORDS) for root in roots]
    words = Served(data / "localizations", frozenset({".json"}))
    return [*extensions, *scratch, words, *(Served(folder, PICTURES) for folder in networks)]


def find_file(text: str, roots: Sequence[Path], served: Sequence[Served]) -> Path | None:
    """The file that a path means, if it may be read: a relative one is looked up below each of `roots`."""
    if not text or len(text) > LONGEST or "\0" in text or "\\" in text or ":" in text[2:] or text.startswith("~"):
        return None
    if ".." in PurePosixPath(text).parts:
        return None
    for root in roots:
        try:
            path = (root / text).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            continue
        if path.is_file() and any(each.holds(path) for each in served):
            return path
    return None


def file_routes(roots: Sequence[Path], served: Sequence[Served]) -> list[Route]:
    """The route; what may not be read and what is not there are answered alike."""

    def serve(request: Request) -> Response:
        path = find_file(request.path_params["path"], roots, served)
        if path is None:
            return Response("Not Found", 404, media_type="text/plain")
        runs = path.suffix.lower() in PROGRAMS and any(each.holds(path) and each.endings >= PROGRAMS for each in served)
        kind = TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        state = path.stat()
        mark = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
        headers = {**AGAIN, **({} if runs else STRICT), "ETag": mark}
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=304, headers=headers)
        return Response(path.read_bytes(), headers=headers, media_type=kind)

    return [Route("/file={path:path}", serve, methods=["GET"])]

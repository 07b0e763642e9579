"""A1111's own routes for cards: by page, name and file, of files that have a card and of nothing else."""

from __future__ import annotations

import base64
import html
import json
import os
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from modules.diffusion.errors import AquatintError, CheckpointError
from modules.diffusion.weights import open_weights
from modules.studio.image_files import open_picture
from modules.studio.network_cards import KINDS, Card, Cards, Kind, as_thumbnail
from modules.web.answers import json_answer
from modules.web.images import STRICT

PAGES: dict[str, Kind] = {
    "lora": "lora",
    "textual inversion": "embedding",
    "textual_inversion": "embedding",
    "hypernetworks": "hypernetwork",
    "checkpoints": "checkpoint",
}
"""A1111's names of its pages, and of their tabs."""
COVERS = "ssmd_cover_images"
"""The metadata key that holds pictures, as a JSON list of base64."""
LARGEST_COVER = 16 << 20


def extra_network_routes(cards: Cards) -> APIRouter:
    """Everything below /sd_extra_networks."""
    router = APIRouter(prefix="/sd_extra_networks")

    @router.get("/thumb")
    def thumb(filename: str = "") -> Response:
        """A card's picture, small; 404 for every other file, whether it exists or not."""
        wanted = os.path.normpath(filename)
        every = (card for kind in KINDS for card in cards.all(kind) if card.picture_file)
        card = next((card for card in every if filename and os.path.normpath(card.picture_file) == wanted), None)
        if card is None:
            raise HTTPException(404, "File not found")
        return Response(cards.thumbnail(card), headers=STRICT, media_type="image/webp")

    @router.get("/cover-images")
    def cover_images(page: str = "", item: str = "", index: int = 0) -> Response:
        """One of the pictures that a file carries in its header."""
        card = _named(cards, page, item)
        covers = _covers(_metadata(card)) if card is not None else []
        if not 0 <= index < len(covers):
            raise HTTPException(404, "File not found")
        try:
            picture = as_thumbnail(open_picture(base64.b64decode(covers[index])))
        except (AquatintError, ValueError):
            raise HTTPException(404, "File not found") from None
        return Response(picture, headers=STRICT, media_type="image/webp")

    @router.get("/metadata")
    def metadata(page: str = "", item: str = "") -> Response:
        """A file's header as JSON in `metadata`, without its pictures; {} where there is none."""
        card = _named(cards, page, item)
        found = {key: value for key, value in _metadata(card).items() if key != COVERS} if card is not None else {}
        return json_answer({"metadata": json.dumps(found, indent=4, ensure_ascii=False)} if found else {})

    @router.get("/get-single-card")
    def get_single_card(page: str = "", tabname: str = "", name: str = "") -> Response:
        """A card as HTML, in A1111's classes."""
        card = _named(cards, page, name)
        return json_answer({"html": _drawn(cards, card)} if card is not None else {})

    return router


def _named(cards: Cards, page: str, name: str) -> Card | None:
    kind = PAGES.get(page.strip().casefold())
    return next((card for card in cards.all(kind) if card.name == name), None) if kind else None


def _metadata(card: Card) -> dict[str, str]:
    try:
        with open_weights(card.path) as weights:
            return dict(weights.metadata)
    except CheckpointError:  # a folder, or a damaged file
        return {}


def _covers(metadata: dict[str, str]) -> list[str]:
    try:
        found: Any = json.loads(metadata.get(COVERS, "[]"))
    except (ValueError, RecursionError):
        return []
    return (
        [each for each in found if isinstance(each, str) and len(each) < LARGEST_COVER]
        if isinstance(found, list)
        else []
    )


def _drawn(cards: Cards, card: Card) -> str:
    name = html.escape(card.name)
    address = f"./sd_extra_networks/thumb?filename={quote(card.picture_file)}&mtime={card.version}"
    picture = f'<img src="{html.escape(address)}" class="preview" loading="lazy">' if card.picture_file else ""
    about = html.escape(cards.notes(card).description)
    return (
        f'<div class="card" data-name="{name}" data-prompt="{html.escape(cards.insertion(card))}">{picture}'
        f'<div class="actions"><span class="name">{name}</span><span class="description">{about}</span></div></div>'
    )

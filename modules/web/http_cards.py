"""The cards of networks over HTTP: found, shown, annotated. A file is named by its card's id, never by a path."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from modules.diffusion.checkpoint import Checkpoint
from modules.diffusion.errors import AquatintError
from modules.diffusion.hypernetworks import find_hypernetworks
from modules.diffusion.lora import WIDTHS
from modules.studio.app import App
from modules.studio.card_facts import read_facts
from modules.studio.card_notes import CardNotes
from modules.studio.network_cards import Card, Cards, Kind, Source, folders_of
from modules.web.answers import json_answer
from modules.web.images import STRICT
from modules.web.login import owner_of

PREFIX = "/aquatint/v1/cards"
PAGE = 60
TAGGED = ("lora", "hypernetwork")
"""Kinds that prompts have in angle brackets."""
KEPT = {**STRICT, "Cache-Control": "private, max-age=86400"}
"""Pictures of cards: their address changes with them."""


class PictureChoice(BaseModel):
    """POST .../picture: one of one's own pictures of the gallery."""

    model_config = ConfigDict(extra="forbid")

    image: str


def cards_of(app: App) -> Cards:
    """The cards of everything that the studio knows."""

    def loras() -> dict[str, Any]:
        app.loras.refresh()
        return {name: file.file for name, file in app.loras.files.items()}

    def embeddings() -> dict[str, Any]:
        app.embeddings.refresh()
        return {name: file.path for name, file in app.embeddings.files.items()}

    def checkpoints() -> dict[str, Any]:
        app.store.refresh()
        return {checkpoint.name: checkpoint.path for checkpoint in app.store.checkpoints}

    folders = app.folders
    sources: dict[Kind, Source] = {
        "lora": Source(loras, (folders.lora, folders.models / "LyCORIS")),
        "embedding": Source(embeddings, (folders.embeddings,)),
        "hypernetwork": Source(partial(find_hypernetworks, folders.hypernetworks), (folders.hypernetworks,)),
        "checkpoint": Source(checkpoints, folders.checkpoints),
    }
    return Cards(sources, folders.state / "cards.json")


def card_routes(app: App, cards: Cards) -> APIRouter:
    """Everything below /aquatint/v1/cards."""
    router = APIRouter(prefix=PREFIX)

    @router.get("")
    def find(
        request: HttpRequest,
        kind: Kind = "lora",
        words: str = "",
        folder: str = "",
        sort: str = "name",
        start: int = 0,
        fresh: bool = False,
        checkpoint: str = "",
    ) -> Response:
        """One page of cards; `fresh` looks at the disk, `checkpoint` is the one that they should fit."""
        if fresh:
            cards.refresh(kind)
        found = cards.find(kind, words, folder or None, sort)
        model = _model(app, checkpoint or app.own_options.of_programs(owner_of(request.scope)).sd_model_checkpoint)
        shown = found[max(0, start) : max(0, start) + PAGE]
        content = {
            "total": len(found),
            "next": start + PAGE if start + PAGE < len(found) else None,
            "folders": folders_of(cards.all(kind)) if start == 0 else [],
            "cards": [_told(app, cards, card, model) for card in shown],
        }
        cards.save()
        app.loras.save()
        return json_answer(content)

    @router.get("/{id}")
    def details(id: str) -> Response:
        """A card with its notes and all that its header says."""
        card = cards.get(id)
        facts = read_facts(card.path) if card.path.is_file() else None
        told = facts._asdict() if facts else {"tags": [], "rows": [], "everything": [], "problem": ""}
        return json_answer({**_told(app, cards, card, None), "notes": cards.notes(card).model_dump(), **told})

    @router.put("/{id}/notes")
    def annotate(id: str, notes: CardNotes) -> Response:
        """Writes the notes beside the file."""
        cards.write_notes(cards.get(id), notes)
        return json_answer(_told(app, cards, cards.get(id), None))

    @router.get("/{id}/picture")
    def picture(id: str) -> Response:
        """The card's picture, small."""
        return Response(cards.thumbnail(cards.get(id)), headers=KEPT, media_type="image/webp")

    @router.post("/{id}/picture")
    def choose_picture(id: str, choice: PictureChoice, request: HttpRequest) -> Response:
        """Makes one of one's own pictures the card's."""
        data, _ = app.gallery.read(choice.image, owner_of(request.scope))
        cards.write_picture(cards.get(id), data)
        return json_answer(_told(app, cards, cards.get(id), None))

    return router


def _model(app: App, name: str) -> Checkpoint | None:
    try:
        return app.store.find(name) if name else None
    except AquatintError:
        return None


def _told(app: App, cards: Cards, card: Card, model: Checkpoint | None) -> dict[str, Any]:
    notes, tags = cards.notes(card), cards.tags(card)
    made_for, misfit = _family(app, card, model)
    return {
        "id": card.id,
        "kind": card.kind,
        "name": card.name,
        "folder": card.folder,
        "size": card.size,
        "changed": card.changed if math.isfinite(card.changed) else 0,
        "picture": f"v1/cards/{card.id}/picture?v={card.version}" if card.picture else None,
        "insert": cards.insertion(card),
        "negative": notes.negative_text.strip() if card.kind in TAGGED else "",
        "description": notes.description,
        "sd_version": notes.sd_version,
        "triggers": notes.activation_text or ", ".join(tags[:5]),
        "made_for": made_for,
        "misfit": misfit,
    }


def _family(app: App, card: Card, model: Checkpoint | None) -> tuple[str, str]:
    """What a card was made for, and why it does not fit the model; empty when it does, or nobody knows."""
    if card.kind == "lora":
        lora = app.loras.files.get(card.name)
        width = app.loras.text_width(lora) if lora is not None else 0
        made_for = WIDTHS.get(width, "another kind of model" if width else "")
        fits = model is None or not width or not model.text_widths or width == sum(model.text_widths)
    elif card.kind == "embedding":
        file = app.embeddings.files.get(card.name)
        if file is None or file.problem:
            return "", file.problem if file else ""
        made_for = file.made_for
        fits = model is None or not model.text_widths or file.widths == model.text_widths
    elif card.kind == "hypernetwork":
        return "", ""
    else:
        return next((each.family.name for each in app.store.checkpoints if each.name == card.name), ""), ""
    return made_for, "" if fits or model is None else f"Made for {made_for}, not for {model.stem}."

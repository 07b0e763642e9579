"""POST /aquatint/v1/plan: what a request would come to, before it runs."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from pydantic import ConfigDict

from modules.studio.app import App
from modules.studio.plan import plan_of
from modules.studio.request import read_request
from modules.web.http_models import Payload
from modules.web.login import owner_of

NO_PICTURES = {"init_images": ("0",), "mask": "0", "firstpass_image": None}
"""A plan needs no picture."""


class PlanPayload(Payload):
    """The fields of a request, besides its kind."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    kind: Literal["txt2img", "img2img", "inpaint"] = "txt2img"


def plan_routes(app: App) -> APIRouter:
    """The plan."""
    router = APIRouter(prefix="/aquatint/v1")

    @router.post("/plan")
    def plan(payload: PlanPayload, request: HttpRequest) -> dict[str, Any]:
        """Says what would run, with what, for how long and when. Nothing is queued."""
        owner = owner_of(request.scope)
        asked = read_request(payload.kind, {**(payload.model_extra or {}), **NO_PICTURES})
        found = plan_of(app, asked, owner, app.own_options.of_programs(owner))
        networks = [wanted._asdict() for wanted in found.networks]
        return {**dataclasses.asdict(found), "networks": networks, "sentence": found.sentence}

    return router

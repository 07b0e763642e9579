"""Routes of A1111 whose feature is not here: they answer as A1111 does when it lacks what they need."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from modules.web.http_models import Payload

TRAINING = ("create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork")


class InterrogatePayload(Payload):
    """POST /sdapi/v1/interrogate."""

    image: str = ""
    model: str = "clip"


class TrainingResult(BaseModel):
    """The answer of the routes that create and train."""

    info: str


def missing_routes() -> APIRouter:
    """Interrogation and training."""
    router = APIRouter(prefix="/sdapi/v1")

    @router.post("/interrogate")
    def interrogate(payload: InterrogatePayload) -> dict[str, str]:
        """404, as in A1111 for a model that it does not have."""
        if not payload.image:
            raise HTTPException(404, "Image not found")
        raise HTTPException(404, "Model not found")

    for name in TRAINING:
        _add_training(router, name)
    return router


def _add_training(router: APIRouter, name: str) -> None:
    words = name.replace("/", " ")

    @router.post(f"/{name}", name=name)
    def train(values: dict[str, Any]) -> TrainingResult:
        """Says that it cannot, where A1111 says it: in `info`."""
        return TrainingResult(info=f"{words} error: this is not available yet")

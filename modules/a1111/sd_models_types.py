"""A1111's `modules.sd_models_types`: the class of models, for annotations and tests of type."""

from __future__ import annotations

from .bridge.model_face import ModelFace as WebuiSdModel

__all__ = ["WebuiSdModel"]

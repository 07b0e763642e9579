"""A1111's `modules.sd_hijack`: its hold on the model. Nothing is hijacked here; questions are answered."""

from __future__ import annotations

from typing import Any

from .bridge.host import host
from .bridge.missing import Missing
from .bridge.text_stage import TextStage
from .textual_inversion.textual_inversion import EmbeddingDatabase

optimizers: list[Any] = []
current_optimizer = None
diffusionmodules_model_AttnBlock_forward = Missing("AttnBlock.forward", "the VAE is diffusers'")
ldm_crossattention = Missing("ldm's CrossAttention", "attention is chosen by trial at the start")


class StableDiffusionModelHijack:
    """Counts tokens and knows the embeddings."""

    fixes = None
    circular_enabled = False
    clip = None
    optimization_method = "Automatic"

    def __init__(self) -> None:
        self.embedding_db = EmbeddingDatabase()
        self.comments: list[str] = []
        self.extra_generation_params: dict[str, Any] = {}

    @property
    def layers(self) -> list[Any]:
        """All modules of the networks at work, which are diffusers' and transformers'; none outside a job."""
        return [] if host.model is None else [module for part in host.model.parts for module in part.modules()]

    def get_prompt_lengths(self, text: str) -> tuple[int, int]:
        """(tokens, of so many that its chunks have room for)"""
        return TextStage().get_prompt_lengths(text)

    def tokenize(self, text: str) -> tuple[int, int]:
        """The same."""
        return self.get_prompt_lengths(text)

    def clear_comments(self) -> None:
        """Comments belong to jobs."""
        self.comments.clear()
        self.extra_generation_params.clear()

    def hijack(self, m: Any) -> None:
        """Nothing is changed."""

    def undo_hijack(self, m: Any) -> None:
        """Nothing was changed."""

    def apply_circular(self, enable: bool) -> None:
        """A job's `tiling` makes it seamless."""
        self.circular_enabled = enable

    def apply_optimizations(self, option: Any = None) -> str:
        """Attention was chosen at the start."""
        return self.optimization_method

    def convert_sdxl_to_ssd(self, m: Any) -> None:
        """SSD-1B is not known."""

    def redo_hijack(self, m: Any) -> None:
        """Nothing is changed."""

    def flatten(self, el: Any) -> list[Any]:
        """The modules below one."""
        return [module for child in el.children() for module in [child, *self.flatten(child)]]


model_hijack = StableDiffusionModelHijack()


def list_optimizers() -> None:
    """Asks those who listen to on_list_optimizers. None is used: attention was chosen at the start."""
    from .script_callbacks import list_optimizers_callback

    optimizers[:] = sorted(list_optimizers_callback(), key=lambda each: -getattr(each, "priority", 0))


def apply_optimizations(option: Any = None) -> str:
    """Attention was chosen at the start."""
    return "Automatic"


def undo_optimizations() -> None:
    """Nothing was changed."""


def fix_checkpoint() -> None:
    """Memory is saved by --medvram and --lowvram."""


def register_buffer(self: Any, name: str, attr: Any) -> None:
    """Sets it."""
    setattr(self, name, attr)

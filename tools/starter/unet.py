"""The painter: a UNet that turns noise into latents, after what the finished text encoder tells it."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel

from tools.starter.alignment import Alignment
from tools.starter.convolution import speed_up
from tools.starter.latents import Latents, tokenize
from tools.starter.training import Average, Moment, Optimizer, Run, autocast, fast_type
from tools.starter.words import WIDTH
from tools.starter.workspace import Workspace, load, save

UNET: dict[str, Any] = {
    "sample_size": 16,
    "block_out_channels": (96, 192, 320),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 4,
    "addition_embed_type": "text",
    "addition_embed_type_num_heads": 5,
    "resnet_time_scale_shift": "scale_shift",
}
"""Attention at 4 x 4 alone: each place there finds its patch of the reader's sketch, and higher up attention took half
the time.

What the words say as a whole is added to the time, which scales and shifts every block (Dhariwal and Nichol 2021).
"""
TEXT: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 1024,
    "num_hidden_layers": 3,
    "num_attention_heads": 5,
    "max_position_embeddings": 77,
    "vocab_size": 49408,
    "projection_dim": WIDTH,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "hidden_act": "gelu",
}
SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
BATCH = 48
AT_TIMES = 3
"""At how many times a composition is painted in a batch; the text encoder reads its caption once."""
PEAK, MUON = 5e-4, 1e-3
"""Learning rates of AdamW and of Muon."""
DECAY = 0.995
DROPPED = 0.1
"""How many captions are left out, for classifier-free guidance (Ho and Salimans 2022)."""
ASTRAY = 0.1
"""How much it counts where cross-attention looks."""
SNR_LIMIT = 5.0
"""gamma of Min-SNR weighting (Hang et al. 2023, arXiv 2303.09556), where there is more picture than noise."""


class Painter(nn.Module):
    """UNet and finished text encoder: (B, 4, 16, 16), (B,), (captions, 77) to v, (B, 4, 16, 16).

    Where there are fewer captions than pictures they serve again, in the same order.
    """

    def __init__(self, embeddings: Tensor | None = None) -> None:
        super().__init__()
        self.unet: Any = UNet2DConditionModel(**UNET).to(memory_format=torch.channels_last)
        speed_up(self.unet)
        self.alignment = Alignment(self.unet)
        for norm in (part for part in self.unet.modules() if isinstance(part, nn.GroupNorm)):
            # In bfloat16 and channels last this layer is three times as slow as in float32 on the CPU.
            norm.register_forward_pre_hook(lambda layer, given: (given[0].to(layer.weight.dtype),))
            norm.register_forward_hook(lambda _, given, found: found.to(fast_type()))
        self.text: Any = CLIPTextModel(CLIPTextConfig(**TEXT))
        if embeddings is not None:
            tokens: Any = self.text.get_input_embeddings().weight
            tokens.data.copy_(embeddings)

    def forward(self, noisy: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        with torch.no_grad():
            words = self.text(ids).last_hidden_state.repeat(len(noisy) // len(ids), 1, 1)
        v: Tensor = self.unet(noisy, t, words).sample
        return v

    def trained(self) -> list[nn.Parameter]:
        """The UNet's: the reader has taught the text encoder."""
        return list(self.unet.parameters())


class Training:
    """A painter with what its training needs to go on: optimizer, averages, and how many pictures it saw."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.painter = Painter(load(workspace.words, "text")["embeddings"])
        parameters = self.painter.trained()
        self.optimizer = _optimizer(self.painter.unet)
        self.average, self.seen = Average(parameters, DECAY), 0
        if workspace.unet.exists():
            self._restore(load(workspace.unet, "unet"))
        if workspace.reader.exists():
            self.painter.text.load_state_dict(load(workspace.reader, "reader")["text"])

    def run(self, table: Latents, minutes: float, cooling: float) -> None:
        """Trains for `minutes` and saves."""
        run = Run(minutes, cooling)
        alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod
        empty = tokenize([""])
        torch.manual_seed(self.seen)
        for moment in run.moments():
            loss, astray = self._step(_batch(table, alphas, empty), moment, run)
            run.tell(BATCH, loss, astray=astray, seen=self.seen, rate=run.rate(moment, 1.0))
            if run.time_to_save():
                self.save()
        self.save()

    def save(self) -> None:
        """Writes everything."""
        state = {
            "painter": self.painter.state_dict(),
            "optimizer": self.optimizer.state(),
            "average": self.average.state(),
            "seen": self.seen,
        }
        save(state, self.workspace.unet)

    def _restore(self, state: dict[str, Any]) -> None:
        self.painter.load_state_dict(state["painter"])
        self.average = Average(self.average.parameters, DECAY)
        if "optimizer" in state:
            self.optimizer.restore(state["optimizer"])
            self.average.restore(state["average"]["values"], state["average"]["steps"])
        self.seen = state["seen"]

    def _step(self, batch: tuple[Tensor, ...], moment: Moment, run: Run) -> tuple[float, float]:
        """The error of what was painted, and of where cross-attention looked."""
        with sdpa_kernel(SDPBackend.MATH):
            loss: Any = _loss(self.painter, *batch)
            astray = self.painter.alignment.error()
            (loss + ASTRAY * astray).backward()
        torch.nn.utils.clip_grad_norm_(self.average.parameters, 1.0)
        self.optimizer.step(run.rate(moment, 1.0))
        self.average.update()
        self.seen += BATCH
        return float(loss.detach()), float(astray.detach())


def _optimizer(unet: Any) -> Optimizer:
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in unet.named_parameters():
        (matrices if parameter.ndim in (2, 4) and "embed" not in name else others).append(parameter)
    return Optimizer([(matrices, MUON)], (others, PEAK))


def finished(workspace: Workspace) -> Painter:
    """The painter with its averaged weights."""
    training = Training(workspace)
    training.average.swap()
    return training.painter.eval()


def _batch(table: Latents, alphas: Tensor, empty: Tensor) -> tuple[Tensor, ...]:
    """Noisy latents, times, token ids, the v to find and the weight of each error. Times are spread over the batch."""
    chosen = torch.randint(len(table.latents), (BATCH // AT_TIMES,))
    x, ids = table.latents[chosen].float().repeat(AT_TIMES, 1, 1, 1), table.said(chosen)
    ids[torch.rand(len(ids)) < DROPPED] = empty
    t = ((torch.randperm(BATCH) + torch.rand(BATCH)) / BATCH * len(alphas)).long()
    a, s = alphas[t].sqrt().view(-1, 1, 1, 1), (1 - alphas[t]).sqrt().view(-1, 1, 1, 1)
    noise = torch.randn_like(x)
    noisy = (a * x + s * noise).contiguous(memory_format=torch.channels_last)
    snr = alphas[t] / (1 - alphas[t])
    return noisy, t, ids, a * noise - s * x, (SNR_LIMIT / (snr + 1)).clamp(max=1)


def _loss(painter: Painter, noisy: Tensor, t: Tensor, ids: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """The weighted squared error of v (Salimans and Ho 2022, arXiv 2202.00512, appendix D)."""
    with autocast():
        v = painter(noisy, t, ids)
    loss: Tensor = (weight * (v.float() - wanted).pow(2).mean((1, 2, 3))).mean()
    return loss

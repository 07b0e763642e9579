"""What A1111's callbacks are handed: an object a moment, whose attributes they read and change."""

from __future__ import annotations

from typing import Any


class ImageSaveParams:
    """A picture that is about to be saved, or has been."""

    def __init__(self, image: Any, p: Any, filename: str, pnginfo: dict[str, Any]) -> None:
        self.image = image
        """PIL's."""
        self.p = p
        """The face of the job, or None."""
        self.filename = filename
        """Its full path; on_before_image_saved may change its ending and its name."""
        self.pnginfo = pnginfo
        """What is written in it, by name; `parameters` is the infotext."""


class ExtraNoiseParams:
    """Noise that is added to what img2img or hires fix begins with."""

    def __init__(self, noise: Any, x: Any, xi: Any) -> None:
        self.noise = noise
        """Of unit variance."""
        self.x = x
        """The latents of the picture."""
        self.xi = xi
        """The latents under the noise of the first step."""


class CFGDenoiserParams:
    """A call of the network that is about to be made; tensors are (B, ...), `x` in the sampler's scale."""

    def __init__(
        self,
        x: Any,
        image_cond: Any,
        sigma: Any,
        sampling_step: int,
        total_sampling_steps: int,
        text_cond: Any,
        text_uncond: Any,
        denoiser: Any = None,
    ) -> None:
        self.x = x
        self.image_cond = image_cond
        self.sigma = sigma
        self.sampling_step = sampling_step
        self.total_sampling_steps = total_sampling_steps
        self.text_cond = text_cond
        self.text_uncond = text_uncond
        self.denoiser = denoiser


class CFGDenoisedParams:
    """What the network has made of each prompt, before guidance joins them."""

    def __init__(self, x: Any, sampling_step: int, total_sampling_steps: int, inner_model: Any) -> None:
        self.x = x
        self.sampling_step = sampling_step
        self.total_sampling_steps = total_sampling_steps
        self.inner_model = inner_model


class AfterCFGCallbackParams:
    """What guidance has made of a call of the network."""

    def __init__(self, x: Any, sampling_step: int, total_sampling_steps: int) -> None:
        self.x = x
        self.sampling_step = sampling_step
        self.total_sampling_steps = total_sampling_steps
        self.output_altered = False
        """Of old: whether `x` was replaced. It is looked at itself."""


class UiTrainTabParams:
    """The previews' settings of A1111's Train tab."""

    def __init__(self, txt2img_preview_params: Any) -> None:
        self.txt2img_preview_params = txt2img_preview_params


class ImageGridLoopParams:
    """The pictures of a sheet, and its shape."""

    def __init__(self, imgs: list[Any], cols: int, rows: int) -> None:
        self.imgs = imgs
        self.cols = cols
        self.rows = rows


class BeforeTokenCounterParams:
    """A prompt whose tokens are about to be counted."""

    def __init__(self, prompt: str, steps: int, styles: list[str] | None = None, is_positive: bool = True) -> None:
        self.prompt = prompt
        self.steps = steps
        self.styles = styles or []
        self.is_positive = is_positive

"""A1111's Script: what an extension subclasses to take part in a job."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class AlwaysVisible:
    """What `show` returns for a script that takes part in every job, without being chosen."""


class PostprocessImageArgs:
    """One picture; `image` may be replaced."""

    def __init__(self, image: Any, index: int = 0) -> None:
        self.image = image
        self.index = index
        """Its number in the batch; Forge's."""


class PostProcessMaskOverlayArgs:
    """One picture's overlay: what of the original lies over what was painted; both may be replaced."""

    def __init__(self, index: int, mask_for_overlay: Any, overlay_image: Any) -> None:
        self.index = index
        self.mask_for_overlay = mask_for_overlay
        self.overlay_image = overlay_image


class PostSampleArgs:
    """The finished latents (B, C, h, w); `samples` may be replaced."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples


class PostprocessBatchListArgs:
    """The batch's pictures as tensors (3, H, W) in [0, 1]; the list may be changed."""

    def __init__(self, images: list[Any]) -> None:
        self.images = images


class MaskBlendArgs:
    """Latents that are about to be joined along the mask; `blended_latent` may be replaced."""

    def __init__(
        self,
        current_latent: Any,
        nmask: Any,
        init_latent: Any,
        mask: Any,
        blended_latent: Any,
        denoiser: Any = None,
        sigma: Any = None,
    ) -> None:
        self.current_latent = current_latent
        self.nmask = nmask
        self.init_latent = init_latent
        self.mask = mask
        self.blended_latent = blended_latent
        self.denoiser = denoiser
        self.is_final_blend = denoiser is None
        self.sigma = sigma


@dataclass
class OnComponent:
    """A component of the page that was asked for by its elem_id."""

    component: Any


class Script:
    """One script; A1111 makes an instance for txt2img and another for img2img, and so does Aquatint.

    The methods are called in the order in which they are written here. `args` are the values of the controls that
    `ui` returns, in their order.
    """

    name: str | None = None
    """Its title in lower case."""
    section: str | None = None
    """A part of the page where its controls shall be."""
    filename: str | None = None
    args_from: int | None = None
    args_to: int | None = None
    """Its arguments are p.script_args[args_from:args_to]."""
    alwayson = False
    is_txt2img = False
    is_img2img = False
    tabname: str | None = None
    group: Any = None
    """The group that holds its controls."""
    create_group = True
    infotext_fields: list[Any] | None = None
    """(component, name in the infotext or function of its entries), for what is pasted."""
    paste_field_names: list[str] | None = None
    api_info: Any = None
    """What the HTTP API says of it."""
    on_before_component_elem_id: list[tuple[str, Callable[..., Any]]] | None = None
    on_after_component_elem_id: list[tuple[str, Callable[..., Any]]] | None = None
    setup_for_ui_only = False
    """`setup` is called for the page's jobs alone."""
    controls: list[Any] | None = None
    sorting_priority = 0
    lacks_ui = False
    """Its `ui` has failed: without its arguments it cannot take part."""
    load_script: Any = None

    def title(self) -> str:
        """Its name in lists; must be overridden."""
        raise NotImplementedError

    def ui(self, is_img2img: bool) -> Any:
        """Makes its controls and returns them as a list."""

    def show(self, is_img2img: bool) -> Any:
        """Whether it is there: False, True (to be chosen), or AlwaysVisible."""
        return True

    def run(self, p: Any, *args: Any) -> Any:
        """In the place of a job's normal course, when it was chosen: makes pictures by process_images(p) and returns a
        Processed; None for the normal course."""

    def setup(self, p: Any, *args: Any) -> None:
        """Before anything else."""

    def before_process(self, p: Any, *args: Any) -> None:
        """Before prompts and seeds of all pictures are made from p."""

    def process(self, p: Any, *args: Any) -> None:
        """Before the first batch."""

    def before_process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Before a batch: batch_number, prompts, seeds, subseeds."""

    def after_extra_networks_activate(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """As above, and extra_network_data."""

    def process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """As before_process_batch, after it."""

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Before each pass: x, noise, c, uc."""

    def before_hr(self, p: Any, *args: Any) -> None:
        """Before the second pass of hires fix."""

    def on_mask_blend(self, p: Any, mba: MaskBlendArgs, *args: Any) -> None:
        """At each step of an inpainting."""

    def post_sample(self, p: Any, ps: PostSampleArgs, *args: Any) -> None:
        """After sampling, before the latents are decoded."""

    def postprocess_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """After decoding: images, a tensor (B, 3, H, W) in [0, 1], and batch_number."""

    def postprocess_batch_list(self, p: Any, pp: PostprocessBatchListArgs, *args: Any, **kwargs: Any) -> None:
        """The same as a list, whose length may change."""

    def postprocess_image(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """Each picture as it was painted."""

    def postprocess_maskoverlay(self, p: Any, ppmo: PostProcessMaskOverlayArgs, *args: Any) -> None:
        """Before a picture is put into its original."""

    def postprocess_image_after_composite(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """Each picture as it will be saved."""

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        """When all pictures are made."""

    def before_component(self, component: Any, **kwargs: Any) -> None:
        """Before each component of the page."""

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """After each component of the page."""

    def on_before_component(self, callback: Callable[[OnComponent], Any], *, elem_id: str) -> None:
        """Calls `callback` before the component of that elem_id; to be used in `show`."""
        if self.on_before_component_elem_id is None:
            self.on_before_component_elem_id = []
        self.on_before_component_elem_id.append((elem_id, callback))

    def on_after_component(self, callback: Callable[[OnComponent], Any], *, elem_id: str) -> None:
        """Calls `callback` after the component of that elem_id; to be used in `show`."""
        if self.on_after_component_elem_id is None:
            self.on_after_component_elem_id = []
        self.on_after_component_elem_id.append((elem_id, callback))

    def describe(self) -> str:
        """Of old; unused."""
        return ""

    def elem_id(self, item_id: Any) -> str:
        """An elem_id of its own for a control, with the tab's name where it is in both."""
        shown = self.show(True) == self.show(False)
        tab = (self.tabname or ("img2img" if self.is_img2img else "txt2img")) + "_" if shown else ""
        title = re.sub(r"[^a-z_0-9]", "", re.sub(r"\s", "_", self.title().lower()))
        return f"script_{tab}{title}_{item_id}"

    def before_process_init_images(self, p: Any, pp: Any, *args: Any, **kwargs: Any) -> None:
        """Forge's: before the pictures of img2img are read."""


class ScriptBuiltinUI(Script):
    """A script that stands for a part of the page itself, whose elem_ids are those of the page."""

    setup_for_ui_only = True

    def elem_id(self, item_id: Any) -> str:
        """`txt2img_<item>`."""
        shown = self.show(True) == self.show(False)
        tab = (self.tabname or ("img2img" if self.is_img2img else "txt2img")) + "_" if shown else ""
        return f"{tab}{item_id}"

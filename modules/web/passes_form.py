"""The part of the form for further passes: hires fix, refiner, and what changes the sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from modules.web.field import IMAGE
from modules.web.folds import fold
from modules.web.mounts import mount

if TYPE_CHECKING:
    from modules.web.tab_generate import Sheet

SIZE = """(on, width, height, scale, x, y) => {
    const size = window.aquatint.hiresSize(width, height, scale, x, y);
    return on ? `${width} × ${height} → ${size[0]} × ${size[1]}` : '';
}"""


def hires_fix(sheet: Sheet) -> Any:
    """A switch, and what it is about below it while it is on; returns where its size is shown."""
    tab = sheet.form.tab
    with gr.Column(elem_id=f"{tab}_hires_fix", elem_classes="aq-fold"):
        with gr.Row(elem_classes="aq-fold-head"):
            sheet.add("enable_hr")
            note = mount(sheet.page.assets, "note", elem_id=f"{tab}_hr_size", elem_classes="aq-fold-note")
        with gr.Column(elem_classes="aq-fold-body"):
            with gr.Row():
                sheet.add("hr_upscaler", "hr_second_pass_steps", "denoising_strength")
            with gr.Row():
                sheet.add("hr_scale", "hr_resize_x", "hr_resize_y")
            own = (
                ("hr_sampler_name", "hr_scheduler"),
                ("hr_checkpoint_name", "hr_cfg"),
                ("hr_prompt", "hr_negative_prompt"),
            )
            fold(sheet, "Its own sampler, checkpoint and prompts", "hr_own", *own)
            for box in ("hires_prompt", "hires_neg_prompt"):
                given = {"elem_id": f"{tab}_{box}_notes", "elem_classes": "aq-prompt-notes aq-below"}
                about = {"about": f"{tab}_{box}"}
                sheet.notes.append(mount(sheet.page.assets, "prompt_notes", options=about, **given))
    return note


def show_hires_size(sheet: Sheet, note: Any) -> None:
    """Says in `note` what becomes of the size."""
    names = ("enable_hr", "width", "height", "hr_scale", "hr_resize_x", "hr_resize_y")
    inputs = [sheet.widgets[name] for name in names]
    changes = [widget.change for widget in inputs]
    gr.on(changes, fn=None, js=SIZE, inputs=inputs, outputs=[note], api_visibility="private", show_progress="hidden")


def refiner_and_sampling(sheet: Sheet) -> None:
    """Closed until somebody wants them."""
    refiner = ("refiner_checkpoint", "refiner_switch_at")
    fold(sheet, "Refiner", "refiner", refiner, marked_by=refiner[:1])
    fold(
        sheet,
        "Sampler parameters",
        "sampler_parameters",
        ("eta", "eta_noise_seed_delta", "s_noise"),
        ("s_churn", "s_tmin", "s_tmax"),
    )
    fold(sheet, "More", "sampling_more", ("cfg_rescale", "tiling", "restore_faces"))


def over_the_picture(sheet: Sheet) -> None:
    """Closed until somebody wants them: what is done around, over and over to a picture."""
    if sheet.form.tab == IMAGE:
        sides = ("outpaint_left", "outpaint_right"), ("outpaint_up", "outpaint_down")
        filled = ("outpaint_blur", "outpaint_fill"), ("outpaint_falloff", "outpaint_color_variation")
        fold(sheet, "Outpainting", "outpainting", *sides, *filled, marked_by=[*sides[0], *sides[1]])
        tiled = ("sd_upscale_upscaler", "sd_upscale_scale", "sd_upscale_overlap")
        fold(sheet, "SD upscale", "sd_upscale", tiled, marked_by=tiled[:1])
    looped = ("loops", "final_denoising_strength", "denoising_curve")
    fold(sheet, "Loopback", "loopback", looped, marked_by=looped[:1])


def soft_inpainting(sheet: Sheet) -> None:
    """A switch, and its numbers below it while it is on."""
    with gr.Column(elem_id=f"{sheet.form.tab}_soft_inpainting", elem_classes="aq-fold"):
        with gr.Row(elem_classes="aq-fold-head"):
            sheet.add("soft_inpainting")
        with gr.Column(elem_classes="aq-fold-body"):
            with gr.Row():
                sheet.add("soft_schedule_bias", "soft_preservation", "soft_contrast_boost")
            with gr.Row():
                sheet.add("soft_mask_influence", "soft_difference_threshold", "soft_difference_contrast")


def variation(sheet: Sheet) -> None:
    """What bends the seed."""
    resized = ("seed_resize_from_w", "seed_resize_from_h")
    marks = ["subseed_strength", *resized]
    fold(sheet, "Variation", "subseed_row", ("subseed", "subseed_strength"), resized, marked_by=marks)

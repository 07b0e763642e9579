"""Typed options in one JSON file, written atomically; an option is declared once, here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _row(section: str, label: str, help: str = "", **limits: Any) -> Any:
    """A declaration: the section of the page, the label of the widget, a sentence of help, pydantic's limits."""
    return Field(title=label, description=help, json_schema_extra={"section": section}, **limits)


Count = Annotated[int, Field(ge=0)]


class Options(BaseModel):
    """The value of every option at one moment. A job keeps the one it was submitted with."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=False)

    # What makes pictures
    sd_model_checkpoint: Annotated[str, _row("sd", "Stable Diffusion checkpoint")] = ""
    sd_vae: Annotated[str, _row("vae", "SD VAE", "Automatic: a VAE beside the checkpoint, else its own.")] = "Automatic"
    CLIP_stop_at_last_layers: Annotated[int, _row("sd", "Clip skip", ge=1, le=12)] = 1
    sd_checkpoints_limit: Annotated[int, _row("sd", "Checkpoints kept in memory", ge=1, le=20)] = 2
    eta_noise_seed_delta: Annotated[int, _row("sampler-params", "Eta noise seed delta (ENSD)", ge=0)] = 0
    initial_noise_multiplier: Annotated[float, _row("img2img", "Noise multiplier for img2img", ge=0, le=2)] = 1.0
    img2img_fix_steps: Annotated[
        bool, _row("img2img", "Do exactly the amount of steps the slider says, whatever the denoising strength")
    ] = False
    # Files
    samples_save: Annotated[bool, _row("saving-images", "Save every generated picture")] = True
    save_incomplete_images: Annotated[
        bool, _row("saving-images", "Save interrupted pictures", "They are shown either way.")
    ] = False
    samples_format: Annotated[Literal["png", "jpg", "webp"], _row("saving-images", "File format")] = "png"
    samples_filename_pattern: Annotated[
        str, _row("saving-images", "File name pattern", "[seed], [prompt_spaces], [date] ...; empty means [seed].")
    ] = ""
    save_images_add_number: Annotated[bool, _row("saving-images", "Begin file names with a running number")] = True
    grid_save: Annotated[bool, _row("saving-images", "Save a grid of every batch")] = True
    grid_format: Annotated[Literal["png", "jpg", "webp"], _row("saving-images", "File format of grids")] = "png"
    return_grid: Annotated[bool, _row("saving-images", "Show the grid with the results")] = True
    enable_pnginfo: Annotated[bool, _row("saving-images", "Write the generation parameters into the file")] = True
    save_txt: Annotated[bool, _row("saving-images", "Write a text file with the parameters beside each picture")] = (
        False
    )
    jpeg_quality: Annotated[int, _row("saving-images", "Quality of JPEG and lossy WebP", ge=1, le=100)] = 90
    webp_lossless: Annotated[bool, _row("saving-images", "Lossless WebP")] = False
    outdir_txt2img_samples: Annotated[str, _row("saving-paths", "Folder of txt2img pictures")] = (
        "outputs/txt2img-images"
    )
    outdir_img2img_samples: Annotated[str, _row("saving-paths", "Folder of img2img pictures")] = (
        "outputs/img2img-images"
    )
    outdir_txt2img_grids: Annotated[str, _row("saving-paths", "Folder of txt2img grids")] = "outputs/txt2img-grids"
    outdir_img2img_grids: Annotated[str, _row("saving-paths", "Folder of img2img grids")] = "outputs/img2img-grids"
    save_to_dirs: Annotated[bool, _row("saving-to-dirs", "Save pictures into subfolders")] = True
    directories_filename_pattern: Annotated[str, _row("saving-to-dirs", "Pattern of the subfolders")] = "[date]"
    # What people see
    live_previews_enable: Annotated[bool, _row("ui", "Show live previews")] = True
    show_progress_every_n_steps: Annotated[int, _row("ui", "Preview every n steps", ge=1, le=100)] = 2
    add_model_name_to_info: Annotated[bool, _row("infotext", "Write the model's name into the parameters")] = True
    add_version_to_infotext: Annotated[bool, _row("infotext", "Write the program's version into the parameters")] = True

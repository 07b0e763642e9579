"""The options that change how sampling goes, whatever is sampled; settings.py has the others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


def option(section: str, label: str, help: str = "", *, restricted: bool = False, **limits: Any) -> Any:
    """A declaration: the section of the page, the label of the widget, a sentence of help, pydantic's limits.

    `restricted`: it decides where on the server's disk files go, so a request cannot override it.
    """
    return Field(
        title=label, description=help, json_schema_extra={"section": section, "restricted": restricted}, **limits
    )


class SamplerOptions(BaseModel):
    """Most of the sections "sd" and "sampler-params"."""

    randn_source: Annotated[
        Literal["GPU", "CPU", "NV"],
        option(
            "sd",
            "Random numbers from",
            "CPU: a seed means the same noise on every machine. NV: that of NVIDIA's cards, on every machine too, as in"
            " most pictures of A1111. GPU: the card's own; without one the CPU's.",
        ),
    ] = "CPU"
    eta_noise_seed_delta: Annotated[int, option("sampler-params", "Eta noise seed delta (ENSD)", ge=0)] = 0
    eta_ancestral: Annotated[
        float, option("sampler-params", "Eta for k-diffusion samplers", "0 is no fresh noise in a step.", ge=0, le=10)
    ] = 1.0
    eta_ddim: Annotated[
        float, option("sampler-params", "Eta for DDIM", "0 is no fresh noise in a step.", ge=0, le=10)
    ] = 0.0
    s_churn: Annotated[
        float,
        option("sampler-params", "Sigma churn", "Noise added before steps of Euler, Heun, DPM2.", ge=0, le=100),
    ] = 0.0
    s_tmin: Annotated[float, option("sampler-params", "Sigma tmin", "No churn below it.", ge=0, le=10)] = 0.0
    s_tmax: Annotated[
        float, option("sampler-params", "Sigma tmax", "No churn above it; 0 is no limit.", ge=0, le=999)
    ] = 0.0
    s_noise: Annotated[float, option("sampler-params", "Sigma noise", "A factor on fresh noise.", ge=0, le=1.1)] = 1.0
    sigma_min: Annotated[
        float, option("sampler-params", "Schedule min sigma", "Where it ends; 0 is the model's own.", ge=0, le=1e3)
    ] = 0.0
    sigma_max: Annotated[
        float, option("sampler-params", "Schedule max sigma", "Where it begins; 0 is the model's own.", ge=0, le=1e5)
    ] = 0.0
    rho: Annotated[
        float,
        option(
            "sampler-params",
            "Schedule rho",
            "Higher is steeper; 0 is the usual one: 7 for Karras, 1 for Polyexponential.",
            ge=0,
            le=100,
        ),
    ] = 0.0
    beta_dist_alpha: Annotated[float, option("sampler-params", "Beta schedule - alpha", ge=0.01, le=1)] = 0.6
    beta_dist_beta: Annotated[float, option("sampler-params", "Beta schedule - beta", ge=0.01, le=1)] = 0.6
    always_discard_next_to_last_sigma: Annotated[
        bool, option("sampler-params", "Always discard the next-to-last sigma", "As DPM2 does by itself.")
    ] = False
    sgm_noise_multiplier: Annotated[
        bool,
        option("sampler-params", "SGM noise multiplier", "Begins with the noise of Stability's own SDXL program."),
    ] = False
    uni_pc_variant: Annotated[Literal["bh1", "bh2", "vary_coeff"], option("sampler-params", "UniPC variant")] = "bh1"
    uni_pc_skip_type: Annotated[
        Literal["time_uniform", "time_quadratic", "logSNR"], option("sampler-params", "UniPC skip type")
    ] = "time_uniform"
    uni_pc_order: Annotated[
        int, option("sampler-params", "UniPC order", "Fewer than the steps; beyond 3 it tends to break.", ge=1, le=50)
    ] = 3
    uni_pc_lower_order_final: Annotated[bool, option("sampler-params", "UniPC lower order final")] = True
    sd_noise_schedule: Annotated[
        Literal["Default", "Zero Terminal SNR"],
        option("sampler-params", "Noise schedule for sampling", "Zero Terminal SNR is for models trained with it."),
    ] = "Default"
    token_merging_ratio: Annotated[
        float,
        option(
            "optimizations",
            "Token merging ratio",
            "Attention over fewer tokens in the largest layers: faster, with a little less detail; 0 is none.",
            ge=0,
            le=0.9,
        ),
    ] = 0.0
    token_merging_ratio_img2img: Annotated[
        float, option("optimizations", "Token merging ratio for img2img", "0 is the same.", ge=0, le=0.9)
    ] = 0.0
    token_merging_ratio_hr: Annotated[
        float, option("optimizations", "Token merging ratio for hires fix", "0 is the same.", ge=0, le=0.9)
    ] = 0.0

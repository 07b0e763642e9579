"""The flags of A1111 and Forge that Aquatint has none for, and what they are when nobody gives them."""

from __future__ import annotations

from typing import Any


def _names(text: str) -> list[str]:
    return text.split()


SWITCHES = _names(
    """
    f update_all_extensions skip_python_version_check skip_torch_cuda_test reinstall_xformers reinstall_torch
    update_check test_server log_startup skip_prepare_environment dump_sysinfo do_not_download_clip no_half_vae
    no_progressbar_hiding allow_code medvram_sdxl lowram always_batch_cond_uncond unload_gfpgan upcast_sampling share
    enable_insecure_extension_access force_enable_xformers xformers_flash_attention deepdanbooru
    opt_sub_quad_attention opt_split_attention_invokeai opt_split_attention_v1 opt_sdp_no_mem_attention
    disable_opt_split_attention disable_nan_check use_ipex disable_model_loading_ram_optimization show_negative_prompt
    hide_ui_dir_config freeze_settings gradio_debug no_gradio_queue opt_channelslast use_textbox_seed
    disable_console_progressbars enable_console_prompts disable_safe_unpickle api_log ui_debug_mode administrator
    disable_tls_verify skip_version_check no_hashing no_download_sd_model add_stop_route disable_all_extensions
    disable_extra_extensions skip_load_model_at_start unix_filenames_sanitization no_prompt_history webui_is_non_local
    always_gpu always_cpu always_high_vram always_normal_vram always_low_vram always_no_vram pin_shared_memory
    cuda_malloc cuda_stream attention_split attention_quad attention_pytorch disable_xformers forge_api
    """
)
"""False when they are not given."""

ABSENT = _names(
    """
    ckpt gfpgan_model ngrok freeze_settings_in_sections freeze_specific_settings gradio_img2img_tool
    gradio_inpaint_tool sub_quad_kv_chunk_size sub_quad_chunk_threshold vae_path device_id cors_allow_origins_regex
    subpath clip_models_path bsrgan_models_path ldsr_models_path scunet_models_path
    swinir_models_path additional_device_ids forge_ref_a1111_home controlnet_preprocessor_models_dir
    """
)
"""None when they are not given."""

VALUES: dict[str, Any] = {
    "config": "configs/stable-diffusion/v1-inference.yaml",
    "gradio_allowed_path": [],
    "gradio_queue": True,
    "max_batch_count": 16,
    "filenames_max_length": 128,
    "ngrok_options": {},
    "ngrok_region": "",
    "precision": "autocast",
    "sub_quad_q_chunk_size": 1024,
    "timeout_keep_alive": 30,
    "use_cpu": [],
}
"""Others, which are never changed in place."""

DEFAULTS: dict[str, Any] = {**dict.fromkeys(SWITCHES, False), **dict.fromkeys(ABSENT), **VALUES}

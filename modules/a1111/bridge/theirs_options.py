"""The options of A1111 that Aquatint has none for, and what they are there: extensions read them."""

from __future__ import annotations

from typing import Any


def _names(text: str) -> list[str]:
    return text.split()


ON = _names(
    """
    grid_only_if_multiple save_selected_only use_original_name_batch save_write_log_csv multiple_tqdm
    grid_save_to_dirs enable_upscale_progressbar persistent_cond_cache batch_cond_uncond send_seed send_size
    js_modal_lightbox js_modal_lightbox_initially_zoomed extra_networks_card_show_desc show_progress_in_title
    auto_backcompat extra_networks_show_hidden_directories uni_pc_lower_order_final
    textual_inversion_save_settings save_training_settings_to_txt dimensions_and_batch_together
    include_styles_into_token_counters show_progressbar disable_weights_auto_swap notification_audio export_for_4chan
    sd_checkpoints_keep_in_cpu list_hidden_files hide_ldm_prints deepbooru_use_spaces api_enable_requests
    api_forbid_local_requests enable_batch_seeds samplers_in_dropdown interrupt_after_current gradio_themes_cache
    profiling_record_shapes profiling_profile_memory profiling_with_stack prevent_screen_sleep_during_generation
    """
)
OFF = _names(
    """
    enable_console_prompts print_hypernet_extra profiling_enable save_optimizer_state
    training_xattention_optimizations sdxl_clip_l_skip extra_networks_card_description_is_html
    live_preview_allow_lowvram_full grid_extended_filename grid_prevent_empty_spots notification_muted
    use_save_to_dirs_for_ui use_upscaler_name_as_suffix clean_temp_dir_at_start
    face_restoration_unload samples_log_stdout show_warnings show_gradio_deprecation_warnings
    disable_mmap_load_safetensors  dump_stacks_on_signal unload_models_when_training pin_memory
    training_enable_tensorboard training_tensorboard_save_images upcast_attn enable_quantization
    cache_fp16_weight sdxl_crop no_dpmpp_sde_batch_determinism use_old_emphasis_implementation
    use_old_karras_scheduler_sigmas use_old_hires_fix_width_height hires_fix_use_firstpass_conds
    use_downcasted_alpha_bar interrogate_keep_models_in_memory interrogate_return_ranks
    lora_show_all lora_functional lora_hide_unknown_for_versions lora_bundled_ti_to_infotext
    lora_not_found_warning_console lora_not_found_gradio_warning img2img_inpaint_precise_mask
    return_mask return_mask_composite do_not_show_images js_modal_lightbox_gamepad js_live_preview_in_modal_lightbox
    compact_prompt_box disable_token_counters txt2img_settings_accordion img2img_settings_accordion
    hires_fix_show_sampler hires_fix_show_prompts live_preview_allow_lowvram_sdxl
    live_preview_fast_interrupt filter_nsfw is_debug hide_auto_sd_paint_ext_tab enable_reloading_ui_scripts
    sd_checkpoint_dropdown_use_short hypertile_enable_unet hypertile_enable_unet_secondpass hypertile_enable_vae
    pad_cond_uncond pad_cond_uncond_v0 set_scale_by_when_changing_upscaler auto_vae_precision_bfloat16
    """
)

VALUES: dict[str, Any] = {
    "outdir_samples": "",
    "outdir_grids": "",
    "outdir_save": "log/images",
    "temp_dir": "",
    "grid_format": "png",
    "grid_text_active_color": "#000000",
    "grid_text_inactive_color": "#999999",
    "grid_background_color": "#ffffff",
    "n_rows": -1,
    "font": "",
    "save_images_replace_action": "Replace",
    "directories_max_prompt_words": 8,
    "img_downscale_threshold": 4.0,
    "target_side_length": 4000.0,
    "img_max_size_mp": 200.0,
    "notification_volume": 100,
    "upscaler_for_img2img": None,
    "realesrgan_enabled_models": ["R-ESRGAN 4x+", "R-ESRGAN 4x+ Anime6B"],
    "dat_enabled_models": ["DAT x2", "DAT x3", "DAT x4"],
    "DAT_tile": 192,
    "DAT_tile_overlap": 8,
    "auto_launch_browser": "Local",
    "memmon_poll_rate": 8,
    "sd_checkpoint_cache": 0,
    "sd_checkpoint_hash": "",
    "sd_lora": "None",
    "sd_hypernetwork": "None",
    "sd_unet": "Automatic",
    "sd_vae_checkpoint_cache": 0,
    "sd_vae_overrides_per_model_preferences": True,
    "sd_vae_encode_method": "Full",
    "sd_vae_decode_method": "Full",
    "auto_vae_precision": True,
    "sdxl_crop_top": 0.0,
    "sdxl_crop_left": 0.0,
    "sdxl_refiner_low_aesthetic_score": 2.5,
    "sdxl_refiner_high_aesthetic_score": 6.0,
    "sd3_enable_t5": False,
    "randn_source": "CPU",
    "token_merging_ratio": 0.0,
    "token_merging_ratio_img2img": 0.0,
    "token_merging_ratio_hr": 0.0,
    "cross_attention_optimization": "Automatic",
    "img2img_editor_height": 720,
    "img2img_sketch_default_brush_color": "#ffffff",
    "img2img_inpaint_mask_brush_color": "#ffffff",
    "img2img_inpaint_mask_high_contrast": True,
    "img2img_inpaint_sketch_default_brush_color": "#ffffff",
    "img2img_batch_show_results_limit": 32,
    "overlay_inpaint": True,
    "interrogate_clip_num_beams": 1,
    "interrogate_clip_min_length": 24,
    "interrogate_clip_max_length": 48,
    "interrogate_clip_dict_limit": 1500,
    "interrogate_clip_skip_categories": [],
    "interrogate_deepbooru_score_threshold": 0.5,
    "deepbooru_sort_alpha": True,
    "deepbooru_escape": True,
    "deepbooru_filter_tags": "",
    "extra_networks_hidden_models": "When searched",
    "extra_networks_default_multiplier": 1.0,
    "extra_networks_card_width": 0,
    "extra_networks_card_height": 0,
    "extra_networks_card_text_scale": 1.0,
    "extra_networks_card_order_field": "Path",
    "extra_networks_card_order": "Ascending",
    "extra_networks_add_text_separator": " ",
    "extra_networks_dir_button_function": False,
    "extra_networks_tree_view_default_enabled": True,
    "extra_networks_tree_view_default_width": 180,
    "ui_extra_networks_tab_reorder": "",
    "textual_inversion_print_at_load": False,
    "lora_preferred_name": "Alias from file",
    "lora_add_hashes_to_infotext": True,
    "lora_in_memory_limit": 0,
    "keyedit_delimiters_whitespace": ["Tab", "Carriage Return", "Line Feed"],
    "disabled_extensions": [],
    "disable_all_extensions": "none",
    "restore_config_state_file": "",
    "quicksettings_list": ["sd_model_checkpoint"],
    "quick_setting_list": [],
    "ui_tab_order": [],
    "hidden_tabs": [],
    "ui_reorder_list": [],
    "localization": "None",
    "gradio_theme": "Default",
    "gallery_height": "",
    "open_dir_button_choice": "Subdirectory",
    "sd_webui_modal_lightbox_icon_opacity": 1,
    "sd_webui_modal_lightbox_toolbar_opacity": 0.9,
    "infotext_styles": "Apply if any",
    "infotext_skip_pasting": [],
    "add_vae_name_to_info": True,
    "add_vae_hash_to_info": True,
    "add_model_hash_to_info": True,
    "live_previews_image_format": "jpeg",
    "show_progress_grid": True,
    "show_progress_type": "Approx cheap",
    "live_preview_content": "Prompt",
    "live_preview_refresh_period": 1000,
    "hide_samplers": [],
    "ddim_discretize": "uniform",
    "sigma_min": 0.0,
    "sigma_max": 0.0,
    "rho": 0.0,
    "k_sched_type": "Automatic",
    "always_discard_next_to_last_sigma": False,
    "sgm_noise_multiplier": False,
    "uni_pc_variant": "bh1",
    "uni_pc_skip_type": "time_uniform",
    "uni_pc_order": 3,
    "sd_noise_schedule": "Default",
    "beta_dist_alpha": 0.6,
    "beta_dist_beta": 0.6,
    "postprocessing_enable_in_main_ui": [],
    "postprocessing_disable_in_extras": [],
    "postprocessing_operation_order": [],
    "upscaling_max_images_in_cache": 5,
    "fp8_storage": "Disable",
    "grid_zip_filename_pattern": "",
    "profiling_activities": ["CPU"],
    "profiling_filename": "trace.json",
    "api_useragent": "",
    "extra_networks_tree_view_style": "Dirs",
    "js_modal_lightbox_gamepad_repeat": 250,
    "postprocessing_existing_caption_action": "Ignore",
    "dataset_filename_word_regex": "",
    "dataset_filename_join_string": " ",
    "training_image_repeats_per_epoch": 1,
    "training_write_csv_every": 500,
    "training_tensorboard_flush_every": 120,
    "images_history_preload": False,
    "forge_additional_modules": [],
    "forge_unet_storage_dtype": "Automatic",
    "forge_preset": "all",
    "forge_inference_memory": 1024,
}
DEFAULTS: dict[str, Any] = {**dict.fromkeys(ON, True), **dict.fromkeys(OFF, False), **VALUES}

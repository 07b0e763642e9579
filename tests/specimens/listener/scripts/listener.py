"""Hears of each checkpoint that is loaded and changes it for good, has prompts counted as longer ones, and offers an
optimisation."""

from modules import script_callbacks, shared

heard = []


class Sparse:
    name = "sparse"
    priority = 10


def on_model_loaded(model):
    ours = model.unet.conv_in.forward
    model.unet.conv_in.forward = lambda x: ours(x) * 0.5
    heard.append((model is shared.sd_model, model.sd_checkpoint_info.name_for_extra))


def on_before_token_counter(params):
    if params.is_positive:
        params.prompt = params.prompt.replace("everything", "red apple, blue heart, green tree")


script_callbacks.on_model_loaded(on_model_loaded)
script_callbacks.on_before_token_counter(on_before_token_counter)
script_callbacks.on_list_optimizers(lambda found: found.append(Sparse()))

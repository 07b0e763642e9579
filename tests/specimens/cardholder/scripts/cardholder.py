"""A page of cards beside A1111's own, an option whose choices are the pages there are, and a colour for its style."""

import gradio as gr

from modules import script_callbacks, shared, ui_extra_networks

shared.gradio_theme.cardholder_edge = "3px"
shared.gradio_theme.cardholder_edge_dark = "4px; } body { display: none"


class Cards(ui_extra_networks.ExtraNetworksPage):
    words = {"rain": "heavy rain", "fog": "<lora:fog:0.7>"}

    def __init__(self):
        super().__init__("Weather Cards")
        self.allow_negative_prompt = True

    def refresh(self):
        Cards.words = {**self.words, "snow": "snow"}

    def list_items(self):
        for name, text in self.words.items():
            yield {
                "name": name,
                "filename": f"{name}.txt",
                "prompt": ui_extra_networks.quote_js(text),
                "search_terms": [f"/sky/{name}"],
                "sort_keys": {"default": name},
            }


class Faulty(ui_extra_networks.ExtraNetworksPage):
    def __init__(self):
        super().__init__("Faulty Cards")


def on_before_ui():
    ui_extra_networks.register_page(Cards())
    ui_extra_networks.register_page(Faulty())


def on_ui_settings():
    titles = [page.title for page in ui_extra_networks.extra_pages]
    choices = {"choices": titles}
    option = shared.OptionInfo(titles[0], "First page", gr.Radio, choices, section=("cardholder", "Cardholder"))
    shared.opts.add_option("cardholder_first", option)


script_callbacks.on_before_ui(on_before_ui)
script_callbacks.on_ui_settings(on_ui_settings)

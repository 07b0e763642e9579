"""Options that its author wants to be told in the parameters of pictures, and one that he does not."""

from modules import script_callbacks, shared


def _options():
    section = ("labelled", "Labelled")
    rows = {
        "labelled_on": shared.OptionInfo(False, "On", section=section, infotext="Labelled on").info("a remark"),
        "labelled_share": shared.OptionInfo(0.5, "Share", section=section, infotext="Labelled share").needs_restart(),
        "labelled_name": shared.OptionInfo("none", "Name", section=section, infotext="Labelled name"),
        "labelled_list": shared.OptionInfo(["a"], "List", section=section, infotext="Labelled list").link("wiki", "https://example.org/"),
        "labelled_secret": shared.OptionInfo("x", "Not told", section=section),
    }
    for name, info in rows.items():
        shared.opts.add_option(name, info)


script_callbacks.on_ui_settings(_options)

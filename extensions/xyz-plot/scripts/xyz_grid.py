"""X/Y/Z plot: a picture for every combination of values, side by side on labelled sheets, and a table of them.

The name of the file and of `axis_options` are A1111's: other extensions find them and add axes of their own.
"""

from __future__ import annotations

import gradio as gr
from modules.ui_components import ToolButton
from xyz_plot import table
from xyz_plot.axes import (  # noqa: F401  others look for them here
    AxisOption,
    AxisOptionImg2Img,
    AxisOptionTxt2Img,
    apply_field,
    apply_override,
    do_nothing,
    format_nothing,
    format_value,
    format_value_add_label,
    make_axis_options,
    str_permutations,
)
from xyz_plot.plot import SEEDS, Vary, confirm, paint, read_axis, sheets, together, with_seeds
from xyz_plot.values import ValuesError

from modules import images, processing, scripts, shared

axis_options = make_axis_options()
LETTERS = ("X", "Y", "Z")
FIRST = ("Seed", "Nothing", "Nothing")
FILL = "All"
SWAP = "\u21c4"


class Script(scripts.Script):
    """In the list of scripts of every form."""

    def title(self):
        return "X/Y/Z plot"

    def ui(self, is_img2img):
        self.current_axis_options = [
            option for option in axis_options if getattr(option, "is_img2img", None) in (None, is_img2img)
        ]
        made = [self._axis(letter, first) for letter, first in zip(LETTERS, FIRST, strict=True)]
        axes, fills = [each[:3] for each in made], [each[3] for each in made]
        with gr.Row(elem_id=self.elem_id("swap_axes")):
            for one, other in ((0, 1), (1, 2), (0, 2)):
                swap = gr.Button(f"{LETTERS[one]} {SWAP} {LETTERS[other]}", size="sm", min_width=60)
                both = [*axes[one], *axes[other]]
                swap.click(self._swapped, inputs=both, outputs=both, show_progress=False)
        with gr.Row():
            legend = gr.Checkbox(True, label="Draw legend", elem_id=self.elem_id("draw_legend"), min_width=120)
            lone = gr.Checkbox(
                True, label="Include Sub Images", elem_id=self.elem_id("include_lone_images"), min_width=120
            )
            subs = gr.Checkbox(
                False, label="Include Sub Grids", elem_id=self.elem_id("include_sub_grids"), min_width=120
            )
        with gr.Row():
            vary = [
                gr.Checkbox(
                    False,
                    label=f"Vary seeds for {letter}",
                    elem_id=self.elem_id(f"vary_seeds_{letter.lower()}"),
                    min_width=120,
                )
                for letter in LETTERS
            ]
        with gr.Row():
            open_seeds = gr.Checkbox(False, label="Keep -1 for seeds", elem_id=self.elem_id("no_fixed_seeds"))
            from_text = gr.Checkbox(
                False, label="Use text inputs instead of dropdowns", elem_id=self.elem_id("csv_mode")
            )
        margin = gr.Slider(0, 500, value=0, step=2, label="Grid margins (px)", elem_id=self.elem_id("margin_size"))
        for (kind, text, chosen), fill in zip(axes, fills, strict=True):
            showing = {"inputs": [kind, from_text], "outputs": [text, chosen, fill], "show_progress": False}
            kind.change(self._shown, **showing)
            from_text.change(self._shown, **showing)
        table.build(self.elem_id)
        self.infotext_fields = [
            field
            for letter, (kind, text, _) in zip(LETTERS, axes, strict=True)
            for field in ((kind, f"{letter} Type"), (text, f"{letter} Values"))
        ]
        parts = [part for axis in axes for part in axis]
        return [*parts, legend, lone, subs, open_seeds, *vary, margin, from_text]

    def _axis(self, letter, first):
        low = letter.lower()
        with gr.Row(elem_id=self.elem_id(f"{low}_axis"), equal_height=True):
            names = [option.label for option in self.current_axis_options]
            kind = gr.Dropdown(
                names,
                value=names[names.index(first)],
                type="index",
                label=f"{letter} type",
                min_width=140,
                elem_id=self.elem_id(f"{low}_type"),
            )
            text = gr.Textbox(
                label=f"{letter} values",
                lines=1,
                scale=2,
                elem_id=self.elem_id(f"{low}_values"),
                visible=first != "Nothing",
                placeholder="1, 2, 3   or   1-9 (+2)   or   0-1 [5]",
            )
            chosen = gr.Dropdown(
                [],
                label=f"{letter} values",
                multiselect=True,
                visible=False,
                scale=2,
                elem_id=self.elem_id(f"{low}_values_dropdown"),
            )
            fill = ToolButton(
                FILL, elem_id=self.elem_id(f"{low}_fill"), tooltip="All values of the list", visible=False
            )
            fill.click(self._all, inputs=[kind], outputs=[text, chosen], show_progress=False)
        return kind, text, chosen, fill

    def _option(self, kind):
        if isinstance(kind, str):
            return next((option for option in self.current_axis_options if option.label == kind), axis_options[0])
        return self.current_axis_options[kind or 0]

    def _shown(self, kind, from_text):
        """A list to choose from where the axis has one, else a box to write in."""
        option = self._option(kind)
        listed = option.choices is not None and not from_text
        choices = option.choices() if option.choices is not None else []
        return [
            gr.update(visible=option.label != "Nothing" and not listed),
            gr.update(visible=listed, choices=choices),
            gr.update(visible=option.choices is not None),
        ]

    def _all(self, kind):
        option = self._option(kind)
        choices = option.choices() if option.choices is not None else None
        if choices is None:
            return [gr.update(), gr.update()]
        return [gr.update(value=", ".join(_quoted(choice) for choice in choices)), gr.update(value=choices)]

    def _swapped(self, *both):
        half = len(both) // 2
        return [update for axis in (both[half:], both[:half]) for update in self._again(*axis)]

    def _again(self, kind, text, chosen):
        """An axis as it was, in another place."""
        option = self._option(kind)
        choices = option.choices() if option.choices is not None else []
        return [gr.update(value=option.label), gr.update(value=text), gr.update(value=chosen, choices=choices)]

    def run(self, p, *values):
        kinds, texts, chosen = values[0:9:3], values[1:9:3], values[2:9:3]
        legend, lone, subs, open_seeds, vary_x, vary_y, vary_z, margin, from_text = values[9:18]
        if not open_seeds:
            processing.fix_seed(p)
        try:
            axes = [
                read_axis(self._option(kind), text or "", listed or [], from_text=from_text)
                for kind, text, listed in zip(kinds, texts, chosen, strict=True)
            ]
            confirm(p, axes)
        except ValuesError as error:
            raise gr.Error(f"X/Y/Z plot: {error}") from None
        if not open_seeds:
            axes = [with_seeds(axis) for axis in axes]
        p.batch_size = 1 if not lone else p.batch_size
        p.extra_generation_params["Script"] = self.title()
        for letter, axis, text, listed in zip(LETTERS, axes, texts, chosen, strict=True):
            if axis.is_used:
                p.extra_generation_params[f"{letter} Type"] = axis.option.label
                p.extra_generation_params[f"{letter} Values"] = text or ", ".join(_quoted(value) for value in listed)
                if axis.option.label in SEEDS and not open_seeds:
                    p.extra_generation_params[f"Fixed {letter} Values"] = ", ".join(map(str, axis.values))
        cells = list(paint(p, axes, Vary(vary_x, vary_y, vary_z)))
        table.keep(p, axes, cells)
        return self._processed(p, axes, cells, legend=legend, lone=lone, subs=subs, margin=margin)

    def _processed(self, p, axes, cells, *, legend, lone, subs, margin):
        """The sheet of everything, then the sheets of Z, then the pictures themselves, in the order of the sheets."""
        failed = sorted({cell.failed for cell in cells if cell.failed})
        made = sorted((cell for cell in cells if cell.images), key=lambda cell: cell.at[::-1])
        if not made:
            if failed:
                raise gr.Error(f"X/Y/Z plot: {failed[0]}")
            return processing.Processed(p, [], p.seed, "")
        found = sheets(cells, axes, p, legend=legend, margin=margin)
        grids = [together(found, axes[2], p, legend=legend)]
        grids += found if subs and len(found) > 1 else []
        for grid in grids:
            if shared.opts.grid_save:
                images.save_image(
                    grid,
                    p.outpath_grids,
                    "xyz_grid",
                    info=made[0].infotexts[0],
                    extension=shared.opts.grid_format,
                    prompt=p.prompt,
                    seed=made[0].seed,
                    grid=True,
                    p=p,
                )
        singles = [(picture, text) for cell in made for picture, text in zip(cell.images, cell.infotexts, strict=True)]
        singles = singles if lone else []
        done = processing.Processed(
            p,
            [*grids, *(picture for picture, _ in singles)],
            made[0].seed,
            made[0].infotexts[0],
            infotexts=[*[made[0].infotexts[0]] * len(grids), *(text for _, text in singles)],
            all_seeds=[cell.seed for cell in made],
            index_of_first_image=len(grids),
            comments="\n".join(f"{text} ({sum(cell.failed == text for cell in cells)} cells)" for text in failed),
        )
        return done


def _quoted(value):
    return f'"{value}"' if "," in str(value) else str(value)

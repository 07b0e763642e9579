"""Prompt matrix: `a cat|in a hat|on a mat` paints every combination of the parts after the first."""

import math

import gradio as gr
from modules.shared import opts

from modules import images, processing, scripts

MOST = 10
"""Parts that may be on or off; ten are 1,024 pictures."""


def combinations(prompt, delimiter=", ", at_start=False):
    """(parts, prompts): the prompt for every subset of the parts after the first, in binary order."""
    parts = [part.strip() for part in prompt.split("|")]
    if len(parts) - 1 > MOST:
        raise gr.Error(f"Prompt matrix: {len(parts) - 1} parts after the first are too many; at most {MOST}.")
    prompts = []
    for number in range(2 ** (len(parts) - 1)):
        chosen = [part for bit, part in enumerate(parts[1:]) if number & (1 << bit)]
        ordered = [*chosen, parts[0]] if at_start else [parts[0], *chosen]
        prompts.append(delimiter.join(part for part in ordered if part))
    return parts, prompts


class Script(scripts.Script):
    """In the list of scripts of every form."""

    def title(self):
        return "Prompt matrix"

    def ui(self, is_img2img):
        gr.HTML("<p>Write the parts of the prompt with | between them: every combination is painted.</p>")
        with gr.Row():
            at_start = gr.Checkbox(
                False, label="Put variable parts at start of prompt", elem_id=self.elem_id("put_at_start")
            )
            different = gr.Checkbox(
                False, label="Use different seed for each picture", elem_id=self.elem_id("different_seeds")
            )
        with gr.Row():
            which = gr.Radio(
                ["positive", "negative"], value="positive", label="Select prompt", elem_id=self.elem_id("prompt_type")
            )
            delimiter = gr.Radio(
                ["comma", "space"],
                value="comma",
                label="Select joining char",
                elem_id=self.elem_id("variations_delimiter"),
            )
        margin = gr.Slider(0, 500, value=0, step=2, label="Grid margins (px)", elem_id=self.elem_id("margin_size"))
        return [at_start, different, which, delimiter, margin]

    def run(self, p, at_start, different, which, delimiter, margin):
        processing.fix_seed(p)
        field = "prompt" if which == "positive" else "negative_prompt"
        written = getattr(p, field)
        written = written[0] if isinstance(written, list) else written
        parts, prompts = combinations(written, ", " if delimiter == "comma" else " ", at_start)
        setattr(p, field, prompts)
        p.seed = [p.seed + (number if different else 0) for number in range(len(prompts))]
        p.n_iter = math.ceil(len(prompts) / p.batch_size)
        p.do_not_save_grid = True
        done = processing.process_images(p)
        pictures = done.images[done.index_of_first_image :]
        if not pictures:
            return done
        grid = images.image_grid(pictures, p.batch_size, rows=1 << ((len(parts) - 1) // 2))
        grid = images.draw_prompt_matrix(grid, pictures[0].width, pictures[0].height, parts, margin)
        done.images.insert(done.index_of_first_image, grid)
        done.infotexts.insert(done.index_of_first_image, done.infotexts[0])
        done.index_of_first_image += 1
        if opts.grid_save:
            images.save_image(
                grid,
                p.outpath_grids,
                "prompt_matrix",
                extension=opts.grid_format,
                info=done.infotexts[0],
                prompt=written,
                seed=done.seed,
                grid=True,
                p=p,
            )
        return done

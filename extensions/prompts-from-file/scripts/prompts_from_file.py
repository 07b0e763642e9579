"""Prompts from file or textbox: a job a line, each with words or flags of its own (`--prompt "a cat" --steps 20`)."""

import copy
import random
import shlex

import gradio as gr
from modules.processing import Processed
from modules.shared import state

from modules import errors, processing, scripts

MOST_LINES = 10_000
SWITCHES = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _switch(text):
    if text.casefold() not in SWITCHES:
        raise ValueError(f"{text!r} is neither true nor false")
    return SWITCHES[text.casefold()]


FLAGS = {
    "prompt": str,
    "negative_prompt": str,
    "sd_model": str,
    "outpath_samples": str,
    "outpath_grids": str,
    "prompt_for_display": str,
    "styles": str,
    "seed": int,
    "subseed": int,
    "subseed_strength": float,
    "seed_resize_from_h": int,
    "seed_resize_from_w": int,
    "sampler_index": int,
    "sampler_name": str,
    "scheduler": str,
    "batch_size": int,
    "n_iter": int,
    "steps": int,
    "cfg_scale": float,
    "width": int,
    "height": int,
    "restore_faces": _switch,
    "tiling": _switch,
    "do_not_save_samples": _switch,
    "do_not_save_grid": _switch,
}
"""The flags of a line, A1111's, and how their words are read."""
WORDS = ("prompt", "negative_prompt")
NOT_HERE = ("outpath_samples", "outpath_grids", "prompt_for_display", "sampler_index")
"""Accepted and passed over: where pictures go is the server's business."""


def read_line(line):
    """{flag: value} of a line; a line without flags is a prompt. Raises ValueError naming what is wrong."""
    if not line.startswith("--"):
        return {"prompt": line}
    try:
        parts = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"{line[:60]!r}: {error}") from None
    found, place = {}, 0
    while place < len(parts):
        name = parts[place].removeprefix("--").replace("-", "_")
        if not parts[place].startswith("--") or name not in FLAGS:
            raise ValueError(f"{parts[place]!r} is no flag of a line: --" + ", --".join(FLAGS))
        if place + 1 >= len(parts):
            raise ValueError(f"{parts[place]} has no value")
        end = place + 2
        while name in WORDS and end < len(parts) and not parts[end].startswith("--"):
            end += 1
        text = " ".join(parts[place + 1 : end])
        try:
            found[name] = FLAGS[name](text)
        except ValueError:
            raise ValueError(f"{parts[place]} {text}: that is no {FLAGS[name].__name__.strip('_')}") from None
        place = end
    return found


def apply_line(p, values, position):
    """Gives the job what its line says; `position`: where the form's prompt goes beside the line's."""
    for name, value in values.items():
        if name in NOT_HERE:
            continue
        if name == "sd_model":
            p.override_settings["sd_model_checkpoint"] = value
        elif name == "styles":
            p.styles = [*p.styles, *(style.strip() for style in value.split(",") if style.strip())]
        elif name in WORDS and position != "none" and getattr(p, name):
            both = (value, getattr(p, name)) if position == "start" else (getattr(p, name), value)
            setattr(p, name, " ".join(both))
        else:
            setattr(p, name, value)


class Script(scripts.Script):
    """In the list of scripts of every form."""

    def title(self):
        return "Prompts from file or textbox"

    def ui(self, is_img2img):
        iterate = gr.Checkbox(False, label="Iterate seed every line", elem_id=self.elem_id("checkbox_iterate"))
        same = gr.Checkbox(
            False, label="Use same random seed for all lines", elem_id=self.elem_id("checkbox_iterate_batch")
        )
        position = gr.Radio(
            ["start", "end", "none"],
            value="start",
            label="Insert prompts at the",
            info="Of the form's own prompt; none leaves the form's out.",
            elem_id=self.elem_id("prompt_position"),
        )
        text = gr.Textbox(label="List of prompt inputs", lines=3, elem_id=self.elem_id("prompt_txt"))
        file = gr.File(label="Upload prompt inputs", type="binary", elem_id=self.elem_id("file"))
        file.change(self._read, inputs=[file], outputs=[text], show_progress=False)
        return [iterate, same, position, text]

    def _read(self, file):
        if file is None:
            return gr.update()
        try:
            return file.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise gr.Error("The file is not text in UTF-8.") from None

    def run(self, p, iterate, same, position, text):
        lines = [line.strip() for line in (text or "").splitlines()]
        lines = [line for line in lines if line]
        if not lines:
            raise gr.Error("Prompts from file: there are no lines.")
        if len(lines) > MOST_LINES:
            raise gr.Error(f"Prompts from file: {len(lines)} lines are too many; at most {MOST_LINES}.")
        try:
            jobs = [read_line(line) for line in lines]
        except ValueError as error:
            raise gr.Error(f"Prompts from file: {error}.") from None
        if same and p.seed == -1:
            p.seed = random.randrange(2**32 - 1)
        state.job_count = sum(values.get("n_iter", p.n_iter) for values in jobs)
        return self._run(p, jobs, iterate, position)

    def _run(self, p, jobs, iterate, position):
        pictures, infotexts, prompts, seeds, failed, seed = [], [], [], [], [], p.seed
        for number, values in enumerate(jobs):
            if state.interrupted:
                break
            one = copy.copy(p)
            one.styles, one.override_settings = list(p.styles), dict(p.override_settings)
            one.seed = seed
            apply_line(one, values, position)
            try:
                done = processing.process_images(one)
            except Exception as error:  # noqa: BLE001  one line must not cost the others
                errors.report(f"Prompts from file, line {number + 1}: {error}", exc_info=False)
                failed.append(f"Line {number + 1}: {error}")
                continue
            first = done.index_of_first_image
            pictures += done.images[first:]
            infotexts += done.infotexts[first:]
            prompts += done.all_prompts
            seeds += done.all_seeds
            if iterate:
                seed = done.seed + p.batch_size * p.n_iter
        if not pictures and failed:
            raise gr.Error(failed[0])
        return Processed(
            p,
            pictures,
            seeds[0] if seeds else p.seed,
            infotexts[0] if infotexts else "",
            all_prompts=prompts,
            all_seeds=seeds,
            infotexts=infotexts,
            comments="\n".join(failed),
        )

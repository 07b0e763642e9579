"""Storyboard: a scene a line becomes a contact sheet with captions, for film, comics and teaching."""

import copy
import math
from typing import NamedTuple

import gradio as gr
from modules.processing import Processed
from modules.shared import opts, state
from PIL import Image, ImageDraw

from modules import errors, images, processing, scripts

MOST_SCENES = 200
PAPER, INK, FAINT = "white", (20, 20, 20), (110, 110, 110)


class Scene(NamedTuple):
    """What is painted and what is written below it."""

    words: str
    caption: str


def read_scenes(text):
    """A scene a line; `words :: caption` where the caption is not the words. Lines that begin with # are remarks."""
    scenes = []
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            words, _, caption = line.partition("::")
            scenes.append(Scene(words.strip(), caption.strip() or words.strip()))
    return scenes


def prompt_of(scene, style):
    """The form's prompt is the style of all scenes: `{scene}` in it says where the words go, else they come first."""
    if "{scene}" in style:
        return style.replace("{scene}", scene.words)
    return ", ".join(part for part in (scene.words, style) if part)


def wrapped(text, font, width):
    """Lines no wider than `width` pixels; a word that is too long by itself is cut."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width or not line:
            line = longer
        else:
            lines.append(line)
            line = word
        while font.getlength(line) > width and len(line) > 1:
            end = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or font.getlength(line[:n]) <= width)
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line] if line else lines


def contact_sheet(pictures, captions, columns, title="", numbered=True):
    """(pictures, None where one is missing) as rows of `columns`, each above its caption; all places are equal."""
    width, height = (max(picture.size[side] for picture in pictures if picture) for side in (0, 1))
    size = max(12, width // 24)
    font, gap = images.get_font(size), max(8, width // 32)
    texts = [
        wrapped(f"{number}. {caption}" if numbered else caption, font, width)
        for number, caption in enumerate(captions, start=1)
    ]
    line = round(size * 1.3)
    below = max((len(lines) for lines in texts), default=0) * line + gap
    heading = images.get_font(size * 2)
    above = round(size * 3.2) if title else 0
    rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (columns * (width + gap) + gap, above + rows * (height + below + gap) + gap), PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((gap, gap), title, INK, font=heading)
    for number, picture in enumerate(pictures):
        left = gap + number % columns * (width + gap)
        top = above + gap + number // columns * (height + below + gap)
        if picture is None:
            draw.rectangle((left, top, left + width - 1, top + height - 1), outline=FAINT)
        else:
            sheet.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
        for row, text in enumerate(texts[number]):
            draw.text((left, top + height + gap // 2 + row * line), text, INK, font=font)
    return sheet


class Script(scripts.Script):
    """In the list of scripts of every form."""

    def title(self):
        return "Storyboard"

    def ui(self, is_img2img):
        text = gr.Textbox(
            label="Scenes, one a line",
            lines=5,
            placeholder="a lighthouse in a storm :: 1. Night. The keeper wakes.\na small boat on high waves",
            info="The prompt above is the style of all scenes; {scene} in it says where the words go.",
            elem_id=self.elem_id("scenes"),
        )
        title = gr.Textbox(label="Title", max_lines=1, elem_id=self.elem_id("title"))
        with gr.Row():
            columns = gr.Slider(1, 8, value=3, step=1, label="Columns", elem_id=self.elem_id("columns"))
            with gr.Column():
                same = gr.Checkbox(
                    True,
                    label="Same seed for all scenes",
                    info="Keeps the look together.",
                    elem_id=self.elem_id("same"),
                )
                numbered = gr.Checkbox(True, label="Number the scenes", elem_id=self.elem_id("numbered"))
        return [text, title, columns, same, numbered]

    def run(self, p, text, title, columns, same, numbered):
        scenes = read_scenes(text or "")
        if not scenes:
            raise gr.Error("Storyboard: there are no scenes. Write one a line.")
        if len(scenes) > MOST_SCENES:
            raise gr.Error(f"Storyboard: {len(scenes)} scenes are too many; at most {MOST_SCENES}.")
        processing.fix_seed(p)
        p.batch_size, p.n_iter, p.do_not_save_grid = 1, 1, True
        p.extra_generation_params["Script"] = self.title()
        state.job_count = len(scenes)
        painted = [self._paint(p, scene, 0 if same else number) for number, scene in enumerate(scenes)]
        made = [each for each in painted if isinstance(each, Processed)]
        if not made:
            problem = next((each for each in painted if each), None)
            if problem:
                raise gr.Error(f"Storyboard: {problem}")
            return Processed(p, [], p.seed, "")
        pictures = [each.images[each.index_of_first_image] if isinstance(each, Processed) else None for each in painted]
        captions = [scene.caption for scene in scenes]
        columns = min(int(columns), len(scenes))
        sheet = contact_sheet(pictures, captions, columns, title.strip(), numbered)
        infotexts = [each.infotexts[each.index_of_first_image] for each in made]
        if opts.grid_save:
            images.save_image(
                sheet,
                p.outpath_grids,
                "storyboard",
                extension=opts.grid_format,
                info=infotexts[0],
                prompt=title or scenes[0].words,
                seed=made[0].seed,
                grid=True,
                p=p,
            )
        return Processed(
            p,
            [sheet, *(picture for picture in pictures if picture)],
            made[0].seed,
            infotexts[0],
            infotexts=[infotexts[0], *infotexts],
            all_seeds=[each.seed for each in made],
            all_prompts=[each.prompt for each in made],
            index_of_first_image=1,
            comments="\n".join(
                f"Scene {number}: {each}"
                for number, each in enumerate(painted, start=1)
                if isinstance(each, str) and each
            ),
        )

    def _paint(self, p, scene, later):
        """A Processed with one picture, or what went wrong in a sentence; "" when the job was interrupted."""
        if state.interrupted:
            return ""
        one = copy.copy(p)
        one.styles, one.override_settings = list(p.styles), dict(p.override_settings)
        one.prompt, one.seed = prompt_of(scene, p.prompt), p.seed + later
        try:
            done = processing.process_images(one)
        except Exception as error:  # noqa: BLE001  one line must not cost the others
            errors.report(f"Storyboard, {scene.words!r}: {error}", exc_info=False)
            return str(error)
        return done if len(done.images) > done.index_of_first_image else ""

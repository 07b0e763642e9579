"""What the page says of a prompt while it is typed: what is odd about it, for the form and the model at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules.diffusion.denoiser import img2img_steps
from modules.diffusion.errors import AquatintError
from modules.diffusion.hypernetworks import (
    find_hypernetwork,
    find_hypernetworks,
    read_hypernetwork,
)
from modules.diffusion.lora import WIDTHS
from modules.diffusion.prompt_check import Problem, check_prompt
from modules.diffusion.prompt_parts import LORA_KINDS, Network, read_prompt
from modules.studio.request import Img2Img, Request, Txt2Img
from modules.studio.settings import Options
from modules.studio.template_parts import NAME
from modules.studio.templates import first_choice

if TYPE_CHECKING:
    from modules.diffusion.checkpoint import Checkpoint
    from modules.studio.app import App
    from modules.web.tokens import TokenCounter

OFF = "Wildcards and choices are switched off, so this is plain text: the Settings have a switch."
MOST = 20
"""Problems that are shown of one prompt."""


class PromptNotes:
    """Checks prompts against what is installed."""

    def __init__(self, app: App, tokens: TokenCounter) -> None:
        self._app, self._tokens = app, tokens
        self._misfits: dict[tuple[Path, int, int], str] = {}
        """For whom a hypernetwork was made, if not for a model: by file, its time, and how wide the texts are."""

    def all(self, request: Request, options: Options, checkpoint: Checkpoint | None) -> list[str]:
        """Of both prompts; and, in a request that may have a second pass, of both of its own prompts."""
        told = [self.of(request, options, checkpoint, negative=each) for each in (False, True)]
        if not isinstance(request, Txt2Img):
            return told
        return told + [self.of_second(request, options, checkpoint, negative=each) for each in (False, True)]

    def of(self, request: Request, options: Options, checkpoint: Checkpoint | None, *, negative: bool = False) -> str:
        """The problems of a request's prompt as the page's script wants them (JSON): `of` is the prompt, places are
        counted as JavaScript counts characters."""
        text = request.negative_prompt if negative else request.prompt
        return self._told(text, request, options, checkpoint, negative)

    def of_second(self, request: Txt2Img, options: Options, checkpoint: Checkpoint | None, *, negative: bool) -> str:
        """The same of the second pass, for its own checkpoint if it has one; empty while there is none."""
        if not request.enable_hr:
            return ""
        try:
            own = self._app.store.find(request.hr_checkpoint_name) if request.hr_checkpoint_name else checkpoint
        except AquatintError:  # said when it is asked for
            own = checkpoint
        text = request.hr_negative_prompt if negative else request.hr_prompt
        return self._told(text, request, options, own, negative)

    def _told(
        self, text: str, request: Request, options: Options, checkpoint: Checkpoint | None, negative: bool
    ) -> str:
        problems = [*self._checked(text, request, options, checkpoint, negative), *self._templates(text, options)]
        if checkpoint is not None:
            problems += self._embeddings(text, options, checkpoint)
        problems.sort(key=lambda problem: (problem.is_note, problem.start))
        places = list(accumulate((1 + (ord(letter) > 0xFFFF) for letter in text), initial=0))
        shown = [
            {**problem._asdict(), "start": places[problem.start], "end": places[problem.end]}
            for problem in problems[:MOST]
        ]
        return json.dumps({"of": text, "problems": shown})

    def _checked(
        self, text: str, request: Request, options: Options, checkpoint: Checkpoint | None, negative: bool
    ) -> list[Problem]:
        wanted = [network for network in read_prompt(text).networks if network.kind in LORA_KINDS]
        found = {network.name for network in wanted if self._app.loras.has(network.name)}
        names = [*self._app.loras.files, *found]
        widths = checkpoint.text_widths if checkpoint is not None else ()
        steps, second_pass = _steps(request, options)
        return check_prompt(
            text,
            steps,
            second_pass=second_pass,
            old_timelines=options.use_old_scheduling,
            negative=negative,
            comments=options.enable_prompt_comments,
            emphasis=options.emphasis,
            networks={**dict.fromkeys(LORA_KINDS, names), "hypernet": self._hypernetworks(text)},
            unfit=lambda network: self._misfit(network, checkpoint) if checkpoint is not None else "",
            count=lambda part: self._tokens.tokens(part, options, widths),
        )

    def _hypernetworks(self, text: str) -> list[str]:
        """The names that are there, and those that the prompt has for them."""
        wanted = [network.name for network in read_prompt(text).networks if network.kind == "hypernet"]
        names = list(find_hypernetworks(self._app.folders.hypernetworks)) if wanted else []
        known = {name.casefold() for name in names}
        return [*names, *(name for name in wanted if name.casefold() in known)]

    def _misfit(self, network: Network, checkpoint: Checkpoint) -> str:
        own = sum(checkpoint.text_widths)
        if network.kind not in LORA_KINDS:
            return self._misfit_of_hypernetwork(network.name, own, checkpoint)
        width = self._app.loras.text_width(self._app.loras.find(network.name))
        if not width or not own or width == own:
            return ""
        return (
            f"{network.name:.80} is a LoRA for {WIDTHS.get(width, 'another kind of model')}, not for {checkpoint.stem}."
        )

    def _misfit_of_hypernetwork(self, name: str, width: int, checkpoint: Checkpoint) -> str:
        try:
            path = find_hypernetwork(self._app.folders.hypernetworks, name)
            key = path, path.stat().st_mtime_ns, width
            if key not in self._misfits:
                self._misfits[key] = read_hypernetwork(path).misfit(width)
        except (AquatintError, OSError) as error:
            return str(error)
        made_for = self._misfits[key] if width else ""
        return f"{name:.80} is a hypernetwork for {made_for}, not for {checkpoint.stem}." if made_for else ""

    def _embeddings(self, text: str, options: Options, checkpoint: Checkpoint) -> Iterator[Problem]:
        """Those that the prompt names and the checkpoint does not understand."""
        for file in self._tokens.strangers(text, options, checkpoint.text_widths):
            place = re.search(re.escape(file.name), text, re.IGNORECASE)
            if place is not None:
                told = f"The embedding {file.name} is for {file.made_for}, not for {checkpoint.stem}."
                yield Problem(place.start(), place.end(), file.problem or told, "")

    def _templates(self, text: str, options: Options) -> Iterator[Problem]:
        """Wildcards that are not there; and, while they are switched off, that they are."""
        names = list(NAME.finditer(text))
        if names:
            self._app.wildcards.refresh()
        for match in names:
            try:
                lines = self._app.wildcards.find(match[1])
            except AquatintError as error:
                if options.dynamic_prompts:
                    near = get_close_matches(match[1], self._app.wildcards.lists, 1)
                    yield Problem(*match.span(), str(error), f"__{near[0]}__" if near else "")
                continue
            if not options.dynamic_prompts:
                yield Problem(*match.span(), OFF, lines[0] if lines else "", is_note=True)
        choice = None if options.dynamic_prompts else first_choice(text)
        if choice is not None:
            yield Problem(choice.start, choice.end, OFF, choice.options[0], is_note=True)


def _steps(request: Request, options: Options) -> tuple[int, int | None]:
    """Of the first pass and of a second one, as they will be taken."""
    values: dict[str, Any] = request.model_dump()
    if isinstance(request, Img2Img):
        _, taken = img2img_steps(request.steps, request.denoising_strength, fix_steps=options.img2img_fix_steps)
        return taken, None
    return request.steps, (values.get("hr_second_pass_steps") or request.steps) if values.get("enable_hr") else None

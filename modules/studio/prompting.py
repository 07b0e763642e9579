"""A pass's prompts, read as the job's options want them, and what a person should know about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from modules.diffusion.conditioning import Conditioning
from modules.diffusion.model import Model
from modules.diffusion.prompt_conditioning import StepPrompts
from modules.diffusion.prompt_parts import Network, Prompt, read_prompt
from modules.diffusion.prompt_schedules import Timeline
from modules.studio.job import Job
from modules.studio.passes import Pass


def read_prompts(job: Job, texts: Sequence[str], *, negative: bool = False) -> list[Prompt]:
    """Negative prompts are not composed by AND, as in A1111."""
    read = partial(read_prompt, comments=job.options.enable_prompt_comments, composed=not negative)
    return [read(text) for text in texts]


def networks_of(job: Job) -> list[Network]:
    """All that any image of the job names, in either pass; each once."""
    prompts = read_prompts(job, list(dict.fromkeys([*job.prompts, *job.hr_prompts])))
    return list(dict.fromkeys(network for prompt in prompts for network in prompt.networks))


def wanted_networks(job: Job, run: Pass) -> tuple[Network, ...]:
    """The networks that a pass asks for: those of its first prompt, as in A1111, since a model wears one set."""
    return read_prompts(job, run.prompts[:1])[0].networks


def step_prompts(job: Job, run: Pass, model: Model, steps: int) -> StepPrompts:
    """What the pass's prompts say at each of so many steps. What has no effect is said in the job's comments.

    Raises Stopped when the job is interrupted meanwhile.
    """
    positive, negative = read_prompts(job, run.prompts), read_prompts(job, run.negative_prompts, negative=True)
    for prompt in dict.fromkeys([*positive, *negative]):
        for problem in prompt.problems:
            job.comment(problem)
    for network in dict.fromkeys(network for prompt in negative for network in prompt.networks):
        job.comment(f"<{network.kind}:{network.name:.80}> has no effect in a negative prompt.")

    def encode(text: str, is_negative: bool) -> Conditioning:
        (found,) = model.encode_prompts(
            [text],
            clip_skip=job.options.CLIP_stop_at_last_layers,
            width=run.width,
            height=run.height,
            negative=is_negative,
            emphasis=job.options.emphasis,
            comma_backtrack=job.options.comma_padding_backtrack,
        )
        return found

    timeline = Timeline(max(1, steps), run.steps_before, old=job.options.use_old_scheduling)
    return StepPrompts(positive, negative, timeline, encode, job.check)

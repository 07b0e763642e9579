"""Entries of the infotext that extensions add: texts, a list with one for each picture, or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules.studio.declared import Declared, as_entry
from modules.studio.job import Job

from .containment import containment
from .host import host


class OfImage:
    """A function of an extension as the core asks it: by the picture's number."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.extension = function, containment.current

    def __call__(self, index: int) -> Any:
        """A1111 hands it all that it has when it writes an infotext, by name; None leaves the entry out."""
        p = host.p
        size = max(1, int(getattr(p, "batch_size", 1)))
        words = {f"all_{name}": getattr(p, f"all_{name}", None) for name in LISTS}
        words |= {"p": p, "index": index, "iteration": index // size, "position_in_batch": index % size}
        words |= {"comments": None, "use_main_prompt": False, "enable_hr": getattr(p, "enable_hr", False)}
        words |= {"prompt_text": _of(words, "prompts", index), "negative_prompt": _of(words, "negative_prompts", index)}
        return containment.call(self.extension, "infotext", self.function, **words)


def _of(words: dict[str, Any], name: str, index: int) -> str:
    texts = words[f"all_{name}"] or ()
    return str(texts[index]) if index < len(texts) else ""


class OptionEntry(OfImage):
    """What an option, which its extension wants to be told in infotexts, is for a job; nothing while it is as ever."""

    def __init__(self, job: Job, row: Declared) -> None:
        super().__init__(lambda **_: None)
        self.job, self.row = job, row

    def __call__(self, index: int) -> Any:
        value = getattr(self.job.options, self.row.name, self.row.default)
        return None if value == self.row.default else as_entry(value)


LISTS = ("prompts", "negative_prompts", "seeds", "subseeds", "hr_prompts", "hr_negative_prompts")


class Entries(dict[str, Any]):
    """A dictionary whose functions are made such that the core can ask them."""

    def __init__(self, entries: dict[str, Any] | None = None) -> None:
        super().__init__({name: _askable(value) for name, value in (entries or {}).items()})

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _askable(value))

    def update(self, *args: Any, **words: Any) -> None:
        """As a dictionary's."""
        for name, value in dict(*args, **words).items():
            self[name] = value

    def setdefault(self, name: str, value: Any = None) -> Any:
        """As a dictionary's."""
        if name not in self:
            self[name] = value
        return self[name]

    def __ior__(self, other: Any) -> Entries:  # type: ignore[override,misc]
        self.update(other)
        return self

    def copy(self) -> Entries:
        """One of its own kind."""
        return Entries(self)


def _askable(value: Any) -> Any:
    return OfImage(value) if callable(value) and not isinstance(value, OfImage) else value

"""What `opts` reads and writes: the job's options on its thread, else the server's, else A1111's defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modules.diffusion.errors import AquatintError
from modules.studio.declared import fit
from modules.studio.option_rows import OptionRow, option_rows
from modules.studio.resolve import checkpoint_name
from modules.studio.settings import Options as OurOptions
from modules.studio.validation import accepted_part

from . import places
from .host import host
from .theirs_options import DEFAULTS

SAVING = ("outdir_save",)
"""Folders that are none of ours."""


class OptionError(AquatintError):
    """An option cannot have that value."""


def present() -> OurOptions:
    """The options that hold for the calling thread."""
    job = host.job_here
    if job is not None:
        return job.options
    return host.app.settings.options if host.is_bound else OurOptions()


def read_option(key: str) -> Any:
    """Raises: KeyError."""
    options = present()
    if key in OurOptions.model_fields:
        return _as_theirs(key, getattr(options, key))
    if key in (options.model_extra or {}):
        return (options.model_extra or {})[key]
    foreign = host.app.settings.foreign if host.is_bound else {}
    if key == "sd_checkpoint_hash":
        return _chosen("known_sha256") or ""
    if key in foreign:
        return foreign[key]
    if key in SAVING:
        return places.below_data(DEFAULTS[key])
    default = DEFAULTS[key]
    return type(default)(default) if isinstance(default, list | dict) else default


def write_option(key: str, value: Any) -> None:
    """Raises: OptionError saying why the option cannot have the value."""
    job = host.job_here
    if job is None:
        known = key in OurOptions.model_fields or key in host.app.settings.declared
        if not known:
            host.app.settings.keep({key: value})
        elif problems := host.app.settings.change({key: _as_ours(key, value)}):
            raise OptionError(" ".join(problems))
        return
    extra = job.options.model_extra or {}
    try:
        fitted = fit(value, extra[key]) if key in extra else _as_ours(key, value)
    except ValueError as error:
        raise OptionError(f"{key}: {error}.") from None
    if key in OurOptions.model_fields:
        accepted, refused = accepted_part(OurOptions, {**job.options.model_dump(), key: fitted})
        if refused:
            raise OptionError(" ".join(f"{name}: {reason}." for name, reason in refused.items()))
        job.options = OurOptions.model_validate(accepted)
    else:
        job.options = job.options.model_copy(update={key: fitted})


def _as_theirs(key: str, value: Any) -> Any:
    """Folders absolute, the checkpoint by its title."""
    if key.startswith("outdir_"):
        return places.below_data(value)
    if key == "sd_model_checkpoint":
        return _chosen("title") or value
    return value


def _as_ours(key: str, value: Any) -> Any:
    if key == "sd_model_checkpoint" and value:
        return host.app.store.find(str(value)).name
    return value


def _chosen(fact: str) -> Any:
    """Of the checkpoint that would be used."""
    if not host.is_bound:
        return None
    try:
        return getattr(host.app.store.find(checkpoint_name(present(), host.app.store)), fact)
    except AquatintError:
        return None


class Data(dict[str, Any]):
    """`opts.data`: the options as a dictionary that is read and written through."""

    def __init__(self) -> None:
        super().__init__({"": None})  # json takes a dictionary that is empty underneath for an empty one

    def _all(self) -> dict[str, Any]:
        foreign = dict(host.app.settings.foreign) if host.is_bound else {}
        ours = present().model_dump()
        saving = {key: places.below_data(DEFAULTS[key]) for key in SAVING}
        return {**DEFAULTS, **saving, **foreign, **{key: _as_theirs(key, value) for key, value in ours.items()}}

    def __getitem__(self, key: str) -> Any:
        return read_option(key)

    def __setitem__(self, key: str, value: Any) -> None:
        write_option(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return read_option(key)
        except KeyError:
            return default

    def pop(self, key: str, default: Any = None) -> Any:
        """Options are not taken away: gives its value, and it stays."""
        return self.get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **values: Any) -> None:
        for key, value in dict(*others, **values).items():
            self[key] = value

    def __contains__(self, key: object) -> bool:
        try:
            read_option(str(key))
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def keys(self) -> Any:
        return self._all().keys()

    def values(self) -> Any:
        return self._all().values()

    def items(self) -> Any:
        return self._all().items()

    def copy(self) -> dict[str, Any]:
        return self._all()

    def __repr__(self) -> str:
        return repr(self._all())

    def save(self) -> None:
        """Nothing waits: what was set is saved."""


OTHERS = ("other", "Other")
"""The section of what stands on no page here: whoever looks through the declarations reads one of each."""


class Labels(dict[str, Any]):
    """`opts.data_labels`: the declarations, of ours and of A1111's other options too."""

    def __init__(self, make: Callable[..., Any], own: Mapping[str, Any]) -> None:
        super().__init__({key: make(value, key, section=OTHERS) for key, value in DEFAULTS.items()})
        super().update({row.name: _label(make, row) for row in option_rows()})
        super().update(own)


def _label(make: Callable[..., Any], row: OptionRow) -> Any:
    limits = {"minimum": row.minimum, "maximum": row.maximum} if row.minimum is not None else {}
    choices = {"choices": list(row.choices)} if row.choices else {}
    return make(
        row.default, row.label, component_args={**limits, **choices} or None, section=(row.section, row.section)
    )

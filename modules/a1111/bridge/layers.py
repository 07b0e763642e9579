"""What extensions change of the networks that all jobs share, and leave so: found after the job, and put back."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from .batch_words import extension_of
from .found import OUTSIDE
from .host import host
from .loaded import loaded
from .model_face import sd_model

if TYPE_CHECKING:
    from modules.diffusion.model import Model
    from modules.diffusion.store import ModelStore
    from modules.studio.job import Job

PLAIN = (int, float, str, bool, tuple)
"""Kinds of values that say how a layer works (`padding_mode`, `stride`, `eps`)."""
TABLES = ("_modules", "_parameters")
MOVED = "_hf_hook"
"""Where a layer has this, accelerate moves it between memories: its `forward` and its weights come and go."""
SAMPLED = 32
"""So many numbers of each weight are looked at."""


class Changes(NamedTuple):
    """What was found, and put back where it could be."""

    layers: Counter[str]
    """How many layers had another ... ("padding_mode")."""
    weights: int
    """How many weights are not what they were; they cannot be put back."""
    by: set[str]
    """The extensions whose functions were found in the layers."""


@dataclass
class Layer:
    """A module as it is when no extension has changed it."""

    module: nn.Module
    kind: type
    values: dict[str, Any]
    tables: dict[str, dict[Any, Any]]

    @classmethod
    def of(cls, module: nn.Module) -> Layer:
        own = vars(module)
        values = {name: value for name, value in own.items() if isinstance(value, PLAIN) or callable(value)}
        return cls(module, type(module), values, {name: dict(own[name]) for name in own if _is_table(name)})

    def differs(self) -> Iterator[tuple[str, Callable[[], None], Any]]:
        """What is another by now: its name, what puts it back, and what stands there."""
        module, own = self.module, vars(self.module)
        if type(module) is not self.kind:
            yield "class", lambda: object.__setattr__(module, "__class__", self.kind), type(module)
        moved = MOVED in own or MOVED in self.values
        for name, value in self.values.items():
            now = own.get(name)
            if now is not value and (callable(value) or now != value) and not (moved and callable(value)):
                yield name, _setter(own, name, value), now
        for name in [name for name in own if name not in self.values and _is_of_extension(own[name])]:
            yield name, _remover(own, name), own[name]
        for name, known in self.tables.items():
            now = own.get(name)
            if not isinstance(now, dict) or (moved and name == "_parameters"):
                continue
            others = {key: value for key, value in now.items() if known.get(key) is not value}
            kept = {} if name in TABLES else {key: each for key, each in others.items() if not _is_of_extension(each)}
            if len(others) > len(kept) or not known.keys() <= now.keys():
                yield _table_told(name), _refiller(now, known | kept), next(iter(others.values()), None)


def _is_table(name: str) -> bool:
    return name in TABLES or (name.startswith("_") and name.endswith(("_hooks", "_pre_hooks", "_post_hooks")))


def _table_told(name: str) -> str:
    return {"_modules": "parts", "_parameters": "weights"}.get(name, "hooks")


def _is_of_extension(value: Any) -> bool:
    """Libraries put hooks and functions of their own into layers, some at the first call."""
    return callable(value) and not isinstance(value, type) and extension_of(value) != OUTSIDE


def _setter(own: dict[str, Any], name: str, value: Any) -> Callable[[], None]:
    return lambda: own.__setitem__(name, value)


def _remover(own: dict[str, Any], name: str) -> Callable[[], None]:
    return lambda: own.__delitem__(name)


def _refiller(now: dict[Any, Any], known: dict[Any, Any]) -> Callable[[], None]:
    def refill() -> None:
        now.clear()
        now.update(known)

    return refill


class Network:
    """One of a model's networks as it is when no extension has changed it."""

    def __init__(self, part: nn.Module) -> None:
        self.part = part
        self.layers = [Layer.of(module) for module in part.modules()]
        self.weights = {name: _looked_at(weight) for name, weight in part.named_parameters()}

    def changes(self) -> Changes:
        """Puts back what can be."""
        layers: Counter[str] = Counter()
        by: set[str] = set()
        for layer in self.layers:
            for name, put_back, found in list(layer.differs()):
                layers[name] += 1
                by |= {extension_of(found)} if found is not None else set()
                put_back()
        weights = sum(not _as_before(self.weights.get(name), weight) for name, weight in self.part.named_parameters())
        return Changes(layers, weights, by - {OUTSIDE})


class Seen(NamedTuple):
    """What is known of a weight: how often it was written to, and some of its numbers."""

    version: int
    sample: Tensor


def _looked_at(weight: Tensor) -> Seen | None:
    """None where it is in no memory at present."""
    if weight.is_meta:
        return None
    return Seen(_version(weight), _sample(weight))


def _sample(weight: Tensor) -> Tensor:
    flat = weight.detach().reshape(-1)
    return flat[:: max(1, len(flat) // SAMPLED)].cpu().clone()


def _version(weight: Tensor) -> int:
    return 0 if weight.is_inference() else weight._version


def _as_before(seen: Seen | None, weight: Tensor) -> bool:
    """Whether nobody has written to it. Who writes around PyTorch's count (`.data`) is found by the numbers."""
    if seen is None or weight.is_meta:
        return True
    sample = _sample(weight)
    return seen.version == _version(weight) and sample.dtype == seen.sample.dtype and torch.equal(sample, seen.sample)


def _tell_of(model: Model) -> None:
    """A1111's on_model_loaded, with `shared.sd_model` for this model."""
    before, host.model = host.model, model
    try:
        importlib.import_module("modules.script_callbacks").model_loaded_callback(sd_model)
    finally:
        host.model = before


@dataclass
class Guard:
    """The networks of models, known for as long as each is in memory."""

    networks: WeakKeyDictionary[Model, list[Network]] = field(default_factory=WeakKeyDictionary)
    models: list[Model] = field(default_factory=list)
    """Those that were lent since the last look."""
    told: WeakSet[nn.Module] = field(default_factory=WeakSet)
    """The networks of which extensions have heard that they were loaded."""

    def see(self, model: Model) -> None:
        """It was lent to a job. Extensions hear of a new one and may change it; then its networks are as they shall
        be."""
        if all(each.builtin or not each.enabled for each in loaded.extensions):
            return
        if not any(each is model for each in self.models):
            self.models.append(model)
        if model.unet not in self.told:
            self.told.add(model.unet)
            _tell_of(model)
        if model not in self.networks:
            self.networks[model] = [Network(part) for part in model.parts]

    def look(self, job: Job, store: ModelStore) -> None:
        """Puts back what extensions have changed; a model whose weights they have changed is loaded anew by the next
        job. What was found is told."""
        models, self.models = self.models, []
        for model in models:
            found = [network.changes() for network in self.networks[model]]
            layers = sum((each.layers for each in found), Counter[str]())
            by = set().union(*(each.by for each in found)) or {each.name for each in loaded.extensions if each.enabled}
            who = " or ".join(sorted(by)) if len(by) < 4 else "An extension"
            if layers:
                told = ", ".join(f"{name} of {count}" for name, count in sorted(layers.items()))
                job.comment(
                    f"{who} has changed layers of {model.checkpoint.stem} and left them so ({told}), which would have"
                    " changed the pictures of everybody. They were put back."
                )
            weights = sum(each.weights for each in found)
            if weights:
                del self.networks[model]
                store.forget(model)
                job.comment(
                    f"{who} has changed {weights} weights of {model.checkpoint.stem} and left them so. The checkpoint"
                    " is loaded anew for the next picture."
                )

"""A1111's `modules.extra_networks`: what a prompt names in <kind:name:...>, and kinds that extensions add."""

from __future__ import annotations

import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modules.diffusion.prompt_parts import network_tags

from .bridge.containment import containment
from .bridge.loaded import loaded

re_extra_net = re.compile(r"<(\w+):([^>]+)>")
extra_network_registry: dict[str, ExtraNetwork] = {}
extra_network_aliases: dict[str, ExtraNetwork] = {}


class ExtraNetworkParams:
    """What stands between < and >, behind the kind."""

    def __init__(self, items: Sequence[str] | None = None) -> None:
        self.items = list(items or [])
        self.positional = [item for item in self.items if "=" not in item]
        self.named = dict(item.split("=", 1) for item in self.items if "=" in item)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExtraNetworkParams) and self.items == other.items

    def __hash__(self) -> int:
        return hash(tuple(self.items))


class ExtraNetwork:
    """A kind of network; extensions subclass it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def activate(self, p: Any, params_list: list[ExtraNetworkParams]) -> None:
        """Before a batch is sampled, also when the prompt names none of the kind (an empty list)."""
        raise NotImplementedError

    def deactivate(self, p: Any) -> None:
        """After the batch, also when it failed."""
        raise NotImplementedError


def initialize() -> None:
    """Forgets what extensions have registered."""
    extra_network_registry.clear()
    extra_network_aliases.clear()


def register_extra_network(extra_network: ExtraNetwork) -> None:
    """A further kind."""
    extra_network_registry[extra_network.name] = extra_network


def register_extra_network_alias(extra_network: ExtraNetwork, alias: str) -> None:
    """Another name of a kind."""
    extra_network_aliases[alias] = extra_network


def register_default_extra_networks() -> None:
    """LoRA and hypernetworks are the core's."""


def lookup_extra_networks(extra_network_data: dict[str, Any]) -> dict[ExtraNetwork, list[ExtraNetworkParams]]:
    """What is wanted of each registered kind."""
    found: dict[ExtraNetwork, list[ExtraNetworkParams]] = {}
    for name, args in extra_network_data.items():
        network = extra_network_registry.get(name) or extra_network_aliases.get(name)
        if network is not None:
            found.setdefault(network, []).extend(args)
    return found


def activate(p: Any, extra_network_data: dict[str, list[ExtraNetworkParams]]) -> None:
    """Tells every registered kind what the prompt wants of it."""
    wanted = lookup_extra_networks(extra_network_data)
    for network in dict.fromkeys([*wanted, *extra_network_registry.values()]):
        _call(network, network.activate, p, wanted.get(network, []))


def deactivate(p: Any, extra_network_data: dict[str, list[ExtraNetworkParams]]) -> None:
    """Tells every registered kind that the batch is over."""
    for network in dict.fromkeys([*lookup_extra_networks(extra_network_data), *extra_network_registry.values()]):
        _call(network, network.deactivate, p)


def _call(network: ExtraNetwork, function: Callable[..., None], *args: Any) -> None:
    """What an extension's network raises is its fault, and stops nobody."""
    file = inspect.getsourcefile(type(network)) or ""
    containment.call(loaded.extension_of(file), f"{function.__name__} of <{network.name}:...>", function, *args)


def without_registered(prompt: str) -> str:
    """The prompt without the networks of extensions; those that are the core's stay in it."""
    kept, position = [], 0
    for tag in network_tags(prompt):
        if tag.kind in extra_network_registry or tag.kind in extra_network_aliases:
            kept.append(prompt[position : tag.span.start])
            position = tag.span.end
    return "".join([*kept, prompt[position:]])


def parse_prompt(prompt: str) -> tuple[str, dict[str, list[ExtraNetworkParams]]]:
    """-> (the prompt without its networks, {kind: [params]})"""
    found: dict[str, list[ExtraNetworkParams]] = defaultdict(list)
    kept, position = [], 0
    for tag in network_tags(prompt):
        found[tag.kind].append(ExtraNetworkParams(tag.arguments))
        kept.append(prompt[position : tag.span.start])
        position = tag.span.end
    return "".join([*kept, prompt[position:]]), found


def parse_prompts(prompts: Sequence[str]) -> tuple[list[str], dict[str, list[ExtraNetworkParams]]]:
    """The same of several; the networks are those of the first."""
    read = [parse_prompt(prompt) for prompt in prompts]
    return [prompt for prompt, _ in read], read[0][1] if read else {}


def get_user_metadata(filename: str | None, lister: Any = None) -> dict[str, Any]:
    """The notes beside a file of a network."""
    path = Path(filename or "").with_suffix(".json") if filename else None
    try:
        notes = json.loads(path.read_text("utf-8")) if path is not None and path.is_file() else {}
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}

"""The words that extensions may use: which modules of A1111's there are, and which names each of them has."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STUBS = frozenset({"ldm", "sgm", "k_diffusion", "open_clip", "basicsr"})
"""Packages of the original programs: they can be imported, and say what to use instead when they are used."""
LORA = frozenset(
    {
        *("lora", "lora_patches", "network", "networks", "extra_networks_lora", "ui_extra_networks_lora"),
        *("network_full", "network_hada", "network_ia3", "network_lokr", "network_lora", "network_norm", "network_oft"),
    }
)
"""Modules of the extension of A1111's that puts LoRAs on: nothing of that kind is here."""
LORA_INSTEAD = "LoRAs are put on by Aquatint itself, as <lora:name:weight> says"
OF_FORGE = frozenset({"ldm_patched", "backend", "modules_forge", "lib_controlnet"})
"""Packages of Forge's: the same, and whoever asks whether they are there is told no."""
REACHED = frozenset(
    {
        *("diffusion_model", "forge_objects", "forge_objects_after_applying_lora", "forge_objects_original"),
        *("network_layer_mapping", "tokenize_line", "encode_with_transformers"),
    }
)
"""Attributes of the model that stand for the original networks."""
INTERNALS = frozenset(
    {
        *("sd_hijack", "sd_hijack_utils", "sd_hijack_clip", "sd_hijack_unet", "sd_hijack_optimizations"),
        *(
            "sd_hijack_open_clip",
            "sd_hijack_clip_old",
            "sd_hijack_ip2p",
            "sd_hijack_xlmr",
            "sd_unet",
            "sd_samplers_cfg_denoiser",
        ),
        *("sd_samplers_compvis", "sd_samplers_kdiffusion", "sd_samplers_timesteps", "sd_samplers_timesteps_impl"),
    }
)
"""Modules of A1111's that reach into the original networks: what of them is here stands for little."""


NAMED = frozenset({"sd_samplers_cfg_denoiser"})
"""Those that are imported for the sake of a class's name, mostly."""


@dataclass(frozen=True)
class Words:
    """What `from modules import ...` finds."""

    modules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names by module, without the leading `modules.`; "" is the package itself."""
    open: frozenset[str] = frozenset()
    """Modules that answer to names that are not written down."""

    def has_module(self, module: str) -> bool:
        return module in self.modules

    def has(self, module: str, name: str) -> bool:
        """Whether `from modules.<module> import name` works, as far as the source tells."""
        inner = f"{module}.{name}" if module else name
        return inner in self.modules or module in self.open or name in self.modules.get(module, ())


def read_words(folder: Path) -> Words:
    """From the sources in a folder; nothing is imported."""
    modules: dict[str, frozenset[str]] = {"": frozenset()}
    open_: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not name:
            continue
        body = ast.parse(path.read_text("utf-8")).body
        names = set(_names(body))
        modules[name] = frozenset(names) | modules.get(name, frozenset())
        if "__getattr__" in names or "*" in names:
            open_.add(name)
        for depth in range(1, len(parts)):
            modules.setdefault(".".join(parts[:depth]), frozenset())
    return Words(modules, frozenset(open_))


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """What a module's own statements define, those within `if`, `try` and `with` too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        else:
            yield from _names([child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)])

"""A1111's `modules.sd_vae`: the separate VAEs."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any, NamedTuple

from .bridge.host import host
from .bridge.opts import present, write_option


class VaeResolution(NamedTuple):
    """A VAE's file, and how it was chosen."""

    vae: str | None = None
    source: str | None = None
    resolved: bool = True

    def tuple(self) -> tuple[str | None, str | None]:
        """(file, how it was chosen)"""
        return self.vae, self.source


def __getattr__(name: str) -> Any:
    if name == "vae_path":
        return str(host.app.folders.vae)
    if name == "vae_dict":
        return {Path(each).name: str(host.app.folders.vae / each) for each in host.app.store.vaes}
    if name == "loaded_vae_file":
        return resolve_vae(None).vae
    if name in ("base_vae", "checkpoint_info"):
        return None
    if name == "checkpoints_loaded":
        return collections.OrderedDict()
    raise AttributeError(f"modules.sd_vae has no {name}")


def get_filename(filepath: str) -> str:
    """Without its folder."""
    return Path(filepath).name


def get_loaded_vae_name() -> str | None:
    """The file of the VAE that would be used; None for the checkpoint's own."""
    found = resolve_vae(None).vae
    return get_filename(found) if found else None


def get_loaded_vae_hash() -> str | None:
    """The first ten digits of its SHA-256."""
    from .hashes import sha256

    found = resolve_vae(None).vae
    return (sha256(found, "vae") or "")[:10] if found else None


def refresh_vae_list() -> None:
    """Looks at the disk again."""
    host.app.store.refresh()


def find_vae_near_checkpoint(checkpoint_file: str) -> str | None:
    """One that lies beside the checkpoint."""
    path = Path(checkpoint_file)
    beside = [path.with_name(f"{path.stem}.vae{ending}") for ending in (".safetensors", ".pt", ".ckpt")]
    return next((str(each) for each in beside if each.is_file()), None)


def resolve_vae(checkpoint_file: str | None) -> VaeResolution:
    """The VAE that the options name, or one beside the checkpoint."""
    name = present().sd_vae
    if name in ("None", ""):
        return VaeResolution()
    if name != "Automatic":
        return VaeResolution(str(host.app.folders.vae / host.app.store.find_vae(name)), "from option")
    from .bridge.model_face import checkpoint

    found = checkpoint()
    file = checkpoint_file or (str(found.path) if found else "")
    near = find_vae_near_checkpoint(file) if file else None
    return VaeResolution(near, "found near the checkpoint" if near else None)


def is_automatic() -> bool:
    """Whether the VAE beside the checkpoint is wanted."""
    return present().sd_vae in ("Automatic", "auto")


def resolve_vae_from_setting() -> VaeResolution:
    """The one that the options name."""
    return VaeResolution(resolved=False) if is_automatic() else resolve_vae(None)


def resolve_vae_from_user_metadata(checkpoint_file: str | None) -> VaeResolution:
    """Notes name none here."""
    return VaeResolution(resolved=False)


def resolve_vae_near_checkpoint(checkpoint_file: str) -> VaeResolution:
    """One that lies beside the checkpoint."""
    near = find_vae_near_checkpoint(checkpoint_file)
    return VaeResolution(near, "found near the checkpoint") if near else VaeResolution(resolved=False)


def get_base_vae(model: Any) -> None:
    """The checkpoint's own VAE is never replaced: the store has it beside the other."""


def store_base_vae(model: Any) -> None:
    """The same."""


def delete_base_vae() -> None:
    """The same."""


def restore_base_vae(model: Any) -> None:
    """The same."""


class Unspecified:
    """No VAE is named: the options say which."""


unspecified = Unspecified()
vae_ignore_keys = frozenset({"model_ema.decay", "model_ema.num_updates"})


def reload_vae_weights(sd_model: Any = None, vae_file: Any = unspecified, **_: Any) -> Any:
    """Chooses a VAE (None: the checkpoint's own), inside a job for what it does from now on, else for the server."""
    from .bridge.model_face import sd_model as face

    if vae_file is not unspecified and vae_file != "unspecified":
        name = "None" if vae_file is None else host.app.store.find_vae(get_filename(str(vae_file)))
        write_option("sd_vae", name)
    return face


def load_vae(model: Any, vae_file: Any = None, vae_source: str = "from unknown source") -> None:
    """The same."""
    reload_vae_weights(model, vae_file)


def clear_loaded_vae() -> None:
    """The store frees what nobody uses."""
    host.app.store.unload()


def load_vae_dict(filename: str, map_location: Any = None) -> dict[str, Any]:
    """The weights of a VAE's file."""
    from .sd_models import read_state_dict

    return read_state_dict(filename)

"""Scripts and extensions over A1111's REST API: which there are, and what a payload asks of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from fastapi import APIRouter

from modules.studio.extensions import Extensions
from modules.studio.request import RequestError
from modules.web.http_scripts import IMG2IMG_SCRIPTS, SOFT_INPAINTING

Kind = Literal["selectable", "always"]


class ScriptsAtHand(Protocol):
    """The scripts that extensions brought."""

    def names(self, is_img2img: bool, /) -> Sequence[str]:
        """Their titles in lower case, in the order in which they are called."""

    def kind(self, title: str, is_img2img: bool, /) -> Kind | None:
        """Whether it is chosen or always there; None where there is none of that title, in whatever case."""

    def info(self) -> Sequence[Mapping[str, Any]]:
        """A1111's account of each and of its arguments."""


class NoScripts:
    """There are none."""

    def names(self, is_img2img: bool, /) -> Sequence[str]:
        return ()

    def kind(self, title: str, is_img2img: bool, /) -> Kind | None:
        return None

    def info(self) -> Sequence[Mapping[str, Any]]:
        return ()


class Asking(Protocol):
    """As much of a payload as asks for scripts."""

    @property
    def script_name(self) -> str: ...
    @property
    def script_args(self) -> list[Any]: ...
    @property
    def alwayson_scripts(self) -> dict[str, Any]: ...


def asked_of_scripts(payload: Asking, scripts: ScriptsAtHand, is_img2img: bool) -> dict[str, Any]:
    """The request's fields for the scripts of extensions; our own that have A1111's names are left to others.

    Raises: RequestError in A1111's words for a script that is not there.
    """
    name = payload.script_name.strip()
    ours = is_img2img and name.casefold() in IMG2IMG_SCRIPTS
    chosen = name if name.casefold() not in ("", "none") and not ours else None
    if chosen is not None and scripts.kind(chosen, is_img2img) != "selectable":
        raise RequestError(f"Script '{chosen:.100}' not found", "script_name")
    always: dict[str, tuple[Any, ...]] = {}
    for title, asked in payload.alwayson_scripts.items():
        kind = scripts.kind(title, is_img2img)
        if kind is None and is_img2img and title.casefold() == SOFT_INPAINTING:
            continue
        if kind is None:
            raise RequestError(f"always on script {title:.100} not found", "alwayson_scripts")
        if kind == "selectable":
            raise RequestError("Cannot have a selectable script in the always on scripts params", "alwayson_scripts")
        always[title] = _args_of(title, asked)
    args = tuple(payload.script_args) if chosen is not None else ()
    return {"script_name": chosen, "script_args": args, "alwayson_scripts": always}


def _args_of(title: str, asked: Any) -> tuple[Any, ...]:
    """Of {"args": [...]}; without them the script has its own defaults."""
    args = asked.get("args", []) if isinstance(asked, Mapping) else None
    if not isinstance(args, list):
        raise RequestError(f"alwayson_scripts: {title:.100} wants a list of args", "alwayson_scripts")
    return tuple(args)


def extension_lists(scripts: ScriptsAtHand, extensions: Extensions | None) -> APIRouter:
    """GET scripts, script-info and extensions."""
    router = APIRouter(prefix="/sdapi/v1")

    @router.get("/scripts")
    def list_scripts() -> dict[str, list[str]]:
        """The scripts of both kinds, in lower case; in img2img first our own that have A1111's names."""
        own = [name for name in IMG2IMG_SCRIPTS if scripts.kind(name, True) is None]
        return {"txt2img": [*scripts.names(False)], "img2img": [*own, *scripts.names(True)]}

    @router.get("/script-info")
    def script_info() -> list[dict[str, Any]]:
        """What each script of an extension takes."""
        return [dict(row) for row in scripts.info()]

    @router.get("/extensions")
    def list_extensions() -> list[dict[str, Any]]:
        """The extensions that people brought, and those that come with the program."""
        return [
            {
                "name": row.name,
                "remote": row.version.remote,
                "branch": row.version.branch,
                "commit_hash": row.version.commit,
                "version": row.version.short,
                "commit_date": row.version.date,
                "enabled": row.conduct.on,
            }
            for row in (extensions.rows() if extensions is not None else ())
        ]

    return router

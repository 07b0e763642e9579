"""The options as rows: what the Settings page and the API show of their declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from modules.studio.settings import RESTRICTED_OPTIONS, Options


@dataclass(frozen=True)
class OptionRow:
    """An option as the Settings page shows it."""

    name: str
    label: str
    section: str
    help: str
    type: Literal["bool", "int", "float", "str", "choice"]
    default: bool | int | float | str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    restricted: bool = False


def option_rows() -> tuple[OptionRow, ...]:
    """Every option, in the order of declaration."""
    return tuple(_option_row(name) for name in Options.model_fields)


_TYPES: dict[Any, Literal["bool", "int", "float", "str"]] = {bool: "bool", int: "int", float: "float", str: "str"}


def _option_row(name: str) -> OptionRow:
    field = Options.model_fields[name]
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    choices = get_args(field.annotation)
    limits = {name: getattr(limit, name) for limit in field.metadata for name in ("ge", "le") if hasattr(limit, name)}
    return OptionRow(
        name=name,
        label=field.title or name,
        section=str(extra["section"]),
        help=field.description or "",
        type="choice" if choices else _TYPES[field.annotation],
        default=field.default,
        choices=choices,
        minimum=limits.get("ge"),
        maximum=limits.get("le"),
        restricted=name in RESTRICTED_OPTIONS,
    )

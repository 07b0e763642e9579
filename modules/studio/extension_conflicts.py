"""Why packages cannot come: what pip says when it finds no way, in a sentence, and which line to go on without."""

from __future__ import annotations

import re
from collections.abc import Sequence

PLAIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(\[[\w\s,.-]*\])?\s*(\(?[\s\d\w.*+!,<>=~-]*\)?)\s*(;.*)?")
"""A requirement that names a package of the index; an address or an option for pip does not."""
MOST_CAUSES = 6
OF = "  # of "
"""In a constraint, before the name of the extension whose package it is."""


def plain_name(name: str) -> str:
    """As the index compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(line: str) -> str:
    """The plain name of the package that a line of requirements.txt asks for; "" for an address or an option."""
    match = PLAIN.fullmatch(line)
    return plain_name(match[1]) if match else ""


def conflict_in(output: str, constraints: Sequence[str] = ()) -> str:
    """Of what pip says when it fails, what a person needs."""
    if "ResolutionImpossible" in output or "conflicting dependencies" in output:
        return _few(_causes(output, constraints)) or "its requirements contradict Aquatint's own packages"
    missing = re.search(r"satisfies the requirement ([^\n(;]+)[^\n(]*(?:\(from ([^\n()\s]+?)(?:->[^\n]*)?\))?", output)
    if missing:
        return _nowhere(missing[1].strip(), missing[2] or "", constraints)
    missing = re.search(r"No matching distribution found for ([^\n(;]+)", output)
    if missing:
        return _nowhere(missing[1].strip(), "", constraints)
    errors = [line.removeprefix("ERROR: ").strip() for line in output.splitlines() if line.startswith("ERROR")]
    return (errors or output.strip().splitlines() or ["pip said nothing"])[-1][:500]


def offender(conflict: str, wanted: Sequence[str]) -> str:
    """The line without which pip might find a way: the first that the conflict speaks of; "" where it names none."""
    named = {plain_name(name) for name in re.findall(r"[A-Za-z0-9][\w.-]*", conflict)}
    return next((line for line in wanted if requirement_name(line) in named), "")


def _nowhere(name: str, by: str, constraints: Sequence[str]) -> str:
    """No version of a package will do: there is none, or not one that Aquatint's own leaves."""
    if held := _held(name, constraints):
        return f"{by or 'it'} wants {name}; {_holder(held)} has {re.split('[;#]', held)[0].strip()}"
    return f"there is no ready-made package of {name} for this Python and machine" + (f"; {by} wants it" if by else "")


def _few(causes: list[str]) -> str:
    more = f"; and {len(causes) - MOST_CAUSES} more" if len(causes) > MOST_CAUSES else ""
    return "; ".join(causes[:MOST_CAUSES]) + more


def _held(name: str, constraints: Sequence[str]) -> str:
    """The constraint that holds a package in its version, "" where none does."""
    wanted = requirement_name(name)
    return next((line for line in constraints if plain_name(re.split("[= ]", line)[0]) == wanted), "")


def _holder(constraint: str) -> str:
    """Who has the package already: the extension that a constraint names, else Aquatint."""
    return constraint.partition(OF)[2] or "Aquatint"


def _causes(output: str, constraints: Sequence[str]) -> list[str]:
    """The lines of pip's paragraph on a conflict, those that name what is here already at the end."""
    _, _, paragraph = output.partition("The conflict is caused by:")
    lines = paragraph.strip("\n").split("\n\n")[0].splitlines() if paragraph else []
    said = dict.fromkeys(line.strip() for line in lines if line.strip())
    ours = "The user requested (constraint) "
    others = [line.replace("The user requested ", "it wants ") for line in said if not line.startswith(ours)]
    held = [line.removeprefix(ours) for line in said if line.startswith(ours)]
    return others[: MOST_CAUSES - 1] + [f"{_holder(_held(line, constraints))} has {line}" for line in held]

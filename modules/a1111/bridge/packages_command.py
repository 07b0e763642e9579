"""`webui.py extensions packages`: what an extension's packages come to, and their installation if somebody agrees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

from modules.diffusion.errors import AquatintError
from modules.studio.command_line import FROM_SOURCE, LEAVE_OUT, YES
from modules.studio.extension_packages import Plan
from modules.studio.extension_steps import step_in
from modules.studio.extensions import Extensions


@dataclass(frozen=True)
class PackagesCommand:
    """Of one extension."""

    extensions: Extensions
    name: str
    say: Callable[[str], None]
    switches: Collection[str]

    def run(self) -> None:
        """Raises: AquatintError when they cannot come, or nobody is there to agree."""
        row, from_source = self.extensions.get(self.name), FROM_SOURCE in self.switches
        heard = self._steps()
        plan = self.extensions.plan_packages(
            self.name, only_new=LEAVE_OUT in self.switches, from_source=from_source, say=heard
        )
        has_installer = (row.path / "install.py").is_file()
        if plan.conflict:
            raise AquatintError(self._why_not(plan))
        self._show(plan, self.extensions.scan(self.name).installs if has_installer else None)
        if not plan.packages and not has_installer:
            return
        if not self._agreed():
            self.say("Nothing was installed.")
            return
        self.extensions.install_packages(self.name, plan, self._steps(), from_source=from_source)
        self.say(f"{self.name} has its packages. They count from the next start of the server on.")

    def _why_not(self, plan: Plan) -> str:
        ways = {
            LEAVE_OUT: "goes on without what cannot come, and names it",
            FROM_SOURCE: "takes packages that are built here, by programs of their own",
        }
        told = [f"  {switch}  {what}" for switch, what in ways.items() if switch not in self.switches]
        return "\n".join(
            [f"The packages of {self.name} cannot come: {plan.conflict}.", "Nothing was installed.", *told]
        )

    def _show(self, plan: Plan, installs: list[str] | None) -> None:
        if not plan.packages and installs is None:
            self.say(f"{self.name} has all the packages it wants.")
        if plan.packages:
            self.say("These would be installed, beside Aquatint's own:")
        for each in plan.packages:
            self.say(f"  {each.name} {each.version}")
        for line in plan.left_out:
            self.say(f"Left out: {line}")
        if installs is not None:
            asks = f" and asks for {', '.join(installs)}" if installs else ""
            self.say(f"It has an install.py, a program of its own that would run then{asks}.")

    def _agreed(self) -> bool:
        if YES in self.switches:
            return True
        if not sys.stdin.isatty():
            raise AquatintError(f"Nothing was installed: nobody is there to agree. {YES} agrees.")
        return input("Install? [y/N] ").strip().lower() in ("y", "yes")

    def _steps(self) -> Callable[[str], None]:
        """Says each step once, however many lines it has."""
        last = [""]

        def heard(line: str) -> None:
            step = step_in(line)
            if step and step != last[0]:
                last[0] = step
                self.say(f"  {step}")

        return heard

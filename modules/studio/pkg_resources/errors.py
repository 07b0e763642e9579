"""What may go wrong where a package is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modules.studio.pkg_resources.installed import Distribution
    from modules.studio.pkg_resources.requirements import Requirement


class ResolutionError(Exception):
    """Something that was asked for is not there as it was asked for."""


class VersionConflict(ResolutionError):  # noqa: N818  its name is theirs
    """It is there in another version."""

    @property
    def dist(self) -> Distribution:
        found: Distribution = self.args[0]
        return found

    @property
    def req(self) -> Requirement:
        asked: Requirement = self.args[1]
        return asked

    def report(self) -> str:
        return f"{self.dist} is installed but {self.req} is required"


class ContextualVersionConflict(VersionConflict):
    """The same, and who wanted it."""

    @property
    def required_by(self) -> set[str]:
        names: set[str] = self.args[2]
        return names

    def report(self) -> str:
        return f"{super().report()} by {self.required_by}"


class DistributionNotFound(ResolutionError):  # noqa: N818  its name is theirs
    """It is not there."""

    @property
    def req(self) -> Requirement:
        asked: Requirement = self.args[0]
        return asked

    @property
    def requirers(self) -> set[str] | None:
        names: set[str] | None = self.args[1] if len(self.args) > 1 else None
        return names

    def report(self) -> str:
        by = ", ".join(sorted(self.requirers or ())) or "the application"
        return f"The '{self.req}' distribution was not found and is required by {by}"

    def __str__(self) -> str:
        return self.report()


class UnknownExtra(ResolutionError):  # noqa: N818  its name is theirs
    """A package has no such extra."""

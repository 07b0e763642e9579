"""`pkg_resources`, which setuptools has no more, as far as extensions ask for it: over importlib and packaging.

`stand_ins` imports it under that name. What is asked is answered from what is installed at that moment.
"""

from __future__ import annotations

import packaging

from modules.studio.pkg_resources.errors import (
    ContextualVersionConflict,
    DistributionNotFound,
    ResolutionError,
    UnknownExtra,
    VersionConflict,
)
from modules.studio.pkg_resources.installed import (
    Distribution,
    EntryPoint,
    WorkingSet,
    get_distribution,
    get_entry_info,
    get_entry_map,
    iter_entry_points,
    load_entry_point,
    require,
    working_set,
)
from modules.studio.pkg_resources.requirements import (
    Requirement,
    RequirementParseError,
    evaluate_marker,
    invalid_marker,
    parse_requirements,
    parse_version,
    safe_extra,
    safe_name,
    safe_version,
    to_filename,
    yield_lines,
)
from modules.studio.pkg_resources.resources import (
    declare_namespace,
    fixup_namespace_packages,
    resource_exists,
    resource_filename,
    resource_isdir,
    resource_listdir,
    resource_stream,
    resource_string,
)

__all__ = [
    "ContextualVersionConflict",
    "Distribution",
    "DistributionNotFound",
    "EntryPoint",
    "Requirement",
    "RequirementParseError",
    "ResolutionError",
    "UnknownExtra",
    "VersionConflict",
    "WorkingSet",
    "declare_namespace",
    "evaluate_marker",
    "fixup_namespace_packages",
    "get_distribution",
    "get_entry_info",
    "get_entry_map",
    "invalid_marker",
    "iter_entry_points",
    "load_entry_point",
    "packaging",
    "parse_requirements",
    "parse_version",
    "require",
    "resource_exists",
    "resource_filename",
    "resource_isdir",
    "resource_listdir",
    "resource_stream",
    "resource_string",
    "safe_extra",
    "safe_name",
    "safe_version",
    "to_filename",
    "working_set",
    "yield_lines",
]

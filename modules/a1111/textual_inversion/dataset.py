"""A1111's `modules.textual_inversion.dataset`: pictures to train with. Training is not here."""

from __future__ import annotations

import re
from typing import Any

from ..bridge.missing import refuse

re_numbers_at_start = re.compile(r"^[-\d]+\s*")


class PersonalizedBase:
    """Says so."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("PersonalizedBase", "nothing is trained here")

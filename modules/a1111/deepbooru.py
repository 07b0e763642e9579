"""A1111's `modules.deepbooru`: tags of pictures, for which there is no network here; its words say so."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from .interrogate import InterrogateError

re_special = re.compile(r"([\\()])")
WHY = "Aquatint has no network that tags pictures: A1111 downloads DeepDanbooru for it. Use a tagger extension."


class DeepDanbooru:
    """Says what is missing when it is asked for tags."""

    model = None

    def load(self) -> None:
        """Nothing to load; `tag` says why."""

    def start(self) -> None:
        """The same."""

    def stop(self) -> None:
        """Nothing is loaded."""

    def tag(self, pil_image: Any) -> NoReturn:
        """Raises: InterrogateError."""
        raise InterrogateError(WHY)

    def tag_multi(self, pil_image: Any, force_disable_ranks: bool = False) -> NoReturn:
        """Raises: InterrogateError."""
        raise InterrogateError(WHY)


model = DeepDanbooru()

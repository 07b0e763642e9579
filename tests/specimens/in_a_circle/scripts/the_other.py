"""Has what the first file needs, and then needs the first file."""

from scripts.shared_words import Shared
from scripts.one import One  # noqa: I001

pair = (Shared, One)

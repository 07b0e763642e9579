"""The textual inversions in some folders: which of them a model understands, and where a prompt's tokens name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from modules.diffusion.embeddings import FAMILIES, find_embeddings, read_embedding
from modules.diffusion.errors import CheckpointError
from modules.diffusion.file_facts import FileFacts

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

MOST_TOKENS = 75
"""Of one embedding: what fits into a chunk, which none may cross the border of."""


@dataclass(frozen=True)
class EmbeddingFile:
    """A file by its stem, which is the word that stands for it in prompts."""

    name: str
    path: Path
    tokens: int = 0
    """How many it takes up in a prompt."""
    widths: tuple[int, ...] = ()
    """Of the tokens of the text encoders that it was trained for."""
    problem: str = ""
    """Why it cannot be used with any model."""
    notes: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What A1111's training wrote of itself: step, sd_checkpoint (a hash), sd_checkpoint_name."""

    @property
    def made_for(self) -> str:
        """The family, in words."""
        return FAMILIES.get(self.widths, "another kind of model")

    def vectors(self) -> tuple[Tensor, ...]:
        """(tokens, width) for each text encoder. Raises: CheckpointError naming the file."""
        return read_embedding(self.path).vectors


class Words:
    """Embeddings found by the tokens of their names: the longest name first, and whatever its case, as in A1111."""

    def __init__(self, files: Iterable[EmbeddingFile], tokenizer: CLIPTokenizer) -> None:
        files = list(files)
        names = [file.name.encode("utf-8", "replace").decode() for file in files]
        ids = tokenizer(names, add_special_tokens=False, truncation=False, verbose=False).input_ids if names else []
        self._by_first: dict[int, list[tuple[tuple[int, ...], EmbeddingFile]]] = {}
        for name, file in sorted(zip(map(tuple, ids), files, strict=True), key=lambda pair: -len(pair[0])):
            if name:
                self._by_first.setdefault(name[0], []).append((name, file))

    def at(self, ids: Sequence[int], position: int) -> tuple[EmbeddingFile | None, int]:
        """The embedding whose name begins at a place among a text's tokens, and how many tokens the name has; or None
        and 1."""
        for name, file in self._by_first.get(ids[position], ()):
            if tuple(ids[position : position + len(name)]) == name:
                return file, len(name)
        return None, 1


class EmbeddingFolder:
    """All embeddings below some folders. A file is read once, and what was found remembered until it changes."""

    def __init__(self, folders: Iterable[Path], cache: Path | None = None) -> None:
        self._folders = tuple(folders)
        self._facts = FileFacts(cache)
        self._words: dict[object, Words] = {}
        self.files: dict[str, EmbeddingFile] = {}
        self.refresh()

    def refresh(self) -> None:
        """Looks at the disk again; of two files with one name the first counts."""
        files = {name: self._file(name, path) for name, path in find_embeddings(self._folders).items()}
        self._facts.save()
        if files != self.files:
            self.files, self._words = files, {}

    def fitting(self, widths: Sequence[int]) -> list[EmbeddingFile]:
        """Those for a model with text encoders so wide."""
        return [file for file in self.files.values() if not file.problem and file.widths == tuple(widths)]

    def words(self, widths: Sequence[int], tokenizer: CLIPTokenizer, *, fitting: bool = True) -> Words:
        """The embeddings that such a model understands, or, without `fitting`, those that it does not."""
        key = (tuple(widths), tokenizer, fitting)
        found = self._words.get(key)
        if found is None:
            of_model = self.fitting(widths)
            chosen = of_model if fitting else [file for file in self.files.values() if file not in of_model]
            found = self._words[key] = Words(chosen, tokenizer)
        return found

    def short_hash(self, file: EmbeddingFile) -> str:
        """Twelve digits of the file's SHA-256, as A1111 writes them. Raises: CheckpointError when it is gone."""
        try:
            return self._facts.sha256(file.path)[:12]
        except OSError as error:
            raise CheckpointError(f"{file.path.name} cannot be read: {error.strerror or error}.") from None

    def _file(self, name: str, path: Path) -> EmbeddingFile:
        known = self._facts.get(path, "embedding")
        if not isinstance(known, dict):
            known = _facts_of(path)
            self._facts.put(path, "embedding", known, save=False)
        return EmbeddingFile(name, path, **{**known, "widths": tuple(known.get("widths", ()))})


def _facts_of(path: Path) -> dict[str, Any]:
    """The fields of an EmbeddingFile that reading tells, as JSON."""
    try:
        found = read_embedding(path)
    except CheckpointError as error:
        return {"problem": str(error)}
    if found.tokens > MOST_TOKENS:
        problem = (
            f"{path.name} cannot be used: it has {found.tokens} vectors, and {MOST_TOKENS} tokens are read at once."
        )
        return {"problem": problem}
    return {"tokens": found.tokens, "widths": found.widths, "notes": dict(found.notes)}

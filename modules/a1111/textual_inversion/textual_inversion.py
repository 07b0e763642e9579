"""A1111's `modules.textual_inversion.textual_inversion`: the embeddings, of which prompts name some."""

from __future__ import annotations

from typing import Any, NamedTuple

from modules.diffusion.embedding_files import EmbeddingFile

from ..bridge.host import host
from ..bridge.missing import refuse
from ..bridge.model_face import checkpoint


class TextualInversionTemplate(NamedTuple):
    """A file of prompts to train with."""

    name: str
    path: str


class Embedding:
    """One embedding."""

    def __init__(self, vec: Any, name: str, step: int | None = None) -> None:
        self.vec, self.name, self.step = vec, name, step
        self.filename: str | None = None
        self.vectors, self.shape = 0, 0
        self.sd_checkpoint = self.sd_checkpoint_name = None
        self.hash: str | None = None
        self.shorthash: str | None = None

    @classmethod
    def of(cls, file: EmbeddingFile) -> Embedding:
        """That of a file."""
        made = cls(None, file.name)
        made.filename, made.vectors, made.shape = str(file.path), file.tokens, max(file.widths, default=0)
        made.step, made.sd_checkpoint_name = file.notes.get("step"), file.notes.get("sd_checkpoint_name")
        return made

    def set_hash(self, v: str) -> None:
        """Its SHA-256, and A1111's short form of it."""
        self.hash, self.shorthash = v, v[:12]

    def save(self, filename: str) -> None:
        """Raises: NotHereError."""
        refuse("Embedding.save", "embeddings are not trained here")

    def checksum(self) -> str:
        """A short hash of the file."""
        return self.shorthash or ""


class DirWithTextualInversionEmbeddings:
    """A folder of embeddings."""

    def __init__(self, path: str) -> None:
        self.path = path

    def has_changed(self) -> bool:
        """Files are looked for when somebody asks for it."""
        return False

    def update(self) -> None:
        """The same."""


class EmbeddingDatabase:
    """All embeddings."""

    expected_shape = -1

    def __init__(self) -> None:
        self.embedding_dirs: dict[str, DirWithTextualInversionEmbeddings] = {}

    @property
    def word_embeddings(self) -> dict[str, Embedding]:
        """Those that the chosen checkpoint understands, by name."""
        found = checkpoint()
        widths = found.text_widths if found is not None else ()
        return {file.name: Embedding.of(file) for file in host.app.embeddings.fitting(widths)}

    @property
    def skipped_embeddings(self) -> dict[str, Embedding]:
        """The others."""
        fitting = self.word_embeddings
        others = [file for file in host.app.embeddings.files.values() if file.name not in fitting]
        return {file.name: Embedding.of(file) for file in others}

    @property
    def ids_lookup(self) -> dict[int, Any]:
        """Prompts are read by Aquatint."""
        return {}

    def add_embedding_dir(self, path: str) -> None:
        """A further folder is named at the start: --embeddings-dir."""
        self.embedding_dirs[path] = DirWithTextualInversionEmbeddings(path)

    def clear_embedding_dirs(self) -> None:
        """Forgets the folders that were added."""
        self.embedding_dirs.clear()

    def load_textual_inversion_embeddings(self, force_reload: bool = False) -> None:
        """Looks at the disk again."""
        host.app.embeddings.refresh()

    def register_embedding(self, embedding: Embedding, model: Any) -> None:
        """Raises: NotHereError."""
        refuse("register_embedding", "put the file into embeddings/")

    def register_embedding_by_name(self, embedding: Embedding, model: Any, name: str) -> None:
        """Raises: NotHereError."""
        refuse("register_embedding_by_name", "put the file into embeddings/")

    def get_expected_shape(self) -> int:
        """How wide the chosen checkpoint's embeddings are; 0 without one."""
        found = checkpoint()
        return max(found.text_widths, default=0) if found is not None else 0

    def find_embedding_at_position(self, tokens: Any, offset: int) -> tuple[None, None]:
        """Prompts are read by Aquatint."""
        return None, None


def list_textual_inversion_templates() -> dict[str, Any]:
    """Templates are for training, which is not here."""
    return {}


textual_inversion_templates: dict[str, Any] = {}


def create_embedding(name: str, num_vectors_per_token: int, overwrite_old: bool, init_text: str = "*") -> Any:
    """Raises: NotHereError."""
    refuse("create_embedding", "embeddings are not trained here")


def train_embedding(*_: Any, **__: Any) -> Any:
    """Raises: NotHereError."""
    refuse("train_embedding", "embeddings are not trained here")

"""What words mean before any picture was seen: token embeddings, synonyms, and words that are kept from the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, CLIPTokenizer

from tools.starter.compositions import COLOURS
from tools.starter.concepts import Concept
from tools.starter.workspace import TOKENIZER, Workspace

WIDTH = 160
"""Of the token embeddings, and so of the text encoder."""
SPREAD = 0.3
"""Standard deviation of the embeddings."""
UNSEEN = 100
LIKE = 0.45
"""Cosine from which a word of the vocabulary counts as another word for a label."""
SYNONYMS = 12
NEAR = 0.35
"""Cosine from which a word says something about what to draw."""
SHARPNESS = 50.0
"""What cosines are multiplied with, to say how likely a word means each concept."""


class Words(NamedTuple):
    """`embeddings` is (tokens, WIDTH); `unseen` holds (word, label) pairs: no caption has that word or its kin.

    `spelt` are the words that are near a concept, none of them unseen or kin; `meant`, (spelt, concepts), how likely
    each means which.
    """

    embeddings: Tensor
    synonyms: dict[str, list[str]]
    unseen: list[tuple[str, str]]
    spelt: list[str]
    meant: Tensor


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's own, from the program's files."""
    tokenizer: CLIPTokenizer = CLIPTokenizer(
        vocab=str(TOKENIZER / "vocab.json"), merges=str(TOKENIZER / "merges.txt"), model_max_length=77
    )
    return tokenizer


def make_words(workspace: Workspace, concepts: Sequence[Concept]) -> Words:
    """Asks all-MiniLM-L6-v2 for the meaning of each of CLIP's tokens and of each label.

    The embeddings are the first principal components of the token meanings, so that "puppy" lies near "dog" from the
    start; they stay as they are while the rest is trained.
    """
    tokenizer = clip_tokenizer()
    spelt = [str(tokenizer.decode([number])).strip() for number in range(len(tokenizer))]
    meaning = Meaning(workspace)
    tokens = meaning.of(spelt)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    ends = (number for token, number in vocabulary.items() if token.endswith("</w>"))
    whole = sorted(number for number in ends if len(spelt[number]) > 3 and spelt[number] in meaning.words)
    labels = meaning.of([concept.label for concept in concepts])
    likeness = labels @ tokens[whole].T
    words = [spelt[index] for index in whole]
    unseen = _choose_unseen(concepts, words, likeness)
    synonyms = _synonyms(concepts, words, likeness, unseen)
    return Words(_components(tokens), synonyms, unseen, *_meant(words, likeness, unseen))


class Meaning:
    """all-MiniLM-L6-v2 as its authors use it: the mean over tokens, of length one."""

    def __init__(self, workspace: Workspace) -> None:
        self._tokenizer: Any = AutoTokenizer.from_pretrained(workspace.sentences, local_files_only=True)
        self.words: frozenset[str] = frozenset(self._tokenizer.get_vocab())
        """What it knows as one piece: words, where pieces of words have marks."""
        self._model: Any = AutoModel.from_pretrained(workspace.sentences, local_files_only=True).eval()

    @torch.inference_mode()
    def of(self, texts: Sequence[str]) -> Tensor:
        """(texts, 384) unit vectors."""
        vectors = torch.zeros(len(texts), 384)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), 512):
            part = order[start : start + 512]
            batch = self._tokenizer(
                [texts[index] for index in part], padding=True, truncation=True, max_length=32, return_tensors="pt"
            )
            hidden = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            vectors[part] = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
        return vectors


def _components(vectors: Tensor) -> Tensor:
    centred = vectors - vectors.mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)[:, :WIDTH]
    found: Tensor = centred @ axes
    return found / found.std() * SPREAD


def _kin(word: str, others: Iterable[str]) -> bool:
    """Whether a word shares its beginning with one of the others: "pigs" with "pig", "apples" with "apple"."""
    return any(word[:4] == other[:4] or word.startswith(other) for other in others if len(other) > 2)


def _choose_unseen(concepts: Sequence[Concept], words: Sequence[str], likeness: Tensor) -> list[tuple[str, str]]:
    """The words that are most like one label and unlike all words of all captions, one a label."""
    texts = [text for concept in concepts for text in (concept.label, *concept.tags)] + list(COLOURS)
    seen = {word for text in texts for word in text.replace("-", " ").split()}
    best, which = likeness.max(0)
    chosen: dict[int, str] = {}
    for index in best.argsort(descending=True).tolist():
        label = int(which[index])
        if label not in chosen and not _kin(words[index], seen):
            chosen[label] = words[index]
            if len(chosen) == UNSEEN:
                break
    return [(word, concepts[label].label) for label, word in chosen.items()]


def _synonyms(
    concepts: Sequence[Concept], words: Sequence[str], likeness: Tensor, unseen: Sequence[tuple[str, str]]
) -> dict[str, list[str]]:
    """Other words for each label, none of them kin of a word that is kept from the model."""
    kept = {word for word, _ in unseen}
    found: dict[str, list[str]] = {}
    best, which = likeness.max(0)
    allowed = [i for i, word in enumerate(words) if best[i] >= LIKE and not _kin(word, kept)]
    for index in sorted(allowed, key=lambda index: -float(best[index])):
        names = found.setdefault(concepts[int(which[index])].label, [])
        if len(names) < SYNONYMS:
            names.append(words[index])
    return found


def _meant(words: Sequence[str], likeness: Tensor, unseen: Sequence[tuple[str, str]]) -> tuple[list[str], Tensor]:
    """`spelt` and `meant` of Words."""
    kept = {word for word, _ in unseen}
    best = likeness.max(0).values
    near = [index for index, word in enumerate(words) if best[index] >= NEAR and not _kin(word, kept)]
    return [words[index] for index in near], (likeness.T[near] * SHARPNESS).softmax(1).half()

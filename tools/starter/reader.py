"""The reader before the painter: the text encoder learns what captions are about, and to sketch it.

The lower layers read. The last of them has a table: each of its first units stands for one concept, answers when that
is meant, and adds what the concept looks like, so that half way the state at each of the last places is what `Codes`
says of the thing, its ground and that place. The upper layers draw: in the end each of these states tells one patch of
the latents. Pictures and words are learnt apart, and cheaply; the painter only has to bring the sketch out of noise.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from tools.starter.codes import PATCH, SKETCH, Codes, certain
from tools.starter.compositions import COLOURS
from tools.starter.latents import Latents, Rows, tokenize
from tools.starter.training import Optimizer, Run, autocast
from tools.starter.words import Words
from tools.starter.workspace import Workspace, load, save

CAPTIONS, WORDS, DRAWN = 64, 32, 256
"""A step: captions, words of the vocabulary, and compositions that are drawn without reading."""
PLACES = 77
READING = 2
"""Of the layers, how many read."""
READ, FILL, SOME = 16, 2, 4
"""At how many places is read at first: at the beginning, elsewhere before the sketch, where the end mark is repeated,
and of the sketch."""
WHOLE = 0.3
"""The part of a run after which all places are read, and what is read is drawn."""
PEAK, READS, DRAWS = 2e-3, 2e-3, 6e-3
BLUR = 0.05
"""Noise on the states that are drawn without reading."""


class Batch(NamedTuple):
    """Token ids (B, 77), how likely each concept is (B, concepts), grounds (B,) and latents (B, 4, 16, 16)."""

    ids: Tensor
    meant: Tensor
    grounds: Tensor
    latents: Tensor


def train_reader(workspace: Workspace, text: Any, table: Latents, words: Words, minutes: float) -> None:
    """Trains `text` for `minutes` on captions and on words of the vocabulary, and keeps it; again to go on."""
    run, codes = Run(minutes, cooling=0.6), Codes(table)
    sketcher = nn.Linear(text.config.hidden_size, 4 * PATCH**2)
    if workspace.reader.exists():
        known = load(workspace.reader, "reader")
        text.load_state_dict(known["text"])
        sketcher.load_state_dict(known["sketcher"])
    else:
        codes.begin(text, text.encoder.layers[READING - 1].mlp)
    optimizer = _optimizer(text, sketcher)
    rows, rng = Rows(table.concepts), random.Random(3)
    for moment in run.moments():
        batch, whole = _batch(table, words, rows, rng), moment.part > WHOLE
        with sdpa_kernel(SDPBackend.MATH), autocast():
            errors, right = _errors(text, sketcher, codes, batch, whole)
            if whole or moment.step % 2 == 0:
                errors["practised"] = _practise(text, sketcher, codes, table, rows.any(DRAWN))
        total = torch.stack(list(errors.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step(run.rate(moment, 1.0))
        figures = {name: float(error.detach()) for name, error in errors.items()}
        run.tell(CAPTIONS, float(total.detach()), right=right, **figures)
    save({"text": text.state_dict(), "sketcher": sketcher.state_dict()}, workspace.reader)


def read(text: Any, ids: Tensor, places: Tensor) -> Tensor:
    """The states half way, (B, places, width)."""
    return _through(text.encoder.layers[:READING], text.embeddings(input_ids=ids, position_ids=places[None]))


def draw(text: Any, sketcher: nn.Module, states: Tensor) -> Tensor:
    """Latents (B, 4, 16, 16), of states half way."""
    last = text.final_layer_norm(_through(text.encoder.layers[READING:], states))
    return _latents(sketcher, last[:, -SKETCH:])


def _through(layers: Any, states: Tensor) -> Tensor:
    causal = torch.full((states.shape[1],) * 2, float("-inf")).triu(1)[None, None]
    for layer in layers:
        found = layer(states, attention_mask=causal)
        states = found[0] if isinstance(found, tuple) else found
    return states


def _latents(sketcher: nn.Module, states: Tensor) -> Tensor:
    patches = sketcher(states).transpose(1, 2).unflatten(2, (PATCH, PATCH))
    return F.pixel_shuffle(patches, PATCH)


def _errors(text: Any, sketcher: nn.Module, codes: Codes, batch: Batch, whole: bool) -> tuple[dict[str, Tensor], float]:
    """The weighted errors of what is read, and the share of captions whose concept answers loudest."""
    places, answers = _places(whole), []
    listening = text.encoder.layers[READING - 1].mlp.fc1.register_forward_hook(lambda *each: answers.append(each[-1]))
    half = read(text, batch.ids[:, places], places)
    listening.remove()
    of_sketch = places[places >= PLACES - SKETCH] - (PLACES - SKETCH)
    wrong = half[:, -len(of_sketch) :].float() - codes.states(batch.meant, batch.grounds)[:, of_sketch]
    asked = answers[0][:, -1 - random.randrange(len(of_sketch)), : batch.meant.shape[1]].float()
    right = asked[:CAPTIONS].argmax(1) == batch.meant[:CAPTIONS].argmax(1)
    errors = {"read": 3 * wrong[..., : codes.used].pow(2).mean(), "named": F.cross_entropy(asked, batch.meant)}
    if whole:
        errors["drawn"] = 2 * F.mse_loss(draw(text, sketcher, half).float(), batch.latents)
    return errors, float(right.float().mean())


def _practise(text: Any, sketcher: nn.Module, codes: Codes, table: Latents, seen: Tensor) -> Tensor:
    """The error of what the upper layers draw when the lower ones have read well."""
    states = codes.states(certain(table.concepts[seen], len(codes.codes)), table.grounds[seen])
    drawn = draw(text, sketcher, states + BLUR * torch.randn_like(states))
    return F.mse_loss(drawn.float(), table.latents[seen].float())


def _batch(table: Latents, words: Words, rows: Rows, rng: random.Random) -> Batch:
    chosen, picked = rows.any(CAPTIONS), torch.randint(len(words.spelt), (WORDS,))
    likely = words.meant[picked].float()
    seen = torch.cat([chosen, rows.of(torch.multinomial(likely, 1)[:, 0])])
    grounds = table.grounds[seen]
    said = [_said(words.spelt[word], int(ground), rng) for word, ground in zip(picked, grounds[CAPTIONS:], strict=True)]
    meant = torch.cat([certain(table.concepts[chosen], likely.shape[1]), likely])
    return Batch(torch.cat([table.said(chosen), tokenize(said)]), meant, grounds, table.latents[seen].float())


def _optimizer(text: Any, sketcher: nn.Module) -> Optimizer:
    """Muon for the matrices that read and those that draw, AdamW for the table and the rest."""
    tokens = text.get_input_embeddings().weight.requires_grad_(False)
    layers, table = text.encoder.layers, {id(each) for each in text.encoder.layers[READING - 1].mlp.parameters()}
    reads, draws = (
        [each for each in part.parameters() if each.ndim == 2 and id(each) not in table]
        for part in (layers[:READING], layers[READING:])
    )
    known = {id(each) for each in (*reads, *draws, tokens)}
    others = [each for each in (*text.parameters(), *sketcher.parameters()) if id(each) not in known]
    return Optimizer([(reads, READS), (draws, DRAWS)], (others, PEAK))


def _places(whole: bool) -> Tensor:
    """Which places of a text are read: all, or the beginning, a few that follow, and the sketch's."""
    if whole:
        return torch.arange(PLACES)
    first = PLACES - SKETCH
    more, sketch = READ + torch.randperm(first - READ)[:FILL], first + torch.randperm(SKETCH)[:SOME]
    return torch.cat([torch.arange(READ), more, sketch]).sort().values


def _said(word: str, ground: int, rng: random.Random) -> str:
    colour = list(COLOURS)[ground]
    ways = ("{}", "a {}") if colour == "white" else ("{} on a {} background", "a {}, {} background")
    return rng.choice(ways).format(word, colour)

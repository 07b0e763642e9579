"""The text encoder's own training: what is read, what is drawn, and where the painter finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tools.starter import codes, reader, unet
from tools.starter.codes import MARK, SKETCH, Codes, certain
from tools.starter.latents import Latents, Rows, tokenize
from tools.starter.training import Moment, Run
from tools.starter.words import WIDTH, Words
from tools.starter.workspace import Workspace, load, save


@pytest.fixture
def table() -> Latents:
    """Three things on two grounds, each said in one way."""
    torch.manual_seed(0)
    things, grounds = torch.arange(24) % 3, torch.arange(24) // 3 % 2
    said = [
        f"{('heart', 'fox', 'tree')[thing]}{('', ' on a black background')[ground]}"
        for thing, ground in zip(things, grounds, strict=True)
    ]
    pictures = torch.randn(3, 4, 16, 16)[things] - grounds[:, None, None, None]
    return Latents(pictures.half(), tokenize(said).int().view(24, 1, 77), things, grounds)


@pytest.fixture
def text() -> Any:
    torch.manual_seed(1)
    return unet.Painter(torch.randn(49408, WIDTH) * 0.3).text


def test_codes_are_what_principal_components_say_of_the_mean_pictures(table: Latents) -> None:
    found = Codes(table)
    means = torch.stack(
        [table.latents[(table.concepts == thing) & (table.grounds == 0)].float().mean(0) for thing in range(3)]
    )
    centred = (means - means.mean(0)).flatten(1)
    # Three points span two components; the third is nothing but rounding.
    wanted = torch.pca_lowrank(centred, q=2, center=False)
    projected = centred @ wanted[2]
    for component in range(2):
        ours, theirs = found.codes[:, component], projected[:, component]
        assert abs(F.cosine_similarity(ours, theirs, dim=0)) > 0.999
    assert found.codes.std() == pytest.approx(codes.SPREAD)


def test_a_state_says_thing_ground_and_place(table: Latents) -> None:
    found = Codes(table)
    width = found.codes.shape[1]
    states = found.states(certain(torch.tensor([2, 0]), 3), torch.tensor([1, 3]))
    assert states.shape == (2, SKETCH, WIDTH)
    assert torch.equal(states[0, 5, :width], found.codes[2])
    assert states[0, 5, width:].nonzero().flatten().tolist() == [1, 13 + 5]
    assert states[1, 0, width:].nonzero().flatten().tolist() == [3, 13]
    assert states[:, :, width:].max() == MARK


def test_a_text_begins_with_a_table_that_adds_what_a_thing_looks_like(table: Latents, text: Any) -> None:
    found, mlp = Codes(table), text.encoder.layers[reader.READING - 1].mlp
    found.begin(text, mlp)
    loud = torch.zeros(3, mlp.fc1.out_features)
    loud[:, :3] = torch.eye(3) * codes.ANSWER
    added = mlp.fc2(loud) - mlp.fc2(torch.zeros_like(loud))
    torch.testing.assert_close(added[:, : found.codes.shape[1]], found.codes)
    places = text.embeddings.position_embedding.weight[-SKETCH:]
    assert places.argmax(1).tolist() == [found.codes.shape[1] + 13 + place for place in range(SKETCH)]


def test_rows_are_of_the_concept_that_was_asked_for_and_never_of_two_things() -> None:
    concepts = torch.tensor([2, 0, -100, 1, 0, 2, 2, -100])
    rows = Rows(concepts)
    asked = torch.tensor([0, 1, 2] * 50)
    assert torch.equal(concepts[rows.of(asked)], asked)
    assert set(rows.of(torch.tensor([2] * 80)).tolist()) == {0, 5, 6}
    assert set(rows.any(200).tolist()) == {0, 1, 3, 4, 5, 6}


def test_the_sketch_is_always_read_in_order_and_everything_at_the_end_of_a_run() -> None:
    places = reader._places(whole=False)
    assert places[: reader.READ].tolist() == list(range(reader.READ))
    assert places.tolist() == sorted(set(places.tolist()))
    assert int((places >= reader.PLACES - SKETCH).sum()) == reader.SOME
    assert reader._places(whole=True).tolist() == list(range(77))


def test_reading_and_drawing_are_what_the_whole_text_encoder_computes(text: Any) -> None:
    torch.manual_seed(2)
    sketcher, ids = nn.Linear(WIDTH, 64), tokenize(["fox", "a red fox on a blue background"])
    with torch.no_grad():
        half = reader.read(text, ids, torch.arange(77))
        drawn = reader.draw(text, sketcher, half)
        whole = text(ids, output_hidden_states=True)
        patches = sketcher(whole.last_hidden_state[:, -SKETCH:])
    torch.testing.assert_close(half, whole.hidden_states[reader.READING], atol=1e-4, rtol=1e-4)
    assert drawn.shape == (2, 4, 16, 16)
    for place in (0, 5, 15):
        top, left = place // 4 * 4, place % 4 * 4
        patch = patches[:, place].view(2, 4, 4, 4)
        torch.testing.assert_close(drawn[:, :, top : top + 4, left : left + 4], patch, atol=1e-4, rtol=1e-4)


def test_the_reader_learns_captions_and_words_and_the_painter_takes_it(
    tmp_path: Path, table: Latents, text: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("CAPTIONS", 6), ("WORDS", 2), ("DRAWN", 8)):
        monkeypatch.setattr(reader, name, count)
    monkeypatch.setattr(Run, "moments", lambda self: iter([Moment(step, step / 90) for step in range(90)]))
    told: list[dict[str, float]] = []
    monkeypatch.setattr(Run, "tell", lambda self, done, loss, **figures: told.append(figures))
    words = Words(torch.zeros(49408, WIDTH), {}, [], ["vixen", "spruce"], torch.eye(3)[1:].half())
    workspace = Workspace(tmp_path)
    save({"embeddings": text.get_input_embeddings().weight.detach()}, workspace.words)
    reader.train_reader(workspace, text, table, words, minutes=1)
    assert sum(each["right"] for each in told[-10:]) / 10 > 0.8
    assert told[-1]["read"] < told[0]["read"] / 2
    assert told[-1]["practised"] < told[0]["practised"] / 2
    assert "drawn" in told[-1]
    assert "drawn" not in told[0]
    begun = unet.Training(workspace)
    for name, weight in load(workspace.reader, "reader")["text"].items():
        assert torch.equal(begun.painter.text.state_dict()[name], weight)
    assert {id(weight) for weight in begun.average.parameters} == {
        id(weight) for weight in begun.painter.unet.parameters()
    }
    words_before = text.get_input_embeddings().weight
    assert torch.equal(words_before, torch.load(workspace.words)["embeddings"])

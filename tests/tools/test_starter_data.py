"""What the starter is trained on: packages that are what they were, concepts, captioned compositions, kept words."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tools.starter import words
from tools.starter.compositions import COLOURS, NO_CONCEPT, SIDE, Composer
from tools.starter.concepts import Concept, read_concepts, taught
from tools.starter.measure import Judge, contact_sheet, ground_of
from tools.starter.packages import Package, check, unpack
from tools.starter.workspace import Workspace, load, save

EMOJI = (
    ("2764-fe0f", "red heart", 0, 14, (220, 20, 30, 255)),
    ("1f98a", "fox", 3, 34, (240, 130, 30, 255)),
    ("1f332", "evergreen tree", 3, 41, (20, 120, 50, 255)),
    ("1f1e9-1f1ea", "flag: Germany", 9, 98, (0, 0, 0, 255)),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A folder with four emoji: discs of one colour on nothing."""
    workspace = Workspace(tmp_path)
    for folder in (workspace.emoji, workspace.labels.parent, workspace.groups.parent):
        folder.mkdir(parents=True)
    for code, _, _, _, colour in EMOJI:
        picture = Image.new("RGBA", (64, 64))
        picture.paste(colour, (8, 8, 56, 56))
        picture.save(workspace.emoji / f"{code}.webp", lossless=True)
    rows = [
        {"hexcode": code.upper(), "label": label, "tags": ["Tag One", "two"], "group": group, "subgroup": subgroup}
        for code, label, group, subgroup, _ in EMOJI
    ]
    workspace.labels.write_text(json.dumps(rows), "utf-8")
    groups = {"0": "smileys-emotion", "3": "animals-nature", "9": "flags"}
    subgroups = {"14": "heart", "34": "animal-mammal", "41": "plant-other", "98": "country-flag"}
    workspace.groups.write_text(json.dumps({"groups": groups, "subgroups": subgroups}), "utf-8")
    return workspace


@pytest.fixture
def concepts(workspace: Workspace) -> list[Concept]:
    return taught(read_concepts(workspace))


def test_concepts_have_names_tags_and_pictures_and_flags_are_not_taught(workspace: Workspace) -> None:
    everything = read_concepts(workspace)
    assert [concept.label for concept in everything] == ["red heart", "fox", "evergreen tree", "flag: germany"]
    assert everything[0].tags == ("tag one", "two")
    assert everything[0].cutout(32).shape == (32, 32, 4)
    assert [concept.label for concept in taught(everything)] == ["red heart", "fox", "evergreen tree"]


def test_without_the_data_the_command_that_fetches_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"tools\.starter data"):
        read_concepts(Workspace(tmp_path))
    with pytest.raises(SystemExit, match=r"tools\.starter vae"):
        load(tmp_path / "vae.pt", "vae")


def test_a_caption_names_the_colour_of_the_ground(concepts: list[Concept]) -> None:
    composer, rng = Composer(concepts), random.Random(1)
    made = [composer.compose(index % len(concepts), rng) for index in range(200)]
    named = [each for each in made if "background" in each.captions[0]]
    assert len(named) > 60
    for each in named:
        assert f"{ground_of(each.picture)} background" in each.captions[0]
    silent = [each for each in made if "background" not in each.captions[0]]
    assert {ground_of(each.picture) for each in silent} == {"white"}


def test_captions_use_labels_tags_and_synonyms_and_the_same_seed_says_the_same(concepts: list[Concept]) -> None:
    composer = Composer(concepts, {"fox": ["vixen"]})
    captions = [composer.compose(1, random.Random(seed)).captions for seed in range(300)]
    for words_ in ("fox", "tag one", "vixen", "fox and"):
        assert any(words_ in caption for (caption,) in captions), words_
    assert captions == [composer.compose(1, random.Random(seed)).captions for seed in range(300)]


def test_many_captions_say_one_picture_which_tells_what_it_is_about(concepts: list[Concept]) -> None:
    composer = Composer(concepts, {"fox": ["vixen"]})
    made = [composer.compose(1, random.Random(seed), captions=12) for seed in range(100)]
    assert {len(each.captions) for each in made} == {12}
    assert all(len(set(each.captions)) > 1 for each in made if each.concept == 1)
    assert {each.concept for each in made} == {1, NO_CONCEPT}
    for each in made:
        assert list(COLOURS)[each.ground] == ground_of(each.picture)
        assert {" and " in caption for caption in each.captions} == {each.concept == NO_CONCEPT}


def test_the_judge_finds_the_original_also_in_a_poor_copy(concepts: list[Concept]) -> None:
    composer = Composer(concepts)
    judge = Judge(concepts, composer)
    noise = np.random.default_rng(1).integers(-40, 40, (3, SIDE, SIDE, 3))
    copies = np.clip(np.stack([composer.original(index) for index in range(3)]) + noise, 0, 255).astype(np.uint8)
    labels = [concept.label for concept in concepts]
    assert judge.shares(copies, labels) == (1.0, 1.0)
    assert judge.shares(copies, [labels[1], labels[2], labels[0]]) == (0.0, 1.0)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_ground_is_known_by_its_corners(colour: str) -> None:
    picture = np.full((SIDE, SIDE, 3), COLOURS[colour], np.uint8)
    picture[32:96, 32:96] = (1, 2, 3)
    assert ground_of(picture) == colour


def test_a_contact_sheet_reads_like_a_page() -> None:
    pictures = np.arange(16, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    sheet = np.asarray(contact_sheet(pictures))
    assert sheet.shape == (8, 32, 3)
    assert [int(sheet[0, 4 * x, 0]) for x in range(8)] == list(range(8))
    assert int(sheet[4, 0, 0]) == 8


def test_words_that_are_kept_from_the_model_are_in_no_caption_and_have_no_kin_there(concepts: list[Concept]) -> None:
    spelt = ["foxes", "vixen", "wolf", "spruce", "trees", "valentine"]
    likeness = torch.tensor(
        [[0.1, 0.1, 0.1, 0.1, 0.1, 0.9], [0.9, 0.8, 0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.8, 0.9, 0.1]]
    )
    unseen = words._choose_unseen(concepts, spelt, likeness)
    assert dict(unseen) == {"vixen": "fox", "spruce": "evergreen tree", "valentine": "red heart"}
    synonyms = words._synonyms(concepts, spelt, likeness, unseen)
    assert synonyms == {"fox": ["foxes", "wolf"], "evergreen tree": ["trees"]}
    near, meant = words._meant(spelt, likeness, unseen)
    assert near == ["foxes", "wolf", "trees"]
    assert meant.argmax(1).tolist() == [1, 1, 2]
    assert meant.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-2)


def _archive(path: Path, name: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    return path


def test_another_archive_than_the_known_one_is_refused_and_forgotten(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.tgz", "package/a")
    known = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    check(archive, Package("a", "https://example.org/a.tgz", known, "MIT"))
    assert archive.exists()
    with pytest.raises(SystemExit, match="not what it was"):
        check(archive, Package("a", "https://example.org/a.tgz", "x" + known, "MIT"))
    assert not archive.exists()


def test_an_archive_is_unpacked_whole_and_never_outside_its_folder(tmp_path: Path) -> None:
    unpack(_archive(tmp_path / "a.tgz", "package/a"), tmp_path / "good")
    assert (tmp_path / "good" / "package" / "a").read_bytes() == b"abc"
    with pytest.raises(tarfile.FilterError):
        unpack(_archive(tmp_path / "b.tgz", "../../escaped"), tmp_path / "bad" / "deep")
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "bad" / "deep").exists()


def test_a_state_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.pt"
    save({"seen": 1}, path)
    with pytest.raises(Exception, match="pickle"):
        save({"seen": lambda: 2}, path)
    assert load(path, "vae") == {"seen": 1}

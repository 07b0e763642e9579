"""The X/Y/Z plot: which pictures it makes, in which order, and what it refuses before the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modules.studio.app import App
from modules.studio.infotext import read_infotext
from modules.studio.job import Progress
from modules.studio.request import Txt2Img
from tests.a1111.words import word

Plot = Callable[..., Progress]
NONE: tuple[str, str, list[str]] = ("Nothing", "", [])


@pytest.fixture
def xyz(open_extended: Callable[..., App]) -> Any:
    """The module of the script, loaded as an extension is; its studio is at `app`."""
    app = open_extended(own=True)
    scripts = word("scripts")
    module: Any = next(row.module for row in scripts.scripts_data if row.script_class.__module__.endswith("xyz_grid"))
    module.app = app
    return module


@pytest.fixture
def plot(xyz: Any) -> Plot:
    """Runs a quick plot; `x`, `y` and `z` are (label, text, chosen), and `switches` the script's further arguments."""
    switches = ("legend", "lone", "subs", "open_seeds", "vary_x", "vary_y", "vary_z", "margin", "from_text")
    usual = {"legend": True, "lone": True, "margin": 0}

    def run(
        x: Any = NONE, y: Any = NONE, z: Any = NONE, *, more: dict[str, Any] | None = None, **given: Any
    ) -> Progress:
        values = {"prompt": "red heart", "seed": 7, "steps": 1, "width": 64, "height": 64, "cfg_scale": 1.0}
        further = [{**usual, **given}.get(name, False) for name in switches]
        args = [*x, *y, *z, *further]
        asked = Txt2Img.model_validate({**values, **(more or {}), "script_name": "X/Y/Z plot", "script_args": args})
        end: Progress = xyz.app.engine.submit(asked, "local").wait()
        return end

    return run


def params(end: Progress) -> list[dict[str, str]]:
    return [dict(read_infotext(image.infotext).params) for image in end.images]


def test_each_combination_is_painted_and_the_sheet_comes_first(plot: Plot) -> None:
    end = plot(("Steps", "1-2", []), ("CFG Scale", "1, 2", []))
    assert (end.state, end.comments) == ("done", ())
    assert [(each["Steps"], each["CFG scale"]) for each in params(end)[1:]] == [
        ("1", "1"),
        ("2", "1"),
        ("1", "2"),
        ("2", "2"),
    ]
    assert params(end)[1]["X Type"] == "Steps"
    assert params(end)[1]["Y Values"] == '"1, 2"'.strip('"')
    assert end.images[0].width > 128


def test_seeds_that_were_drawn_for_the_plot_are_in_the_parameters(plot: Plot) -> None:
    drawn = params(plot(("Seed", "5, -1", []), ("Nothing", "", [])))[1:]
    assert [each["X Values"] for each in drawn] == ["5, -1"] * 2
    assert [each["Fixed X Values"] for each in drawn] == [f"5, {drawn[1]['Seed']}"] * 2
    open_seeds = params(plot(("Seed", "5, 6", []), ("Nothing", "", []), open_seeds=True))
    assert not any("Fixed X Values" in each for each in open_seeds)


def test_without_legend_a_sheet_is_its_pictures(plot: Plot) -> None:
    end = plot(("Steps", "1-3", []), ("Seed", "1, 2", []), legend=False, lone=False)
    assert [(image.width, image.height) for image in end.images] == [(192, 128)]


def test_z_has_a_sheet_for_each_value(plot: Plot) -> None:
    end = plot(("Seed", "1, 2", []), z=("Steps", "1, 2", []), legend=False, lone=False, subs=True)
    assert [(image.width, image.height) for image in end.images] == [(256, 64), (128, 64), (128, 64)]


def test_what_is_chosen_from_a_list_needs_no_writing(plot: Plot) -> None:
    end = plot(("Sampler", "", ["Euler", "DDIM"]))
    assert [each["Sampler"] for each in params(end)[1:]] == ["Euler", "DDIM"]


def test_sizes_may_differ_and_stand_in_the_middle_of_their_place(plot: Plot) -> None:
    end = plot(("Size", "64x128, 128x64", []), legend=False)
    assert [(image.width, image.height) for image in end.images] == [(256, 128), (64, 128), (128, 64)]


def test_an_open_seed_is_one_and_the_same_for_the_whole_plot(plot: Plot) -> None:
    end = plot(("Steps", "1, 2", []), more={"seed": -1})
    seeds = [each["Seed"] for each in params(end)[1:]]
    assert seeds[0] == seeds[1] != "-1"


def test_seeds_may_count_up_along_an_axis(plot: Plot) -> None:
    end = plot(("CFG Scale", "1, 2", []), ("Steps", "1, 2", []), vary_x=True, vary_y=True)
    assert [each["Seed"] for each in params(end)[1:]] == ["7", "8", "9", "10"]


def test_words_are_searched_and_replaced_and_reordered(plot: Plot) -> None:
    end = plot(("Prompt S/R", "red, blue", []), ("Prompt order", "heart, star", []), more={"prompt": "red heart, star"})
    prompts = [read_infotext(image.infotext).prompt for image in end.images[1:]]
    assert prompts == ["red heart, star", "blue heart, star", "red star, heart", "blue star, heart"]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ([("Steps", "x", [])], "'x' is no whole number"),
        ([("Steps", "", [])], "no values"),
        ([("Sampler", "", ["Nobody"])], "no sampler called 'Nobody'"),
        ([("Checkpoint name", "", ["nowhere"])], "no checkpoint called 'nowhere'"),
        ([("VAE", "", ["nowhere"])], "no VAE called 'nowhere'"),
        ([("Prompt S/R", "green, blue", [])], "did not find 'green'"),
        ([("Size", "large", [])], "'large' is no size"),
        ([("Steps", "1", []), ("Steps", "2", [])], "Steps is on two axes"),
        ([("Seed", "1-1000", []), ("Steps", "1-100", [])], "megapixels"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_painted(plot: Plot, axes: list[Any], said: str) -> None:
    end = plot(*axes)
    assert end.state == "failed"
    assert said in end.error
    assert end.images == ()


def test_a_cell_that_fails_costs_no_other(plot: Plot) -> None:
    end = plot(("Steps", "1, 99999", []))
    assert end.state == "done"
    assert [each["Steps"] for each in params(end)[1:]] == ["1"]
    assert "1 cell" in " ".join(end.comments)


def test_the_axis_that_is_dear_to_change_changes_last(xyz: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    part: Any = __import__("xyz_plot.plot", fromlist=["plot"])
    painted: list[Any] = []

    def note(p: Any, value: Any, values: Any) -> None:
        painted.append(value)

    cheap, dear = (xyz.AxisOption(label, str, note, cost=cost) for label, cost in (("cheap", 0.0), ("dear", 1.0)))
    empty = word("processing").Processed
    monkeypatch.setattr(part.processing, "process_images", lambda p: empty(p, [], 7, ""))
    p = word("processing").StableDiffusionProcessingTxt2Img(seed=7)
    axes = [part.Axis(dear, ["A", "B"]), part.Axis(cheap, ["1", "2"]), part.Axis(cheap, ["-"])]
    list(part.paint(p, axes, part.Vary()))
    assert [each for each in painted if each in "AB"] == ["A", "A", "B", "B"]


def test_the_axes_of_a1111_are_there_but_two(xyz: Any) -> None:
    labels = [option.label for option in xyz.axis_options]
    assert len(labels) == 43
    assert not {"Image CFG Scale", "FP8 mode"} & set(labels)


def test_the_table_paints_a_cell_again(plot: Plot, xyz: Any) -> None:
    plot(("Steps", "1, 2", []))
    plotted = xyz.table.PLOTS["local"]
    assert [row[:2] for row in plotted.rows()] == [[1, "Steps: 1"], [2, "Steps: 2"]]
    done = word("processing").process_images(plotted.again(2, new_seed=False))
    assert (done.seed, len(done.images)) == (7, 1)
    assert "Steps: 2" in done.infotexts[0]

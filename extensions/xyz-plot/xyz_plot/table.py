"""The cells of a person's last plot as a table: sorted by a click, and any of them painted again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import gradio as gr

from modules import processing
from modules.studio.job import LOCAL
from modules.web.generate import owner_in
from xyz_plot.plot import Axis, Cell

PEOPLE = 50
"""Whose last plots are remembered."""
WIDTHS = {"Cell": 72, "X": 120, "Y": 120, "Z": 90, "Seed": 110, "Seconds": 100, "Problem": 120}
"""Headings, and their pixels: Gradio's own measure gives a long value all the room, and breaks the words of the rest."""

SORT_BY_HEADINGS = """() => {
    const table = document.getElementById("%s");
    table.onclick = (event) => {
        const heading = event.target.closest("[role=columnheader]");
        if (!heading || event.target.closest("button")) return;
        const again = table.dataset.sorted === heading.title;
        table.dataset.sorted = again ? "" : heading.title;
        setTimeout(() => {  // after this click has closed any menu
            heading.querySelector(".cell-menu-button").click();
            setTimeout(() => document.querySelectorAll("[role=menu] [role=menuitem]")[again ? 1 : 0].click());
        });
    };
}"""
"""A click on a heading sorts by it, a second one the other way round: the first two entries of Gradio's own menu of it."""


class Plotted(NamedTuple):
    """A plot that was painted."""

    p: Any
    axes: Sequence[Axis]
    cells: Sequence[Cell]

    def rows(self) -> list[list[Any]]:
        """A row a cell: its number from 1, its values, and how it went."""
        labels = [axis.labels(self.p) for axis in self.axes]
        return [
            [
                number,
                *(shown[place] for shown, place in zip(labels, cell.at, strict=True)),
                cell.seed if cell.images else "",
                round(cell.seconds, 2),
                cell.failed,
            ]
            for number, cell in enumerate(self.cells, start=1)
        ]

    def again(self, number: int, *, new_seed: bool) -> Any:
        """The job of a cell, to be painted by itself."""
        cell = self.cells[number - 1]
        one = copy(self.p)
        one.styles, one.override_settings = list(self.p.styles), dict(self.p.override_settings)
        one.script_name, one.scripts = None, None
        for axis, place in zip(self.axes, cell.at, strict=True):
            axis.option.apply(one, axis.values[place], axis.values)
        one.seed = -1 if new_seed else cell.seed if cell.images else one.seed
        return one


PLOTS: OrderedDict[str, Plotted] = OrderedDict()
"""By the person who asked for them, the newest last."""


def keep(p: Any, axes: Sequence[Axis], cells: Sequence[Cell]) -> None:
    """Remembers a plot for the person it belongs to."""
    owner = p.user or LOCAL
    PLOTS[owner] = Plotted(copy(p), list(axes), [cell._replace(images=cell.images[:1]) for cell in cells])
    PLOTS.move_to_end(owner)
    while len(PLOTS) > PEOPLE:
        PLOTS.popitem(last=False)


def build(elem_id: Any) -> None:
    """The table on the page, folded away."""
    with gr.Accordion("Cells of the last plot", open=False, elem_id=elem_id("table_fold")) as fold:
        cells = gr.Dataframe(
            headers=list(WIDTHS),
            column_widths=[f"{width}px" for width in WIDTHS.values()],
            interactive=False,
            type="array",
            wrap=True,
            max_height=320,
            elem_id=elem_id("table"),
        )
        with gr.Row():
            number = gr.Number(label="Cell", precision=0, minimum=0, elem_id=elem_id("cell"), min_width=80, scale=1)
            new_seed = gr.Checkbox(False, label="With a new seed", elem_id=elem_id("cell_new_seed"))
            look = gr.Button("Look again", size="sm", elem_id=elem_id("table_look"))
            run = gr.Button("Paint this cell again", size="sm", elem_id=elem_id("cell_run"))
        said = gr.Markdown(elem_id=elem_id("cell_said"))
    fold.expand(_rows, outputs=[cells])
    fold.expand(None, js=SORT_BY_HEADINGS % elem_id("table"))
    look.click(_rows, outputs=[cells])
    cells.select(_chosen, outputs=[number])
    run.click(_again, inputs=[number, new_seed], outputs=[said])


def _rows(request: gr.Request) -> list[list[Any]]:
    plotted = PLOTS.get(owner_in(request))
    return plotted.rows() if plotted is not None else []


def _chosen(event: gr.SelectData) -> int:
    """The number in the chosen row, wherever sorting has put it."""
    return int(event.row_value[0])


def _again(number: float | None, new_seed: bool, request: gr.Request) -> str:
    plotted = PLOTS.get(owner_in(request))
    if plotted is None:
        raise gr.Error("There is no plot yet.")
    if not number or not 1 <= number <= len(plotted.cells):
        raise gr.Error(f"Choose a cell: 1 to {len(plotted.cells)}.")
    done = processing.process_images(plotted.again(int(number), new_seed=new_seed))
    return (
        f"Cell {int(number)} is painted, with seed {done.seed}." if done.images else f"Cell {int(number)}: no picture."
    )

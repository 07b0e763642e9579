"""The scripts that come with the program, in a browser: their controls, their sheets, the table of the last plot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server, Visit, serving

PLOT = "script_txt2img_xyz_plot"
ROWS = f"#{PLOT}_table [role=row]:has([role=gridcell])"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of its own: the form remembers the script that was chosen."""
    with serving(tmp_path_factory.mktemp("scripts")) as server:
        yield server


def choose(page: Page, box: str, name: str) -> None:
    """One of a list that can be searched."""
    field = page.locator(f"#{box} input")
    field.click()
    field.fill(name)
    page.get_by_role("option", name=name, exact=True).click()


def numbers(page: Page) -> list[str]:
    """The first column of the table, from above."""
    return [row.split()[0] for row in page.locator(ROWS).all_inner_texts()]


def lines_of(element: Locator) -> int:
    """How many lines its text takes."""
    boxes: int = element.evaluate(
        """(element) => {
            const range = document.createRange();
            range.selectNodeContents(element);
            const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
            return new Set(boxes.map((box) => Math.round(box.top / 8))).size;
        }"""
    )
    return boxes


def test_a_script_that_is_chosen_shows_what_it_wants_seen(visit: Visit, tmp_path: Path) -> None:
    page = visit().page
    expect(page.locator(f"#{PLOT}_x_type")).to_be_hidden()
    choose(page, "script_list", "X/Y/Z plot")
    expect(page.locator(f"#{PLOT}_x_values")).to_be_visible()
    expect(page.locator(f"#{PLOT}_x_values_dropdown")).to_be_hidden()
    expect(page.locator(f"#{PLOT}_z_values")).to_be_hidden()
    choose(page, f"{PLOT}_z_type", "Sampler")
    expect(page.locator(f"#{PLOT}_z_values_dropdown")).to_be_visible()
    expect(page.locator(f"#{PLOT}_z_values")).to_be_hidden()
    page.locator(f"#{PLOT}_z_axis").scroll_into_view_if_needed()
    page.screenshot(path=Path(os.environ.get("AQUATINT_SCREENSHOTS") or tmp_path) / "plot.png")
    choose(page, "script_list", "Prompt matrix")
    expect(page.locator(f"#{PLOT}_x_type")).to_be_hidden()


def test_a_plot_is_painted_sorted_and_one_of_its_cells_painted_again(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.ask_for("red heart", seed=5, width=64, height=64)
    choose(page, "script_list", "X/Y/Z plot")
    choose(page, f"{PLOT}_x_type", "Steps")
    page.fill(f"#{PLOT}_x_values textarea", "1, 2")
    choose(page, f"{PLOT}_y_type", "CFG Scale")
    page.fill(f"#{PLOT}_y_values textarea", "1, 7")
    choose(page, f"{PLOT}_z_type", "Nothing")
    pictures = visitor.pictures_of(visitor.generate)
    assert len(pictures) == 1 + 4
    sheet = visitor.shown_picture()
    assert sheet.width > 2 * 64
    assert sheet.height > 2 * 64

    visitor.unfold(page.locator(f"#{PLOT}_table_fold > button"))
    expect(page.locator(ROWS)).to_have_count(4)
    assert sorted(numbers(page)) == ["1", "2", "3", "4"]
    heading = page.locator(f"#{PLOT}_table [role=columnheader]").first
    heading.click(position={"x": 12, "y": 16})
    page.wait_for_timeout(500)
    heading.click(position={"x": 12, "y": 16})
    expect(page.locator(f"{ROWS} [role=gridcell]").first).to_have_text("4")
    assert numbers(page) == ["4", "3", "2", "1"]
    page.locator(f"{ROWS} [role=gridcell]").first.click()
    expect(page.locator(f"#{PLOT}_cell input")).to_have_value("4")
    visitor.pictures_of(lambda: page.click(f"#{PLOT}_cell_run"))
    expect(page.locator(f"#{PLOT}_cell_said")).to_contain_text("Cell 4 is painted, with seed 5.")
    told = visitor.details().split("\n")
    assert told[told.index("Steps") + 1] == "2"
    assert told[told.index("CFG scale") + 1] == "7"


def test_headings_of_the_table_stay_on_one_line_beside_long_values(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    long = "a blue heart in the evening light over the quiet sea with many small boats and a lighthouse far away"
    visitor.ask_for("red heart", seed=5, width=64, height=64)
    choose(page, "script_list", "X/Y/Z plot")
    choose(page, f"{PLOT}_x_type", "Prompt S/R")
    page.fill(f"#{PLOT}_x_values textarea", f"red heart, {long}")
    choose(page, f"{PLOT}_y_type", "Steps")
    page.fill(f"#{PLOT}_y_values textarea", "1, 2")
    choose(page, f"{PLOT}_z_type", "Nothing")
    visitor.pictures_of(visitor.generate)
    visitor.unfold(page.locator(f"#{PLOT}_table_fold > button"))
    expect(page.locator(ROWS)).to_have_count(4)
    headings = page.locator(f"#{PLOT}_table [role=columnheader] .header-content").all()
    assert len(headings) == 7
    assert {lines_of(heading) for heading in headings} == {1}

"""A trial of an extension, whole: in a program of its own, with a picture without it and one with it."""

from __future__ import annotations

import pytest

from modules.studio.extension_trial import run_trial
from tests.a1111.conftest import SPECIMENS


@pytest.mark.parametrize(
    ("name", "same", "said"), [("recorder", True, "leaves pictures"), ("always", False, "changes")]
)
def test_it_says_whether_pictures_change_while_nothing_is_set(name: str, same: bool, said: str) -> None:
    trial = run_trial(SPECIMENS / name, name)
    assert (trial.ended, trial.picture, trial.faults, trial.same) == (True, True, [], same)
    assert said in trial.sentence

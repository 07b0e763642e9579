"""A1111's scripts of the Extras tab: what they subclass, what they are handed, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from .bridge.containment import containment
from .bridge.loaded import loaded
from .bridge.script_classes import postprocessing_scripts_data
from .bridge.undo import kept


class PostprocessedImageSharedInfo:
    """What the pictures that are made of one have in common: the size that is wanted."""

    target_width: int | None = None
    target_height: int | None = None


class PostprocessedImage:
    """A picture on its way through the scripts."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.info: dict[str, Any] = {}
        """Entries of the infotext about what was done."""
        self.shared = PostprocessedImageSharedInfo()
        self.extra_images: list[Any] = []
        """Further pictures that were made of it: PIL's, or PostprocessedImage."""
        self.nametags: list[str] = []
        """Words that go into its file's name."""
        self.disable_processing = False
        """Later scripts leave it as it is."""
        self.caption: str | None = None

    def get_suffix(self, used_suffixes: dict[str, int] | None = None) -> str:
        """What is put at the end of its file's name: the name tags, with a number where others have the same."""
        used = {} if used_suffixes is None else used_suffixes
        suffix = "-".join(self.nametags)
        if suffix:
            suffix = f"-{suffix}"
            used[suffix] = used.get(suffix, 0) + 1
            if used[suffix] > 1:
                suffix = f"{suffix}-{used[suffix]}"
        return suffix

    def create_copy(
        self, new_image: Image.Image, *, nametags: Sequence[str] | None = None, disable_processing: bool = False
    ) -> PostprocessedImage:
        """Another picture of the same origin."""
        twin = PostprocessedImage(new_image)
        twin.shared, twin.info = self.shared, dict(self.info)
        twin.nametags = [*self.nametags, *(nametags or ())]
        twin.disable_processing = disable_processing
        return twin


class ScriptPostprocessing:
    """One script of the Extras tab."""

    filename: str | None = None
    controls: dict[str, Any] | None = None
    args_from: int | None = None
    args_to: int | None = None
    order = 1000
    """Those with a smaller number come first; enlarging is at 1000, faces at 2000 and 3000."""
    name: str | None = None
    """Its title; must be overridden."""
    group: Any = None

    def ui(self) -> Any:
        """Makes its controls and returns them by the names that its methods take."""

    def process_firstpass(self, pp: PostprocessedImage, **args: Any) -> None:
        """Before any script changes the picture."""

    def process(self, pp: PostprocessedImage, **args: Any) -> None:
        """Changes the picture."""

    def image_changed(self) -> None:
        """Another picture was put into the tab."""


class ScriptPostprocessingRunner:
    """The scripts of the Extras tab."""

    def __init__(self) -> None:
        self.scripts: list[ScriptPostprocessing] | None = None
        self.ui_created = False

    def initialize_scripts(self, scripts_data: Sequence[Any]) -> None:
        """Makes an instance of each class."""
        self.scripts = []
        for row in scripts_data:
            with containment.guard(loaded.extension_of(row.path), "loading"):
                script = row.script_class()
                script.filename = row.path
                if script.name != "Simple Upscale":
                    self.scripts.append(script)

    def create_script_ui(self, script: ScriptPostprocessing, inputs: list[Any]) -> None:
        """Makes a script's controls where the page is being built."""
        script.args_from = len(inputs)
        made = containment.call(loaded.extension_of(script.filename or ""), "ui", script.ui)
        script.controls = dict(made) if isinstance(made, Mapping) else {}
        inputs += list(script.controls.values())
        script.args_to = len(inputs)

    def scripts_in_preferred_order(self) -> list[ScriptPostprocessing]:
        """By their `order`."""
        if self.scripts is None:
            self.initialize_scripts(postprocessing_scripts_data)
        return sorted(self.scripts or (), key=lambda script: script.order)

    def setup_ui(self) -> list[Any]:
        """Makes all controls; returns them in the order of the arguments."""
        import gradio as gr

        inputs: list[Any] = []
        for script in self.scripts_in_preferred_order():
            with gr.Row() as group:
                self.create_script_ui(script, inputs)
            script.group = group
        self.ui_created = True
        return inputs

    def create_args_for_run(self, scripts_args: Mapping[str, Mapping[str, Any]]) -> list[Any]:
        """The arguments in a row, from those of each script by name; defaults for the rest."""
        self.require_controls()
        args: list[Any] = []
        for script in self.scripts_in_preferred_order():
            given = scripts_args.get(script.name or "", {})
            args += [given.get(name, getattr(control, "value", None)) for name, control in self._controls(script)]
        return args

    def require_controls(self) -> None:
        """Makes the controls where no page has: their values say what the defaults are."""
        if not self.ui_created:
            import gradio as gr

            with gr.Blocks():
                self.setup_ui()

    def run(self, pp: PostprocessedImage, args: Sequence[Any]) -> None:
        """All scripts, one after another, on a picture and on those that are made of it."""
        self.run_between(pp, args, None, None)

    def run_between(self, pp: PostprocessedImage, args: Sequence[Any], first: float | None, last: float | None) -> None:
        """Those whose `order` is at least `first` and less than `last`."""
        scripts = [
            script
            for script in self.scripts_in_preferred_order()
            if (first is None or script.order >= first) and (last is None or script.order < last)
        ]
        for script in scripts:
            self._call("process_firstpass", script, pp, args)
        pictures = [pp]
        for script in scripts:
            for each in [each for each in pictures if not each.disable_processing]:
                self._call("process", script, each, args)
                made = [other for other in each.extra_images if isinstance(other, PostprocessedImage)]
                pictures += [other for other in made if other not in pictures]

    def _call(self, hook: str, script: ScriptPostprocessing, pp: PostprocessedImage, args: Sequence[Any]) -> None:
        words = dict(zip((name for name, _ in self._controls(script)), self._of(script, args), strict=False))
        before, done = kept(vars(pp)), False
        extension = loaded.extension_of(script.filename or "")
        if not containment.conduct(extension).runs:
            return
        with containment.guard(extension, hook):
            getattr(script, hook)(pp, **words)
            done = True
        if not done:
            vars(pp).update(before)

    def _controls(self, script: ScriptPostprocessing) -> list[tuple[str, Any]]:
        return list((script.controls or {}).items())

    def _of(self, script: ScriptPostprocessing, args: Sequence[Any]) -> Sequence[Any]:
        return args[script.args_from or 0 : script.args_to or 0]

    def image_changed(self) -> None:
        """Tells all scripts."""
        for script in self.scripts_in_preferred_order():
            containment.call(loaded.extension_of(script.filename or ""), "image_changed", script.image_changed)


scripts_postproc = ScriptPostprocessingRunner()
"""That of the Extras tab."""

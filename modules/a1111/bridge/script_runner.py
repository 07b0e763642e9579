"""A1111's ScriptRunner: the scripts of one tab, and what calls their methods."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from modules.diffusion.errors import AquatintError

from . import script_controls
from .containment import containment
from .loaded import loaded
from .script import (
    AlwaysVisible,
    MaskBlendArgs,
    OnComponent,
    PostprocessBatchListArgs,
    PostprocessImageArgs,
    PostProcessMaskOverlayArgs,
    PostSampleArgs,
    Script,
)
from .script_classes import ScriptClassData, scripts_data
from .undo import kept, put_back


class ScriptRunner:
    """The scripts of one tab. A copy with fewer `alwayson_scripts` calls those alone."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.selectable_scripts: list[Script] = []
        self.alwayson_scripts: list[Script] = []
        self.titles: list[str] = []
        self.title_map: dict[str, Script] = {}
        self.infotext_fields: list[Any] = []
        self.paste_field_names: list[str] = []
        self.inputs: list[Any] = [None]
        """The controls of all scripts; the first is the list in which one is chosen."""
        self.is_img2img = False
        self.on_before_component_elem_id: dict[str, list[tuple[Any, Script]]] = {}
        self.on_after_component_elem_id: dict[str, list[tuple[Any, Script]]] = {}

    # Before there is a job

    def initialize_scripts(self, is_img2img: bool, classes: Sequence[ScriptClassData] | None = None) -> None:
        """Makes an instance of each script that wants to be in this tab."""
        self.__init__()  # type: ignore[misc]  # A1111's: called again after extensions were loaded anew
        self.is_img2img = is_img2img
        for data in scripts_data if classes is None else classes:
            with containment.guard(loaded.extension_of(data.path), "show"):
                self._take_in(data)
        self.scripts.sort(key=lambda script: script.sorting_priority)
        self.alwayson_scripts = [script for script in self.scripts if script.alwayson]
        self.selectable_scripts = [script for script in self.scripts if not script.alwayson]
        self.title_map = {script.title().lower(): script for script in self.scripts}
        self.titles = [script.title() for script in self.selectable_scripts]
        self.apply_on_before_component_callbacks()

    def _take_in(self, data: ScriptClassData) -> None:
        script: Script = data.script_class()
        script.filename = data.path
        script.is_txt2img, script.is_img2img = not self.is_img2img, self.is_img2img
        script.tabname = "img2img" if self.is_img2img else "txt2img"
        visible = script.show(self.is_img2img)
        script.name = script.title().lower()
        script.alwayson = visible == AlwaysVisible or isinstance(visible, AlwaysVisible)
        if visible:
            self.scripts.append(script)

    def apply_on_before_component_callbacks(self) -> None:
        """Gathers what scripts have asked for by on_before_component and on_after_component."""
        for script in self.scripts:
            for elem_id, callback in script.on_before_component_elem_id or ():
                self.on_before_component_elem_id.setdefault(elem_id, []).append((callback, script))
            for elem_id, callback in script.on_after_component_elem_id or ():
                self.on_after_component_elem_id.setdefault(elem_id, []).append((callback, script))

    def create_script_ui(self, script: Script) -> None:
        """Makes a script's controls where the page is being built, and gives it its place among the arguments."""
        script_controls.make(self, script)

    def setup_ui_for_section(self, section: str | None, scriptlist: Sequence[Script] | None = None) -> None:
        """Makes the controls of the scripts that want to be in a part of the page."""
        script_controls.make_section(self, section, scriptlist)

    def prepare_ui(self) -> None:
        """To be called before the controls are made."""
        self.inputs = [None]

    def setup_ui(self) -> list[Any]:
        """Makes all controls that no section has; returns all inputs, the list of scripts first."""
        return script_controls.make_all(self)

    def script(self, title: str) -> Script | None:
        """The script of that title, whatever the case."""
        return self.title_map.get(title.lower())

    def before_component(self, component: Any, **kwargs: Any) -> None:
        """A component of the page is about to be made."""
        self._component("before_component", self.on_before_component_elem_id, component, **kwargs)

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """A component of the page was made."""
        self._component("after_component", self.on_after_component_elem_id, component, **kwargs)

    def _component(
        self, moment: str, wanted: dict[str, list[tuple[Any, Script]]], component: Any, **kwargs: Any
    ) -> None:
        for callback, script in wanted.get(kwargs.get("elem_id") or "", ()):
            containment.call(extension_of(script), f"on_{moment}", callback, OnComponent(component=component))
        for script in self.scripts:
            if _overrides(script, moment):
                containment.call(extension_of(script), moment, getattr(script, moment), component, **kwargs)

    def set_named_arg(self, args: Any, script_name: str, arg_elem_id: str, value: Any, fuzzy: bool = False) -> Any:
        """The arguments of all scripts with another value of one control, which is named by its script (in lower case)
        and its elem_id, or with `fuzzy` a part of that. A list is changed in place.

        Raises: RuntimeError where there is none."""
        script = next((each for each in self.scripts if each.name == script_name), None)
        if script is None:
            raise RuntimeError(f"script {script_name} not found")
        if not isinstance(args, list | tuple):
            raise RuntimeError(f"args is not a list or tuple, but {type(args)}")
        for index, control in enumerate(script.controls or (), start=script.args_from or 0):
            elem_id = getattr(control, "elem_id", None) or ""
            if arg_elem_id in elem_id if fuzzy else arg_elem_id == elem_id:
                if isinstance(args, tuple):
                    return (*args[:index], value, *args[index + 1 :])
                args[index] = value
                return args
        raise RuntimeError(f"arg_elem_id {arg_elem_id} not found in script {script_name}")

    def list_scripts_for_method(self, method_name: str) -> list[Script]:
        """Those that may take part in a moment: of the page all, of a job those that are always on."""
        of_page = method_name in ("before_component", "after_component")
        return self.scripts if of_page else self.alwayson_scripts

    # The job

    def run(self, p: Any, *args: Any) -> Any:
        """What the chosen script makes of the job; None when none is chosen or it leaves the job to its normal course.

        Raises: what the script says to the person (gr.Error, AquatintError).
        """
        index = args[0] if args else 0
        if not isinstance(index, int) or not 0 < index <= len(self.selectable_scripts):
            return None
        script = self.selectable_scripts[index - 1]
        processed = None
        if containment.conduct(extension_of(script)).runs and not script.lacks_ui:
            undo = _Undo(p, (), {})
            done = False
            said = _gradio_errors()
            with containment.guard(extension_of(script), "run", tells=(AquatintError, *said)):
                try:
                    processed = script.run(p, *args[script.args_from or 0 : script.args_to or 0])
                except said as error:
                    raise ScriptSaysError(str(getattr(error, "message", error))) from None
                done = True
            if not done:
                undo.put_back()
        return processed

    def setup_scrips(self, p: Any, *, is_ui: bool = True) -> None:
        """A1111's name for it: `setup` of each script."""
        self._each("setup", p, scripts=[each for each in self.alwayson_scripts if is_ui or not each.setup_for_ui_only])

    def before_process(self, p: Any) -> None:
        self._each("before_process", p)

    def process(self, p: Any) -> None:
        self._each("process", p)

    def before_process_batch(self, p: Any, **kwargs: Any) -> None:
        self._each("before_process_batch", p, **kwargs)

    def after_extra_networks_activate(self, p: Any, **kwargs: Any) -> None:
        self._each("after_extra_networks_activate", p, **kwargs)

    def process_batch(self, p: Any, **kwargs: Any) -> None:
        self._each("process_batch", p, **kwargs)

    def process_before_every_sampling(self, p: Any, **kwargs: Any) -> None:
        self._each("process_before_every_sampling", p, **kwargs)

    def before_hr(self, p: Any) -> None:
        self._each("before_hr", p)

    def on_mask_blend(self, p: Any, mba: MaskBlendArgs) -> None:
        self._each("on_mask_blend", p, mba)

    def post_sample(self, p: Any, ps: PostSampleArgs) -> None:
        self._each("post_sample", p, ps)

    def postprocess_batch(self, p: Any, images: Any, **kwargs: Any) -> None:
        self._each("postprocess_batch", p, images=images, **kwargs)

    def postprocess_batch_list(self, p: Any, pp: PostprocessBatchListArgs, **kwargs: Any) -> None:
        self._each("postprocess_batch_list", p, pp, **kwargs)

    def postprocess_image(self, p: Any, pp: PostprocessImageArgs) -> None:
        self._each("postprocess_image", p, pp)

    def postprocess_maskoverlay(self, p: Any, ppmo: PostProcessMaskOverlayArgs) -> None:
        self._each("postprocess_maskoverlay", p, ppmo)

    def postprocess_image_after_composite(self, p: Any, pp: PostprocessImageArgs) -> None:
        self._each("postprocess_image_after_composite", p, pp)

    def postprocess(self, p: Any, processed: Any) -> None:
        self._each("postprocess", p, processed)

    def wants(self, *hooks: str) -> bool:
        """Whether any script takes part in one of these moments; only then is it made ready."""
        return any(_overrides(script, hook) for script in self.alwayson_scripts for hook in hooks)

    def ordered_scripts(self, method_name: str) -> list[Script]:
        """Those that take part in a moment, in the order in which they are called."""
        scripts = self.list_scripts_for_method(method_name)
        return [script for script in scripts if _overrides(script, method_name)]

    def _each(self, hook: str, p: Any, *handed: Any, scripts: Sequence[Script] | None = None, **words: Any) -> None:
        taking_part = self.alwayson_scripts if scripts is None else scripts
        for script in [each for each in taking_part if _overrides(each, hook) and not each.lacks_ui]:
            name = extension_of(script)
            if not containment.conduct(name).runs:
                continue
            undo, done = _Undo(p, handed, words), False
            with containment.guard(name, hook):
                getattr(script, hook)(p, *handed, *args_of(script, p), **words)
                done = True
            if not done:
                undo.put_back()


class ScriptSaysError(AquatintError):
    """What a chosen script tells the person by gr.Error."""


class _Undo:
    """What a failing hook has changed is put back: p, what it was handed in order, and what by name."""

    def __init__(self, p: Any, handed: Sequence[Any], words: dict[str, Any]) -> None:
        self._p = p.remember() if hasattr(p, "remember") else None
        self._handed = [(each, kept(vars(each))) for each in handed if hasattr(each, "__dict__")]
        self._words, self._before = words, kept(words)
        self._objects = [each.remember() for each in words.values() if hasattr(each, "remember")]

    def put_back(self) -> None:
        if self._p is not None:
            self._p()
        for each, attributes in self._handed:
            vars(each).clear()
            vars(each).update(attributes)
        put_back(self._words, self._before)
        for each in self._objects:
            each()


def args_of(script: Script, p: Any) -> Sequence[Any]:
    """The script's arguments in a job."""
    args: Sequence[Any] = getattr(p, "script_args", None) or ()
    return args[script.args_from or 0 : script.args_to or 0]


def extension_of(script: Script) -> str:
    """The extension that a script belongs to."""
    return loaded.extension_of(script.filename or "")


def _overrides(script: Script, method: str) -> bool:
    """Also where the instance itself was given another one, as some extensions do."""
    found = getattr(script, method, None)
    return getattr(found, "__func__", found) is not getattr(Script, method, None)


def _gradio_errors() -> tuple[type[BaseException], ...]:
    """gr.Error, where Gradio is in use at all."""
    gradio = sys.modules.get("gradio")
    return (gradio.Error,) if gradio is not None and hasattr(gradio, "Error") else ()

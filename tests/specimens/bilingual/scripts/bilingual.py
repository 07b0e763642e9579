"""Names its tables of words, and those that people brought, from the working folder, for a script of the page."""

import os
from pathlib import Path

from modules import paths, scripts, shared

names = {}
folder = shared.cmd_opts.localizations_dir if "localizations_dir" in shared.cmd_opts else "localizations"
for name in os.listdir(folder):
    names[name] = os.path.join(folder, name)
for file in scripts.list_scripts("localizations", ".json"):
    names[file.filename] = file.path
relative = {name: Path(path).relative_to(Path().absolute()).as_posix() for name, path in names.items()}
base = scripts.basedir()
data = paths.data_path

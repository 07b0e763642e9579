"""Ring 4's folder: read through `modules.<name>` once it is appended to `modules.__path__`, never by this name.

Its files arrive with the extension bridge; importing the package itself would load a second copy of each.
"""

raise ImportError("import modules.<name>, not modules.a1111.<name>")

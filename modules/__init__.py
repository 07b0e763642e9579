"""Aquatint's modules: four rings, diffusion -> studio -> web -> a1111, each importing only inward.

The files of `a1111/` are imported by A1111's names, `modules.shared` and so on: that is what the one statement is for.
"""

__path__.append(f"{__path__[0]}/a1111")

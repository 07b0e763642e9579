"""Aquatint's modules: four rings, diffusion -> studio -> web -> a1111, each importing only inward."""

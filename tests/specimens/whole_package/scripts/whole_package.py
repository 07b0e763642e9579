"""Imports the package alone, and takes for granted that A1111 has imported what is in it."""

import modules

seen = [
    modules.generation_parameters_copypaste.parse_generation_parameters,
    modules.hypernetworks.ui.train_hypernetwork,
    modules.shared_items.sd_vae_items,
]

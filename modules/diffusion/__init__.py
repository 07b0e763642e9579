"""Ring 1, the numerics: torch and diffusers, nothing of people, requests or files they keep."""

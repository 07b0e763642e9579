"""Ring 3, the web: pages, HTTP APIs and the gate in front of them."""

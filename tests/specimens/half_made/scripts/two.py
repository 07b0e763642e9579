"""Wants a package that is not here, as its other file does."""

import no_such_package

"""Takes the process with it while it is loaded, as a native library does that does not fit."""

import ctypes

ctypes.string_at(0)

"""Errors that speak to the person who asked for a picture."""


class AquatintError(Exception):
    """Something a person can understand and act on; its text is shown as it is, without a traceback."""


class CheckpointError(AquatintError):
    """A weights file that cannot be used; the text names the file and the reason."""


class UnsafePickleError(CheckpointError):
    """A pickle that names something outside the allow-list; the text names it."""


class NotANumberError(AquatintError):
    """The model gave NaN (or an all-black picture), also after the retry in float32."""

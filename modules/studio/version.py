"""The version of the program, as it is written into pictures and told by the API."""

VERSION = "0.1.0"

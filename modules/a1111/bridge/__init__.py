"""What stands behind A1111's words and has no name of theirs: the host, its extensions, their faults."""

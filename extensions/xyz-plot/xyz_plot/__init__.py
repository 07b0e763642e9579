"""The parts of the X/Y/Z plot that need no page: values as people write them, and what an axis does to a job."""

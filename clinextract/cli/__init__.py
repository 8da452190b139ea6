"""The command line: each command is a few lines over what `import clinextract` offers, one file a subject.

What is slow to import is imported in the command that needs it, so that `--help` is there at once. No message repeats
what may be a transcript. With CLINEXTRACT_DEBUG=1 an unexpected error shows its traceback, which may.
"""

from clinextract.cli import models, transcript  # noqa: F401 - imported to register
from clinextract.cli.app import DEBUG, app, main

__all__ = ["DEBUG", "app", "main"]

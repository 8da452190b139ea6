"""The command line: each command is a few lines over what `import clinextract` offers, one file a subject.

What is slow to import is imported in the command that needs it, so that `--help` is there at once. No message repeats
what may be a transcript. With CLINEXTRACT_DEBUG=1 an unexpected error shows its traceback, which may.
"""

from importlib import import_module

from clinextract.cli.app import DEBUG, app, main

__all__ = ["DEBUG", "app", "main"]

# In the order in which --help shows their commands.
for _subject in ("transcript", "run", "evaluate", "calibrate", "probe", "schema", "models"):
    import_module(f"clinextract.cli.{_subject}")

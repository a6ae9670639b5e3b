"""The entry point: errors become exit codes, and one readable line where the user can mend them.

0 is done (also when some inputs were rejected), 2 is a mistake of the user, 1 anything else.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer

from georeasoner import __version__
from georeasoner.errors import UserError
from georeasoner.progress import log

app = typer.Typer(
    name="georeasoner",
    help="Highly locatable street-view data sets, reasoning geo-localisation models, benchmarks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


# click's, or the one of the click that typer carries within itself
_ClickError: type[Any] = next(
    c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"
)
_USER_ERRNOS = {
    errno.ENOENT: "check the path",
    errno.EISDIR: "name a file",
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder that is not read-only",
    errno.ENOSPC: "free some space; what was committed so far is kept",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EDQUOT: "free some space; what was committed so far is kept",
}


def main() -> None:
    """Run the command line and exit."""
    import warnings

    from georeasoner.cli import commands  # noqa: F401  (registers the commands)

    # Progress is told by us, and what libraries deprecate is the developers' business.
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    # what is wrong with a picture is told once, by its reject
    warnings.filterwarnings("ignore", module=r"PIL\.")

    try:
        sys.exit(app(standalone_mode=False))
    except UserError as error:
        log(f"error: {error}")
        sys.exit(2)
    except _ClickError as error:
        log(f"error: {error.format_message().rstrip('.')}; see `georeasoner --help`")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in _USER_ERRNOS:
            raise
        where = f" {error.filename}" if error.filename else ""
        log(f"error: {os.strerror(error.errno)}{where}; {_USER_ERRNOS[error.errno]}")
        sys.exit(2)

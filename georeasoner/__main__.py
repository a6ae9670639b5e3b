"""`python -m georeasoner` is the command line."""

from georeasoner.cli import main

main()

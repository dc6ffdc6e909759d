"""Run the command line as `python -m logitwise`."""

from logitwise.cli import main

main()

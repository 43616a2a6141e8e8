"""`python -m pttserver`: the same as the `pttserver` command."""

from pttserver.cli.main import main

main()

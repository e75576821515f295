"""`python -m aulac.cli`: the command without its script, as torchrun needs it."""

from aulac.cli import main

main()

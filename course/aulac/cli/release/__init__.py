"""From a training run to the model that ships: `python -m aulac.cli.release.make`."""

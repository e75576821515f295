"""Measuring models, always with an interval.

- `likelihood`: how probable a model finds tokens; what all of these rest on
- `bits`: bits per byte of running text
- `choice`: multiple choice by log-likelihood; `questions`: 325 of our own; `files`:
  those of VMLU, XCOPA and a user
- `pairs`: minimal pairs of Vietnamese, a right sentence against a wrong one
- `diacritics`: giving a text back its tone marks
- `contamination`: was the test in the training text?
- `stats`: bootstrap intervals and paired tests
- `battery`: all of these as tasks with rows of results, for `aulac evaluate`
- `memorisation`: texts that come back word for word; `card`: the model card
- `harness`: our models in lm-eval, with tasks of local files
"""

from aulac.evaluate.bits import Bits, bits_per_byte, measure, measure_each

__all__ = ["Bits", "bits_per_byte", "measure", "measure_each"]

"""Two processes, plain values between them: how an answer meets its tests.

    assignment       the trusted assignment: cells, hidden tests, names a test may touch
    submitted code       what the student's process gets, and what comes of it
    wire/       the bytes of a message, which values cross, the socket that carries them
    cells/      runs a notebook's cells without a kernel
    warm        what both warm parents have loaded, how their children begin
    student/    the student's process: runs the cells, then serves calls
    judge/      the tests' process: the student's names are handles there
    control/    starts both, holds their limits, and turns what comes back into marks

`student` imports neither `judge` nor `control` nor `assignment`: what the student's process
runs has never seen a test. `tests/test_floors.py` holds that line.
"""

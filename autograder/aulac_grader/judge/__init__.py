"""How an answer meets its tests: two processes, and plain values between them.

Marking takes these processes:

    the controller    a grading worker. Trusted: it has the assignment, starts the others,
                      holds their limits, and turns what comes back into marks
    two warm parents  have imported torch and the like, and wait. They never see a
                      submission or a test; each forks walled children in milliseconds
    student process   a child of the first: runs the student's notebook, cell after cell,
                      as a kernel would. At each test it forks a copy of itself (a
                      "question"), which answers the judge's calls and may crash at no
                      one else's cost
    judge process     a child of the second: holds the assignment with its hidden tests,
                      and forks a copy for each test. There the names that the student
                      was asked for are handles: calling one asks the student's copy

Between a student's copy and a judge's copy runs one socket, and over it go numbers,
strings, lists, arrays and numbered handles: nothing pickled, nothing evaluated. So a
student's code never meets a test, and an object that says it equals everything is only
a handle that cannot be compared.

    assignment  the trusted assignment: cells, hidden tests, names a test may touch
    submitted   the code that the student's process gets, and the marks that come of it
    wire/       the bytes of a message, which values cross, the socket that carries them
    cells/      runs a notebook's cells without a kernel
    warm        what both warm parents have loaded, how their children begin
    student/    what the student process runs
    judge/      what the judge process runs
    control/    what the controller runs: begin with `marking.mark`

`student` imports neither `judge` nor `control` nor `assignment`: what the student's
process runs has never seen a test. `tests/test_floors.py` holds that line.
"""

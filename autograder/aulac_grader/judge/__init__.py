"""Two processes, plain values between them: how an answer meets its tests.

    paper       the trusted assignment: cells, hidden tests, names a test may touch
    wire        the bytes of a message, and its caps
    encode      which values cross between processes, and how strictly they are read
    protocol    a socket that carries them, a message at a time
    student     the student's process: runs the cells, then serves calls
    judge       the tests' process: the student's names are handles there
    artefacts   files that an answer leaves behind, read without trusting them

and, for one submission from its cells to its marks:

    sheet       what the student's process gets, and what comes of it
    marking     `mark`: runs the sheet, has each test judged, in two rounds
    attempt     one box in which a sheet runs, as the controller sees it
    watch       its limits: processor time first, the clock as a backstop
    case        the judge's side as the controller sees it
    workshop    the two warm parents, and the walls that hold here
    zygote      a warm parent: a program that forks on request
    warm        what it has loaded
    box         what a child of the student's zygote does
    room        what a child of the judge's zygote does
    notices     what a student is told about limits, in both languages
"""

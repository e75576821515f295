"""Two processes, plain values between them: how an answer meets its tests.

paper       the trusted assignment: cells, hidden tests, names a test may touch
wire        the bytes of a message, and its caps
encode      which values cross between processes, and how strictly they are read
protocol    a socket that carries them, a message at a time
student     the student's process: runs the cells, then serves calls
judge       the tests' process: the student's names are handles there
artefacts   files that an answer leaves behind, read without trusting them
"""

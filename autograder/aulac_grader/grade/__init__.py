"""A class's work, from what was handed in to what is returned.

`course` finds things in an nbgrader course directory, `intake` takes in what students
hand in, `rebuild` puts their answers into the trusted notebook; then come the marks,
the gradebook, the feedback and the exports.
"""

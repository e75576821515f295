"""What runs in the student's process. It never sees the paper with the tests."""

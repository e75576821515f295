"""What runs in the student's process. It never sees the assignment with the tests."""

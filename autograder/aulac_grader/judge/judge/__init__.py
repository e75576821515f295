"""What runs in the judge's process: tests, and handles of the student's names."""

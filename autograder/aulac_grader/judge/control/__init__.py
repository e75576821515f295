"""What starts both processes, holds their limits, and turns answers into marks."""

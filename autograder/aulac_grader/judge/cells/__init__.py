"""What runs a notebook's cells without a kernel: their namespace, output, commands."""

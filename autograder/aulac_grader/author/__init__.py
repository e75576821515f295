"""What authors write and what is made of it: lessons and assignments."""

"""What is measured on the whole program, against its goals and against others; not shipped."""

"""What is read: one module a family of listings."""

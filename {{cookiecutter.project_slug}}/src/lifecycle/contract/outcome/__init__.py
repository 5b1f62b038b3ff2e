"""What a task decides while it serves: one module a task, one object with all of it."""

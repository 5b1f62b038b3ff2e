"""From an evaluated model to a packaged version: gate, register, package."""

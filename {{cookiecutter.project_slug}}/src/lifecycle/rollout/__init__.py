"""From a packaged version to one that serves, and back."""

"""Between machines and on GitHub: bundles, comparisons, releases."""

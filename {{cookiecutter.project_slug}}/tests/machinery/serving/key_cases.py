"""What may be an API key, and what may not."""

from __future__ import annotations

RIGHT = ["a", "first-key", "a" * 256, "!#$%&'()*+-./:;<=>?@[]^_`{|}~", "0", 'a"b\\c']
WRONG = ["two words", "tab\there", "schl\u00fcssel", "\u212aey", "x" * 257, "bell\x07",
         "line\nfeed", "no-break\u00a0space", "\x7f"]  # fmt: skip

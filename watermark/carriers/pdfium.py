"""What all readers through PDFium share."""

import threading

PDFIUM = threading.Lock()
"""PDFium must not run in two threads of a process at once."""

BLANK = frozenset({0, 9, 10, 13, 32, 0xA0, 0x3000})
"""Code points that readers keep, drop or make up as they like."""

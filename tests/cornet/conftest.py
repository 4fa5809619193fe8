"""What makes recordings of small images fast: memory that the C library keeps instead of asking the system for it."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h

# A forward pass of CORnet-S copies its large weights. In fresh pages of the system, that costs more than what is
# computed for a small image.
with suppress(AttributeError, OSError, TypeError):  # other systems have no such call, or need none
    ctypes.CDLL(None).mallopt(M_MMAP_MAX, 0)
    ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, 2**31 - 1)

"""What becomes of memory that is freed."""

from functools import lru_cache


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Have the process keep the large pieces of memory that it frees, for those that come next.

    glibc gives them back to the system, and faults in each page of the next anew, until a larger one has been
    freed (mallopt(3), M_MMAP_THRESHOLD): this one, which is never touched. Without, 512 MiB deflated by ``fast``
    are 80,000 faults and 8 % more of the processor's time, and 512 MiB inflated by zlib-ng 137,000 and 27 % more.
    """
    bytes(1 << 24)

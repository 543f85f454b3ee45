"""From a plan to bytes.

A stream (``ZipStream``, ``TarStream``) yields the archive piece by piece from the contents of the plan's members,
and a sink writes, counts and hashes the pieces; a folder's members are copied one file each.
"""

"""From a path to an open archive: what it says, its members, and whether they are what it says."""

"""``kaptain.platform``: stores, exports and servers."""

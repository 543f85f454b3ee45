"""Archives that a rule of ``marpack.check`` finds fault with, each beside the one that is put right.

``tests/test_check.py`` holds the rules to them, ``tests/differential/test_check_server.py`` a running server.
"""

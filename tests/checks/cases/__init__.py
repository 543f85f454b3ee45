"""Archives that a rule of ``marpack.check`` finds fault with, each beside the one that is put right.

``tests/checks/rules/test_cases.py`` holds the rules to them, ``tests/server/test_checks.py`` a running server.
"""

"""What a step reaches: the code that it can run, the values that it names, what it reads beside its inputs.

::

    fingerprint.py ─→ walk.py ─→ references.py ─→ bytecode.py     which names a function's code loads
                         ├─────→ values.py                        what a value is, and which code it holds
                         ├─────→ effects.py · chance.py           what importing does; clocks and chance
                         └─────→ reads.py                         files and variables that the source names
    firstparty.py: what is the project's own · packages.py: what is not
"""

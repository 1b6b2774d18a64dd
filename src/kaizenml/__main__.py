"""`python -m kaizenml` is `kaizen`."""

from kaizenml.interfaces.cli.main import main

if __name__ == "__main__":
    main()

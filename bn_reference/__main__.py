"""``python -m bn_reference``."""

from bn_reference.cli import main

if __name__ == "__main__":
    main()

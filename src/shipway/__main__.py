"""``python -m shipway``."""

from shipway.cli import main

if __name__ == "__main__":
    main()

"""``python -m neonsync``: the same as the ``neonsync`` command."""

from neonsync.cli.main import main

if __name__ == "__main__":
    main()

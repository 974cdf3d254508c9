"""The terminal UI, in Textual. Its screens get services, by ``ports``; never clients."""

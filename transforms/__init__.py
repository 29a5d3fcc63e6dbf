"""The codemods, one file for one family. The engine finds them by entry point."""

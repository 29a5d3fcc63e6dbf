"""The part of ``verify`` that runs in the user's interpreter, next to TensorFlow.

It runs as plain files (see ``__main__``), so it imports nothing of kerasmigrate and keeps to
Python 3.9.
"""

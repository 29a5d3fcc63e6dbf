"""Every public name and parameter of a source Keras, and what a migration makes of it.

``python -m kerasmigrate.coverage`` writes ``docs/coverage``; ``--check`` tells whether it is up to
date. Nothing here knows what became of a name: `probes` writes code in the spelling of the source,
the installed transforms migrate it, and `judge` reads what came out against the inventory of the
target.
"""

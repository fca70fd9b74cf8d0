"""Packs: clips decoded once and kept as one array with a table, which training reads.

`format` says what is in the folder, `write` makes one from a folder of videos, with the `journal`
of what is done so far, and `read` gives windows and batches.
"""

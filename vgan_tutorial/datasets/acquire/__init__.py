"""From an address on the web to a pack.

`fetching` downloads, `checking` knows a file by its size and digest, `unpacking` opens archives.
`listed` makes a folder of the videos that official lists name, `strips` makes films of pictures,
and `mouths` cuts the mouth out of films of a head. `preparing` does all of it for a data set of the
catalogue.
"""

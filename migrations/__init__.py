"""How the database is built, step by step, in aerich's format; and what the app's role may do in it.

`models/` holds one file per step; each step that needs more than a few lines keeps its SQL in a package of its own
(`initial/` for the first). A step that has been released is never edited: write the next one.
"""

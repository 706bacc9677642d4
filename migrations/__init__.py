"""How the database is built, step by step.

`sql/` holds the steps: a file each, or a folder of files that run in the order of their names. `models/` holds one Python
file per step, through which aerich runs it, and `database.sql` shows the database that the steps build: both are generated.

A step is complete in itself: it names no other step and nothing of the app, so that it does tomorrow what it did
yesterday. A step that has been released is never edited: write the next one.

To write a step, which is applied while the version before serves (docs/upgrading.md):

- its SQL in `sql/<n>_<name>.sql`: one subcommand an `ALTER`, no sub-select in a policy, and no more than that in one
  statement, so that engines which distribute tables take it as well;
- indexes CONCURRENTLY, in a folder of their own with one statement a file;
- the tables in `models/tables/`, with what the app's role may do in them;
- for a new column of a table that is there, its seal: `python -m scripts.seal_columns TABLE` prints that part of the SQL;
- `make database`, which writes the step's file in `models/` and `database.sql` anew.

`make check` compares `database.sql` with the database that the steps build. aerich can keep a copy of the models in each
step, for a generator of steps that nobody uses here: that generator knows no checks, triggers or policies.
"""

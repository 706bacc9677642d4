"""What a batch needs, locked in the one order and read under the locks, into the books. Every lock of a row is taken here.

The order is always:

1. customers, by id: `FOR KEY SHARE`, which waits for nothing but an erasure or a merge; after each, its accounts by asset.
   A merge is alone in its posting: it takes both customers `FOR UPDATE` before any account, and whoever holds one of their
   accounts holds the customer as well, so that it has let go of both
2. limit counters, by their names; a large bulk leaves out those of its actor's days
3. invoices, rewards, coupons, approval requests: each by id

Accounts that are missing are made after the others are locked; waiting for somebody else's insert there cannot close a
circle, since whoever inserts waits for nothing but inserts, and all insert in the same order. Those that somebody else made
meanwhile are locked after that, out of the order: should a circle come of it, PostgreSQL ends one, which is tried again.

Last of all, whoever is to ask for an approval is locked by an advisory lock (`approvals.count_pending_requests`).

A large bulk (models/counting.py) raises its actor's counters once all else is written, just before it commits. It may wait
for them there, and no circle comes of it: whoever has one of these waits, if at all, for a customer's counter, whose account
they have as well, so that it is none of the bulk's; for another counter of the same actor's, in the order of their names; or
for a currency that others bring into the books, which is why a bulk that brings one takes all its counters at step 2. Those
who wait for a counter before anything else may come to an account that the bulk has opened, and give up in a moment.

A posting of single requests waits for none of these: it skips what others hold. One row alone may be waited for before all
others, whichever it is (`locked_elsewhere.lock_first`): whoever has it so waits for nothing after that.

The locks of `config_locks` come before all of these: they travel with the BEGIN. What is read without a lock of its own
(credits, assignments, payments) changes under its account's or its invoice's alone.

An erasure locks the records of one person, and after them the rows that hold texts. It gives up
and begins again sooner than PostgreSQL looks for deadlocks, so that it never costs anybody else their posting.
"""

"""Locks a batch's rows in the one order, and reads under the locks what its plans need. Every lock of a row is taken here.

The order is always:

1. customers, by id: `FOR KEY SHARE`, which waits for nothing but an erasure or a merge; after each, its accounts by asset.
   A merge is alone in its posting: it takes both customers `FOR UPDATE` before any account. A transaction that holds one of
   their accounts holds the customer as well, so it has released both by then
2. limit counters, by their names; a large bulk leaves out those of its actor's days
3. invoices, rewards, coupons, approval requests: each by id

Missing accounts are opened after the others are locked. Waiting for another transaction's insert there cannot close a
circle, since an inserting transaction waits for nothing but inserts, and all insert in the same order. Accounts that
others opened meanwhile are locked after that, out of the order: if a circle comes of it, PostgreSQL ends one
transaction, which is retried.

Last of all, an advisory lock is taken on each actor who may have to request an approval
(`approvals.count_pending_requests`).

A large bulk (models/counting.py) raises its actor's counters once all else is written, just before it commits. It may
wait for them there without a circle: a transaction that holds one of these waits, if at all, for a customer's counter,
whose account it holds as well, so that it is none of the bulk's; for another counter of the same actor's, in the order
of their names; or for a currency that others bring into the books, which is why a bulk that brings one takes all its
counters at step 2. A transaction that waits for a counter before anything else may come to an account that the bulk has
opened, and gives up in a moment.

A posting of single requests waits for none of these: it skips rows that others hold. One row alone, of any kind, may be
waited for before all others (`locked_elsewhere.lock_first`): a transaction that got it so waits for nothing after that.

The locks of `config_locks` come before all of these: they travel with the BEGIN. Rows read without a lock of their own
(credits, assignments, payments) change only under the lock of their account or invoice.

An erasure locks the records of one person, and after them the rows that hold texts. It gives up and begins again sooner
than PostgreSQL looks for deadlocks, so that no other posting is ended for it.
"""

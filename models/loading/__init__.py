"""Locks a batch's rows in a fixed order, and reads under the locks the rows its plans need. Takes every row lock.

The order is always:

1. customers, by id: `FOR KEY SHARE`, which waits only for an erasure or a merge; after each, its accounts by asset.
   A merge is alone in its posting: it takes both customers `FOR UPDATE` before any account. A transaction that holds
   one of their accounts holds the customer as well, so it has released both by then
2. limit counters, by their names, but those that go with an account: who raises one holds the account. A large bulk
   leaves out those of its actor's days
3. invoices, rewards, coupons, approval requests: each by id

Missing accounts are opened after the others are locked. Waiting for another transaction's insert there cannot cause a
deadlock, since an inserting transaction waits only for inserts, and all insert in the same order. Accounts that
others opened meanwhile are locked after that, out of order: on a deadlock PostgreSQL aborts one transaction, which is
retried.

Last of all, an advisory lock is taken on each actor who may have to request an approval
(`approvals.count_pending_requests`).

A large bulk (models/counting.py) raises its actor's counters after all other writes, just before it commits. Waiting
for them there cannot deadlock: a transaction that holds one of them waits, if at all, for a customer's counter, whose
account it holds as well, so that it is none of the bulk's; for another counter of the same actor, in the order of
their names; or for a currency new to the books, which is why a bulk that brings one locks all its counters at step 2.
(But for a free reward to one whom the bulk has just opened an account of points: both give up soon, and try again.)
A transaction that waits for a counter before anything else may then need an account that the bulk has opened; it gives
up after a short timeout.

A posting of single requests waits for none of these: it skips rows that others have locked. One single row, of any
kind, may be waited for before all others (`locked_elsewhere.lock_first`); after that the transaction waits for nothing.

The locks of `config_locks` come before all of these: they are sent with the BEGIN. Rows read without a lock of their
own (credits, assignments, payments) change only under the lock of their account or invoice.

An erasure locks the records of one person, and then the rows that hold texts. It gives up and restarts before
PostgreSQL's deadlock check would run, so that no posting is aborted because of it.
"""

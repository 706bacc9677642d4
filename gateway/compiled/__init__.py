"""Compiled execution: an operation of a validated document becomes functions, which run instead of graphql-core's executor.

graphql-core looks up each field, collects what is selected, reads its arguments and asks for the kind of its type again
for each object of each request, and has a future for each field that has to be awaited. All but the values is known
from the document. Here it is worked out once: `Operation` (operation.py) is a document's operation; for each
combination of what its @skip and @include say it has a plan, which is Python functions that were written for it
(selections.py) and call the resolvers themselves (resolvers.py, arguments.py). Their runs wait level by level
(running.py). `CompiledExecution` (extension.py) is all this as an extension of Strawberry's.

The answers are graphql-core's, errors and nulls included. What may not be the same:

- the order of errors, and which of several under one null is told;
- all of a level is awaited before any of it goes on, so that loaders are asked together: a slow field keeps its
  neighbours' own fields waiting, though not those of other root fields;
- what a resolver below the root sets in a context variable is seen by its own fields only where it was awaited alone;
- a resolver is not cancelled because a field beside it has failed;
- what is under a null by now is let go of: coroutines are not awaited, and an iterator is not gone through to its end;
- an async iterable is gone through to its end before its items are completed;
- of `info.path`, only the last part has the name of its type;
- an object that was cast to another type (`strawberry.cast`) than that of the field that returns it passes, if the class
  has been met there before.

Left to graphql-core are subscriptions, introspection, directives other than @skip and @include, variables of fragments,
and what is not executed in an event loop.
"""

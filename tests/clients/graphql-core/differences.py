"""Tests of graphql-core's for what compiled execution does differently (gateway/compiled/__init__.py).

By the difference; names are those of pytest, from any part on."""

from typing import Final

DIFFERENCES: Final = {
    "The order of errors, and which of several under one null is told": {
        "describe_nulls_a_complex_tree_of_nullable_fields_each::throws",
        "nullable_and_non_nullable_root_fields_throw_nested_errors",
        "slower_nullable_after_non_nullable_root_field",
        "nullable_and_non_nullable_nested_fields_throw_nested_errors",
        "slower_nullable_after_non_nullable_nested_field",
        "handles_mixture_of_sync_and_async_errors_in_async_iterables",
    },
    "Of info.path, only the last part has the name of its type": {"it_populates_path_correctly_with_complex_types"},
    "A resolver is not cancelled because a field beside it has failed": {
        "cancel_selection_sets",
        "cancel_lists",
        "cancel_async_iterators",
    },
    "What is under a null by now is let go of: coroutines are not awaited, and a list is not gone through to its end": {
        "handles_sync_errors_combined_with_async_ones_in_async_context",
        "handles_sync_errors_with_later_pending_awaitables",
        "handles_iterator_errors_with_later_pending_awaitables",
        "drains_the_iterator_when_next_throws",
    },
    "An async iterable is gone through before its items are completed": {"calls_aclose_when_non_null_list_item_errors"},
}
NAMES: Final = frozenset().union(*DIFFERENCES.values())

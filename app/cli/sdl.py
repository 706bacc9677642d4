"""`scrip sdl`: the schema in GraphQL's own language, as `schema.graphql` keeps it."""


def sdl_command() -> None:
    """Print the schema. Whatever changes it changes this, for `make check` to compare."""
    from schema.root import schema  # noqa: PLC0415 (building it takes a while, and no other command needs it here)
    from schema.sdl import sdl  # noqa: PLC0415 (as above)

    print(sdl(schema.graphql))

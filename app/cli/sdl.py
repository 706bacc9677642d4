"""`scrip sdl`: the schema in GraphQL's own language, as `schema.graphql` keeps it."""


def sdl_command() -> None:
    """Print the schema. Whatever changes it changes this, for `make check` to compare."""
    from schema.root import schema
    from schema.sdl import sdl

    print(sdl(schema.graphql))

"""`scrip sdl`: the schema in GraphQL's own language, as `schema.graphql` keeps it."""


def sdl_command() -> None:
    """Print the schema as SDL. `make check` compares it with schema.graphql."""
    from schema.root import schema
    from schema.sdl import sdl

    print(sdl(schema.graphql))

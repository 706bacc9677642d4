"""`scrip sdl`: the schema in GraphQL's own language, as `schema.graphql` keeps it."""


def sdl_command() -> None:
    """Print the schema as SDL. `make check` compares it with schema.graphql."""
    from gateway.sdl import sdl
    from schema.root import build_schema

    print(sdl(build_schema().graphql))

"""`scrip documents`: the console's operations as a manifest of trusted documents."""


def documents_command() -> None:
    """Print the console's operations as a manifest of trusted documents: {"<sha256>": "<document>"}.

    Scrip itself trusts them wherever it serves the console. Something in front of it that lets through registered
    operations alone needs them as a file.
    """
    import orjson

    from app.console.operations import read_operations
    from app.console.routes import FOLDER
    from gateway.trusted import sha256_of

    texts = read_operations(FOLDER / "operations").values()
    manifest = {sha256_of(text): text for text in texts}
    print(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())

"""The keys that tokens are checked with: whether there are any, and whether they can be read now."""

from app.finding import Finding, fault, ok, warning
from app.problems import SetupProblem
from app.settings import Settings
from app.tokens.keys import token_keys
from auth.errors import KeySetError
from auth.jwks import FileDocument, UrlDocument
from auth.keys import parse_key_set


async def look_at_keys(settings: Settings) -> list[Finding]:
    """Findings of the keys, and of the issuer."""
    try:
        token_keys(settings)
    except SetupProblem as problem:
        return [fault("keys", str(problem), "docs/identity-providers.md has the settings for your provider.")]
    if settings.jwks_url is None and settings.jwks_file is None:
        return [ok("keys", "Tokens are signed with SCRIP_JWT_SECRET; scrip token issues them.")]
    source = settings.jwks_url or str(settings.jwks_file)
    document = FileDocument(settings.jwks_file) if settings.jwks_file else UrlDocument(settings.jwks_url or "")
    try:
        keys = parse_key_set(await document.read())
    except KeySetError as error:
        todo = "Until it can be read, no token is accepted. Check the address, the name service, the firewall and the proxy."
        return [fault("keys", f"{source}: {error}.", todo)]
    finally:
        await document.close()
    named = len({key_id for key_id, _ in keys if key_id is not None})
    findings = [ok("keys", f"{source} has {named or len(keys)} that can be used.")]
    if settings.jwt_issuer == "scrip":
        findings.append(
            warning(
                "tokens",
                "SCRIP_JWT_ISSUER is not set, so that only tokens of an issuer called scrip are taken.",
                "Set it to the issuer of your provider, as its tokens have it in iss.",
            )
        )
    return findings

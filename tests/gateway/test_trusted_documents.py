"""Trusted documents: what a manifest may hold, and how requests name what is in it, over HTTP."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from app.main import create_app
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from gateway.compiled.extension import COMPILE_AT
from gateway.documents import DocumentCache
from gateway.http.view import GraphQLView
from gateway.manifest import BadManifest, OwnClient, load_trusted_documents
from gateway.query_limits import QueryLimits
from gateway.schema import GatewaySchema
from gateway.trusted import TrustedDocuments, client_named

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
HELLO = "query Hello($name: String) { hello(name: $name) }"
WRITE = 'mutation Write { write(text: "x") }'
SECRET = "a secret for tests alone, and long enough"


class Context:
    request_id = "r"

    async def close(self) -> None:
        pass


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str | None = "you") -> str | None:
        return f"Hello, {name}"


WRITTEN: list[str] = []


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self, text: str) -> str | None:
        WRITTEN.append(text)
        return text


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_schema(trusted: Callable[[DocumentCache], TrustedDocuments] | None = None, **limits: int) -> GatewaySchema:
    return GatewaySchema(Query, Mutation, limits=QueryLimits(**limits), trusted=trusted)


def write_manifest(tmp_path: Path, manifest: object) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


async def make_context(_: Request) -> Context:
    return Context()


@contextmanager
def client_of(schema: GatewaySchema) -> Iterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/graphql", GraphQLView(schema, make_context))])
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture(params=[True, False], ids=["only these", "others too"])
def only(request: pytest.FixtureRequest) -> bool:
    chosen: bool = request.param
    return chosen


@pytest.fixture
async def client(tmp_path: Path, only: bool) -> AsyncIterator[httpx.AsyncClient]:
    WRITTEN.clear()
    manifest = write_manifest(tmp_path, {sha256(HELLO): HELLO, "write-1": WRITE})
    schema = make_schema(lambda documents: load_trusted_documents(manifest, documents, only=only))
    with client_of(schema) as client:
        yield client
        await client.aclose()


def persisted(digest: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


def code_of(response: httpx.Response) -> str:
    body = response.json()
    assert "data" not in body
    [error] = body["errors"]
    code: str = error["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    "named",
    [
        {"documentId": sha256(HELLO)},
        {"documentId": f"sha256:{sha256(HELLO)}"},
        {"extensions": persisted(sha256(HELLO))},
        {"query": "", "extensions": persisted(sha256(HELLO))},
        {"query": None, "documentId": sha256(HELLO)},
        {"query": HELLO},
        {"id": sha256(HELLO)},
        {"doc_id": sha256(HELLO)},
        {"query": "", "doc_id": sha256(HELLO)},
        {"id": None, "doc_id": sha256(HELLO)},
        {"query": HELLO, "id": "of the client's own"},
        {"query": HELLO, "extensions": persisted(sha256(HELLO))},
    ],
)
async def test_a_registered_document_runs_by_its_id_or_its_text(
    client: httpx.AsyncClient, named: dict[str, Any]
) -> None:
    response = await client.post("/graphql", json={**named, "variables": {"name": "Ann"}, "operationName": "Hello"})
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "Hello, Ann"}
    assert response.json()["extensions"]["cost"]["requested"] == 1


@pytest.mark.parametrize(
    "named",
    [
        {"documentId": f"sha256:{sha256(HELLO)}"},
        {"extensions": json.dumps(persisted(sha256(HELLO)))},
        {"doc_id": sha256(HELLO)},
        {"id": sha256(HELLO)},
    ],
)
async def test_by_get_too(client: httpx.AsyncClient, named: dict[str, str]) -> None:
    response = await client.get("/graphql", params={**named, "variables": '{"name":"Ann"}'})
    assert response.json()["data"] == {"hello": "Hello, Ann"}


async def test_a_document_of_any_id_and_by_its_hash_as_well(client: httpx.AsyncClient) -> None:
    for document_id in ("write-1", sha256(WRITE)):
        response = await client.post("/graphql", json={"documentId": document_id})
        assert response.json()["data"] == {"write": "x"}


async def test_a_registered_mutation_does_not_run_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"documentId": "write-1"})
    assert response.status_code == 405
    assert WRITTEN == []


@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL, 400)])
@pytest.mark.parametrize("named", [{"documentId": "nothing"}, {"extensions": persisted("0" * 64)}])
async def test_an_unknown_id_is_what_clients_look_for(
    client: httpx.AsyncClient, accept: str, status: int, named: dict[str, Any]
) -> None:
    response = await client.post("/graphql", json=named, headers={"accept": accept})
    assert response.status_code == status
    assert code_of(response) == "PERSISTED_QUERY_NOT_FOUND"
    assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
@pytest.mark.parametrize(
    "query",
    [
        "{ hello }",
        HELLO + " ",
        HELLO.replace("Hello", "Hello2", 1),
        "{ __schema { types { name } } }",
        "{ __typename }",
        'mutation { write(text: "y") }',
        "{ nothing",
    ],
)
async def test_where_only_these_run_no_other_text_does(
    client: httpx.AsyncClient, only: bool, accept: str, query: str
) -> None:
    # Registered by the client, as Apollo's automatic persisted queries would: that is not what registers here.
    for extensions in ({}, persisted(sha256(query))):
        response = await client.post(
            "/graphql", json={"query": query, "extensions": extensions}, headers={"accept": accept}
        )
        if only:
            assert response.status_code == 400
            assert code_of(response) == "DOCUMENT_NOT_TRUSTED"
            assert WRITTEN == []
        else:
            assert "DOCUMENT_NOT_TRUSTED" not in response.text
    found = await client.post("/graphql", json={"extensions": persisted(sha256(query))})
    assert code_of(found) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": ""},
        {"documentId": 5},
        {"documentId": ["a"]},
        {"id": 5},
        {"doc_id": {}},
        {"documentId": sha256(HELLO), "query": HELLO},
        {"extensions": {"persistedQuery": {"sha256Hash": 5}}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": None}},
        {"extensions": {"documentId": {}}},
    ],
)
async def test_a_request_that_names_nothing_properly_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    response = await client.post("/graphql", json=body, headers={"accept": GRAPHQL})
    assert response.status_code == 400
    assert code_of(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize("named", [{"documentId": sha256(HELLO)}, {"extensions": persisted(sha256(HELLO))}])
async def test_without_a_manifest_clients_are_told_to_send_the_text(named: dict[str, Any]) -> None:
    with client_of(make_schema()) as client:
        response = await client.post("/graphql", json=named)
        assert (response.status_code, code_of(response)) == (200, "PERSISTED_QUERY_NOT_SUPPORTED")


def apollo(*operations: object) -> dict[str, Any]:
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": list(operations)}


def digest(algorithm: str, text: str) -> str:
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "manifest",
    [
        {sha256(HELLO): HELLO},
        {f"sha256:{sha256(HELLO)}": HELLO},
        {digest("sha1", HELLO): HELLO},
        {digest("md5", HELLO): HELLO},
        {"hello@1": HELLO},
        apollo({"id": sha256(HELLO), "name": "Hello", "type": "query", "body": HELLO}),
        {sha256(HELLO): HELLO, "hello@1": HELLO},
    ],
)
def test_manifests_as_the_tools_write_them(tmp_path: Path, manifest: dict[str, Any]) -> None:
    trusted = load_trusted_documents(write_manifest(tmp_path, manifest), make_schema().documents, only=True)
    assert trusted.by_id[sha256(HELLO)] == HELLO
    assert trusted.texts == {HELLO}


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ("nonsense", "is not JSON"),
        ([HELLO], "must hold an object"),
        ({}, "names no documents"),
        ({"a": 5}, "entry 1 has no id or no text"),
        ({"": HELLO}, "entry 1 has no id or no text"),
        ({"a": ""}, "entry 1 has no id or no text"),
        ({sha256(WRITE): HELLO}, f"{sha256(WRITE)}': the text's sha256 is another"),
        ({digest("md5", WRITE): HELLO}, "the text's md5 is another"),
        ({"a": HELLO, "b": "{ hello"}, "document 'b': Syntax Error"),
        ({"a": "{ nothing }"}, "document 'a': Cannot query field 'nothing'"),
        ({"a": "fragment F on Query { hello }"}, "document 'a'"),
        ({"a": "{ a: hello b: hello c: hello }"}, "document 'a': The number of aliases of this query is 3"),
        ({"a": "{ hello " + "__typename " * 30 + "}"}, "document 'a': The number of repeated fields"),
        ({"format": "other", "operations": []}, "the format is neither"),
        ({"format": "apollo-persisted-query-manifest"}, "the format is neither"),
        (apollo("x"), "entry 1 has no id or no text"),
        (apollo({"id": "a", "body": HELLO}, {"id": "a", "body": WRITE}), "document 'a' is there twice"),
    ],
)
def test_a_manifest_with_anything_wrong_is_told_at_start(tmp_path: Path, manifest: object, problem: str) -> None:
    documents = make_schema(max_aliases=2, max_repeats=10).documents
    with pytest.raises(BadManifest) as told:
        load_trusted_documents(write_manifest(tmp_path, manifest), documents, only=True)
    assert problem in str(told.value)


def test_a_file_that_is_not_there_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match="cannot be read: No such file"):
        load_trusted_documents(tmp_path / "none.json", make_schema().documents, only=True)


# A manifest for each client

ASK_WEB: Final = "query Ask { hello }"
ASK_TILL: Final = 'query Ask { hello(name: "till") }'
OF_TILL: Final = {sha256(HELLO): "Hello, you", sha256(ASK_TILL): "Hello, till"}


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """`ask` means another text to each of two clients; one thing is known to both."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "web.json").write_text(json.dumps({"ask": ASK_WEB, sha256(HELLO): HELLO, "only-web": "{ hello }"}))
    (folder / "till.json").write_text(json.dumps({"ask": ASK_TILL, sha256(HELLO): HELLO}))
    (folder / "README.md").write_text("of no client")
    return folder


class OfClient(Context):
    def __init__(self, *clients: str | None) -> None:
        self.clients = clients


@pytest.mark.parametrize(
    ("clients", "answered"),
    [
        (("web", None), {"ask": "Hello, you", sha256(HELLO): "Hello, you", "only-web": "Hello, you"}),
        (("till", None), {"ask": "Hello, till", **OF_TILL}),
        # The token's client goes before what a request says of itself.
        (("till", "web"), {"ask": "Hello, till", **OF_TILL}),
        (("another", "till"), {"ask": "Hello, till", **OF_TILL}),
        # Whoever has none of their own gets what means the same to all.
        (("another", None), {sha256(HELLO): "Hello, you", sha256(ASK_TILL): "Hello, till", "only-web": "Hello, you"}),
    ],
)
async def test_each_client_has_its_own(manifests: Path, clients: tuple[str | None, ...], answered: Any) -> None:
    schema = make_schema(lambda documents: load_trusted_documents(manifests, documents, only=True))
    for _ in range(COMPILE_AT + 1):  # compiled or not
        for document_id in ("ask", "only-web", sha256(HELLO), sha256(ASK_TILL)):
            result = await schema.execute(
                None, context_value=OfClient(*clients), operation_extensions={"documentId": document_id}
            )
            if document_id in answered:
                assert result.data == {"hello": answered[document_id]}, document_id
            else:
                assert result.errors
                assert (result.errors[0].extensions or {})["code"] == "PERSISTED_QUERY_NOT_FOUND", document_id


async def test_the_text_of_another_client_is_not_trusted(manifests: Path) -> None:
    schema = make_schema(lambda documents: load_trusted_documents(manifests, documents, only=True))
    for client, code in (("web", "DOCUMENT_NOT_TRUSTED"), ("till", None), ("another", None)):
        result = await schema.execute(ASK_TILL, context_value=OfClient(client, None))
        assert [(error.extensions or {})["code"] for error in result.errors or ()] == ([code] if code else [])


def test_a_folder_s_faults_name_the_file(manifests: Path, tmp_path: Path) -> None:
    (manifests / "till.json").write_text('{"a": "{ nothing }"}')
    with pytest.raises(BadManifest, match=r"till\.json: document 'a': Cannot query field 'nothing'"):
        load_trusted_documents(manifests, make_schema().documents, only=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadManifest, match="a folder with 0 manifests"):
        load_trusted_documents(empty, make_schema().documents, only=True)


def test_what_comes_with_the_server_is_trusted_besides(manifests: Path) -> None:
    documents = make_schema().documents
    own = OwnClient([WRITE], "till")
    of_file = load_trusted_documents(manifests / "web.json", documents, only=True, own=own)
    assert of_file.by_id[sha256(WRITE)] == WRITE
    assert of_file.by_id[sha256(HELLO)] == HELLO
    of_folder = load_trusted_documents(manifests, documents, only=True, own=own)
    assert sha256(WRITE) in of_folder.by_id
    assert sha256(WRITE) in of_folder.of(["till"]).by_id
    assert sha256(WRITE) not in of_folder.of(["web"]).by_id
    with pytest.raises(BadManifest, match=r"the server's own document .*: Cannot query field 'nothing'"):
        load_trusted_documents(manifests, documents, only=True, own=OwnClient(["{ nothing }"], None))


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, None),
        ({"apollographql-client-name": "web"}, "web"),
        ({"x-client-name": "till", "apollographql-client-name": "web"}, "web"),
        ({"x-client-name": "till", "x-graphql-client-name": "web", "graphql-client-name": "app"}, "app"),
        ({"x-client": "till"}, None),
    ],
)
def test_a_request_may_say_whose_it_is(headers: dict[str, str], name: str | None) -> None:
    assert client_named([(key.encode(), value.encode()) for key, value in headers.items()]) == name


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    text = "{ viewer { subject } }"
    manifest = write_manifest(tmp_path, {sha256(text): text})
    return Settings(
        database_url="postgresql://app@nowhere/scrip", jwt_secret=SECRET, trusted_documents=manifest, sample=True
    )


def test_the_app_does_not_start_with_a_manifest_that_has_anything_wrong(settings: Settings, tmp_path: Path) -> None:
    write_manifest(tmp_path, {})
    with pytest.raises(SetupProblem, match=r"^SCRIP_TRUSTED_DOCUMENTS: the file names no documents"):
        create_app(settings)


async def test_an_app_s_documents_are_its_own(settings: Settings) -> None:
    create_app(settings)
    other = create_app(settings.model_copy(update={"trusted_documents": None}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://test") as client:
        answer = await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
        assert answer.json()["data"] == {"__schema": {"queryType": {"name": "Query"}}}


async def test_the_app_runs_only_these_once_a_file_is_set_and_shows_no_pages(settings: Settings) -> None:
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        refused = await client.post("/graphql", json={"query": "{ __schema { types { name } } }"})
        assert (refused.status_code, code_of(refused)) == (400, "DOCUMENT_NOT_TRUSTED")
        known = await client.post("/graphql", json={"documentId": sha256("{ viewer { subject } }")})
        assert known.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        for path in ("/", "/graphql"):
            page = await client.get(path, headers={"accept": "text/html,application/json"})
            assert "<html" not in page.text


def test_pages_cannot_be_asked_for_beside_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCRIP_TRUSTED_DOCUMENTS", str(tmp_path / "manifest.json"))
    monkeypatch.setenv("SCRIP_PAGES", "true")
    with pytest.raises(SetupProblem, match="SCRIP_PAGES"):
        load_settings()
    monkeypatch.setenv("SCRIP_TRUSTED_DOCUMENTS_ONLY", "false")
    assert load_settings().has_pages


def test_a_manifest_without_an_end_is_given_up() -> None:
    with pytest.raises(BadManifest, match="larger than"):
        load_trusted_documents(Path("/dev/zero"), make_schema().documents, only=True)

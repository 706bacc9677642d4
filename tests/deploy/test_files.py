"""The examples in deploy/: of the right form, and about settings, files and packages that are there."""

import configparser
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import yaml

from app.cli import COMMANDS
from app.cli.serve import GRACE_S
from app.settings import Settings

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
CONTAINERFILE: Final = (DEPLOY / "Containerfile").read_text()
VARIABLES: Final = {
    str(field.validation_alias or f"SCRIP_{name.upper()}") for name, field in Settings.model_fields.items()
}


def settings_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:SCRIP_[A-Z_]+|DATABASE_URL)\b", text))


def test_the_compose_file_is_of_the_specification_s_form() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_all_settings_that_are_named_are_there() -> None:
    for file in filter(Path.is_file, DEPLOY.rglob("*")):
        assert settings_in(file.read_text()) <= VARIABLES, file.name


def test_scrip_runs_with_as_little_as_it_needs() -> None:
    ours = [service for service in SERVICES.values() if service.get("image") == "scrip"]
    assert len(ours) == 5
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]
    users = re.findall(r"^USER (\S+)$", CONTAINERFILE, re.MULTILINE)
    assert users[-1:] == ["10001:10001"]


def test_only_the_proxy_can_be_reached() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service or "network_mode" in service] == ["proxy"]


def test_migrations_go_past_the_pooler_and_all_else_through_it() -> None:
    for name, service in SERVICES.items():
        if service.get("image") == "scrip":
            place = "@db:5432/" if name == "migrate" else "@pooler:6432/"
            assert place in service["environment"]["DATABASE_URL"]
    pooler = configparser.ConfigParser()
    pooler.read(DEPLOY / "pgbouncer.ini")
    assert pooler["pgbouncer"]["pool_mode"] == "transaction"
    kept = Settings.model_fields["database_statement_cache"].default
    assert int(pooler["pgbouncer"]["max_prepared_statements"]) > kept


def test_what_is_mounted_and_asked_for_is_there() -> None:
    mounted = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    }
    assert {file for file in mounted if not (DEPLOY / file).exists()} == {"./tls", "./keys"}
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    offered = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    assert asked == offered
    for service in SERVICES.values():
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_units_start_commands_that_there_are() -> None:
    units = {file.name: configparser.RawConfigParser(strict=False) for file in (DEPLOY / "systemd").iterdir()}
    for name, unit in units.items():
        unit.read(DEPLOY / "systemd" / name)
    commands = {name: unit["Service"]["ExecStart"] for name, unit in units.items() if "Service" in unit}
    known = set(COMMANDS)
    assert {re.findall(r"/opt/scrip/bin/scrip (\w+)", command)[0] for command in commands.values()} <= known
    timers = {name.removesuffix(".timer") for name in units if name.endswith(".timer")}
    assert timers == {"scrip-verify", "scrip-backup"}
    assert {f"{name}.service" for name in timers} <= set(commands)
    assert int(units["scrip.service"]["Service"]["TimeoutStopSec"]) > GRACE_S


def test_what_has_ended_is_started_again_however_often_that_is() -> None:
    for name in ("scrip", "scrip-work"):
        unit = configparser.RawConfigParser(strict=False)
        unit.read(DEPLOY / "systemd" / f"{name}.service")
        assert (unit["Unit"]["StartLimitIntervalSec"], unit["Service"]["Restart"]) == ("0", "always")
    assert {SERVICES[name]["restart"] for name in ("scrip", "work", "db", "pooler", "proxy")} == {"unless-stopped"}


def test_the_key_of_checkpoints_is_for_those_alone_who_sign_and_compare() -> None:
    """Servers have neither the key nor the place; and whoever compares may not write there."""
    having = {name: service for name, service in SERVICES.items() if "./keys:/keys:ro" in service.get("volumes", ())}
    assert having.keys() == {"work", "verify"}
    for service in having.values():
        assert {"SCRIP_CHECKPOINT_KEYS", "SCRIP_CHECKPOINTS_TO"} <= service["environment"].keys()
    assert not any("SCRIP_CHECKPOINT_KEYS" in SERVICES[name]["environment"] for name in ("scrip", "migrate", "backup"))
    assert "checkpoints:/checkpoints" in having["work"]["volumes"]
    assert "checkpoints:/checkpoints:ro" in having["verify"]["volumes"]
    assert "/checkpoints" in CONTAINERFILE  # a volume takes its owner from there
    (script,) = (each for each in having["verify"]["entrypoint"] if "scrip" in each)
    for keys, command in (("", "verify"), ("/keys/k", "verify --checkpoint /checkpoints")):
        said = subprocess.run(
            ["/bin/sh", "-c", script.replace("$$", "$").replace("scrip", "echo")],
            env={"SCRIP_CHECKPOINT_KEYS": keys},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == command


def test_there_is_time_to_stop() -> None:
    for name in ("scrip", "work"):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > GRACE_S


def test_the_image_has_every_package_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name for name in included if "*" not in name}
    copied = set(re.findall(r"^COPY (\w+) (\w+)$", CONTAINERFILE, re.MULTILINE))
    assert {source for source, _ in copied} == packages
    assert all(source == target for source, target in copied)
    assert packages <= set(re.findall(r"\w+", (ROOT / "scripts/wheel.sh").read_text()))


def test_prometheus_scrapes_the_jobs_that_the_alerts_are_about() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert jobs == {
        "scrip": ["scrip:8000"],
        "scrip-work": [f"work:{SERVICES['work']['environment']['SCRIP_WORK_PORT']}"],
    }
    assert set(re.findall(r'job="([\w-]+)"', (DEPLOY / "alerts.yml").read_text())) == set(jobs)

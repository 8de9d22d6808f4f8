"""The manifests for Kubernetes, built by kubectl's own Kustomize: the schemas, and what schemas cannot say."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from classify.indicator import Indicator
from config.settings import ROOT, Settings, read_settings
from tasks.clients import redis_client
from tasks.pace import IN_FLIGHT_KEY, pace

FOLDER = ROOT / "docker" / "kubernetes"
OVERLAYS = ("production", "trial")
KEDA = json.loads(Path(__file__).with_name("keda.schema.json").read_text())
Document = dict[str, Any]


@cache
def built(overlay: str) -> tuple[Document, ...]:
    """What `kubectl apply -k` would send, with the example as the secret."""
    beside = Path(sys.executable).with_name("kubectl")
    kubectl = str(beside) if beside.exists() else shutil.which("kubectl")
    if not kubectl:
        pytest.skip("there is no wheel of kubectl for this machine, and none on the PATH")
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(FOLDER, Path(folder) / "kubernetes", ignore=shutil.ignore_patterns("secret.env"))
        at = copy / "overlays" / overlay
        shutil.copy(at / "secret.env.example", at / "secret.env")
        done = subprocess.run([kubectl, "kustomize", str(at)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(overlay: str, *kinds: str) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in built(overlay) if one["kind"] in kinds}


def generated(overlay: str, kind: str, name: str) -> Document:
    """The ConfigMap or the Secret of that name, which ends in a hash."""
    found = of_kind(overlay, kind)
    return next(one for full, one in found.items() if re.fullmatch(f"{name}-[a-z0-9]{{10}}", full))


def pods(overlay: str) -> dict[str, Document]:
    """Name of what makes them → the template of its pods."""
    made = {}
    for name, one in of_kind(overlay, "Deployment", "StatefulSet", "Job", "CronJob").items():
        spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
        made[name] = spec["template"]
    return made


def programs(overlay: str) -> dict[str, Document]:
    """The same, of the program's own."""
    return {name: pod for name, pod in pods(overlay).items() if "classify" in container(pod)["image"]}


def container(pod: Document) -> Document:
    (only,) = pod["spec"]["containers"]
    return only


def settings_of(overlay: str) -> Settings:
    return read_settings(generated(overlay, "ConfigMap", "classify")["data"])


def megabytes(quantity: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) * {"Mi": 1024**2, "Gi": 1024**3}[unit] / 1e6


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_document_fits_its_schema(overlay: str) -> None:
    for document in built(overlay):
        if document["apiVersion"].startswith("keda.sh/"):
            jsonschema.validate(document, KEDA)
        else:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_the_schemas_notice_mistakes() -> None:
    worker = {**of_kind("production", "Deployment")["worker"], "replica": 3}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worker, kubernetes_validate.latest_version(), strict=True)
    scaled = {**of_kind("production", "ScaledObject")["worker"], "triggers": []}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(scaled, KEDA)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_named_is_there(overlay: str) -> None:
    def references(value: Any) -> Iterator[tuple[str, str, str | None, bool]]:
        if isinstance(value, dict):
            for key, kind in (("configMapRef", "ConfigMap"), ("configMap", "ConfigMap"), ("secretKeyRef", "Secret")):
                if key in value:
                    yield kind, value[key]["name"], value[key].get("key"), value[key].get("optional", False)
            for each in value.get("secretTargetRef", ()):
                yield "Secret", each["name"], each["key"], False
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    found = set(references(list(built(overlay))))
    assert len(found) >= 4
    for kind, name, key, optional in found:
        there = of_kind(overlay, kind)[name]
        assert key is None or optional or key in there["data"], (name, key)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_restricted(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        spec, only = pod["spec"], container(pod)
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0  # a number: the image's user may be a name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(only["resources"]["requests"]) == set(only["resources"]["limits"]) == {"cpu", "memory"}
        assert {m["name"] for m in only["volumeMounts"]} <= {v["name"] for v in spec.get("volumes", ())} | {"data"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_run_commands_that_exist_with_variables_that_exist(overlay: str) -> None:
    known = {field.upper() for field in Settings.model_fields}
    settings_of(overlay)
    assert set(generated(overlay, "ConfigMap", "classify")["data"]) <= known
    ran = programs(overlay)
    assert set(ran) == {"migrate", "admission", "worker", "health", "flower", "nightly"}
    for name, pod in ran.items():
        assert container(pod)["args"][0] == name
        assert (ROOT / "bin" / name).exists()
        given = {variable["name"] for variable in container(pod)["env"]}
        assert {"REDIS_URL", "DATABASE_URL"} <= given <= known  # without them a pod would start servers of its own
        assert ("OPENAI_API_KEY" in given) == (name in {"worker", "nightly"})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_have_the_time_and_the_memory_that_the_settings_promise(overlay: str) -> None:
    config = settings_of(overlay)
    assert config.shutdown_grace > config.openai_timeout
    for name in ("worker", "admission"):
        pod = programs(overlay)[name]
        assert pod["spec"]["terminationGracePeriodSeconds"] >= config.shutdown_grace + 10
        # The worker itself, and a process of its own for suspects, which may take twice its limit.
        assert megabytes(container(pod)["resources"]["limits"]["memory"]) >= 3 * config.worker_memory_mb
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            (command,) = container(pod)[probe]["exec"]["command"][2:]
            assert "$ALIVE_FILE" in command
        mounts = {mount["mountPath"] for mount in container(pod)["volumeMounts"]}
        assert str(config.alive_file.parent) in mounts


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_disruption_budgets_and_spreading_mean_pods_that_exist(overlay: str) -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(overlay).items()}

    def meant(selector: dict[str, str]) -> list[str]:
        return [name for name, theirs in labels.items() if selector.items() <= theirs.items()]

    for name, service in of_kind(overlay, "Service").items():
        assert meant(service["spec"]["selector"]) == [name]
        ports = {port["name"] for port in container(pods(overlay)[name])["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for name, budget in of_kind(overlay, "PodDisruptionBudget").items():
        assert meant(budget["spec"]["selector"]["matchLabels"]) == [name]
    for name in ("worker", "admission"):
        for spread in programs(overlay)[name]["spec"]["topologySpreadConstraints"]:
            assert meant(spread["labelSelector"]["matchLabels"]) == [name]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_talks_to_anybody_unless_it_is_needed(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["nothing-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def ports(direction: str, pod: Document) -> set[int]:
        labels = pod["metadata"]["labels"]
        return {
            port["port"]
            for policy in policies.values()
            if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items()
            for rule in policy["spec"].get(direction, ())
            for port in rule["ports"]
        }

    for name, pod in programs(overlay).items():
        llm = {443} if name == "worker" else set()
        assert ports("egress", pod) == {53, 5432, 6379} | llm, name
        assert ports("ingress", pod) == ({9810} if name == "health" else set()), name
    if overlay == "trial":
        assert ports("ingress", pods("trial")["redis"]) == {6379}
        assert ports("ingress", pods("trial")["postgres"]) == {5432}
        assert ports("egress", pods("trial")["redis"]) == ports("egress", pods("trial")["postgres"]) == {53}


def test_keda_counts_what_is_in_flight(clean_tables: Settings) -> None:
    (scaled,) = of_kind("production", "ScaledObject").values()
    (trigger,) = scaled["spec"]["triggers"]
    asked = trigger["metadata"]
    config = settings_of("production")
    assert asked["listName"] == IN_FLIGHT_KEY
    pace().entered("I1")
    assert redis_client().type(IN_FLIGHT_KEY) == "zset"  # of lists, sets, sorted sets and hashes the scaler counts all
    assert config.worker_concurrency / 2 <= int(asked["listLength"]) < config.worker_concurrency
    assert trigger["authenticationRef"]["name"] in of_kind("production", "TriggerAuthentication")
    worker = of_kind("production", "Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]
    assert "replicas" not in worker["spec"]
    admissions = of_kind("production", "Deployment")["admission"]["spec"]["replicas"]
    assert (scaled["spec"]["maxReplicaCount"] + admissions) * config.database_pool_size <= 60


def test_the_trial_has_connections_enough() -> None:
    (limit,) = re.findall(r"max_connections=(\d+)", str(container(pods("trial")["postgres"])["args"]))
    replicas = sum(one["spec"]["replicas"] for one in of_kind("trial", "Deployment").values())
    assert (replicas + 2) * settings_of("trial").database_pool_size < int(limit)


def test_the_nightly_query_has_the_columns_of_an_indicator() -> None:
    (query,) = generated("production", "ConfigMap", "nightly")["data"].values()
    columns = re.fullmatch(r"SELECT (.+)\nFROM \w+\n", query, re.S)[1]
    assert {column.strip() for column in columns.split(",")} == set(Indicator.model_fields)


def test_no_secret_is_committed() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", *(f"docker/kubernetes/overlays/{overlay}/secret.env" for overlay in OVERLAYS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert len(ignored.stdout.splitlines()) == len(OVERLAYS)

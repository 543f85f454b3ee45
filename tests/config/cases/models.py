"""The models: load_models, models, model_snapshot, and the archives that they name."""

from __future__ import annotations

from marpack import Manifest, ManifestModel
from tests.config.cases.case import SNAPSHOT, Case, manifests, models

MODEL = "models.m.1.0"

MODEL_CASES = [
    # The models
    Case(
        f"load_models=m.mar\nmodel_snapshot={SNAPSHOT}",
        {("load-models-ignored", "warning", "load_models")},
        f"load_models=\nmodel_snapshot={SNAPSHOT}",
    ),
    Case("load_models=a.mar, b.mar", {("load-models-blank", "error", "load_models")}, "load_models=a.mar,,b.mar,"),
    Case("load_models=n= b.mar", {("load-models-blank", "error", "load_models")}, "load_models=a name=b.mar"),
    Case(
        "load_models=a.mar,a.mar", {("load-models-twice", "error", "load_models")}, "load_models=n=a.mar,o=a.mar"
    ),
    Case(
        "load_models=a/b.mar,b.mar",
        {("load-models-twice", "error", "load_models"), ("load-models-folder", "note", "load_models")},
        "load_models=a.mar,b.mar",
    ),
    Case("load_models=../a.mar", {("load-models-item", "error", "load_models")}, "load_models=/stores/a"),
    Case(
        "load_models=sub/a.mar", {("load-models-folder", "note", "load_models")}, "load_models=https://h/sub/a.mar"
    ),
    Case("load_models=*.mar", {("load-models-item", "error", "load_models")}, "load_models=All"),
    Case("load_models=all,a.mar", {("load-models-item", "error", "load_models")}, "load_models=none"),
    Case("load_models=a.mar b.mar", {("load-models-item", "error", "load_models")}, "load_models=a b.mar"),
    Case("load_models=a/", {("load-models-item", "error", "load_models")}, "load_models=/a/"),
    Case(
        "load_models=https://h/a.mar?x=1",
        {("load-models-item", "error", "load_models")},
        "load_models=a=https://h/a.mar?x=1",
    ),
    Case(
        "load_models=s3://b/m.mar\nallowed_urls=s3://.*",
        {("load-models-url", "error", "load_models")},
        "",
        told={"archives": manifests()},
    ),
    Case("load_models=a=", {("load-models-item", "error", "load_models")}, "load_models="),
    Case("load_models=m.mar,b=", {("load-models-item", "error", "load_models")}, "load_models=m.mar,"),
    Case("load_models=w.war", {("load-models-war", "error", "load_models")}, "load_models=w.war.d"),
    Case(
        "load_models=w.war",
        {("load-models-war", "error", "load_models")},
        "",
        told={"archives": {"w.war": Manifest(model=ManifestModel(model_name="w"))}},
    ),
    Case("load_models=s3://b/a.mar", {("load-models-url", "error", "load_models")}, "load_models=HTTP://b/a.mar"),
    Case(
        "load_models=s3://b/m.mar",
        {("load-models-url", "warning", "load_models")},
        "",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*,https?://[a-d]/.*",
    ),
    Case(
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*\nenable_envvars_config=true",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/a.mar\nallowed_urls=https://c/.*\nenable_envvars_config=true\nuse_env_allowed_urls=true",
    ),
    Case(
        "load_models=https://b/m.mar",
        {("load-models-url", "error", "load_models")},
        "load_models=https://b/n.mar",
        told={"archives": manifests()},
    ),
    Case("load_models=file://store/a.mar\nallowed_urls=.*", {("allowed-urls", "error", "allowed_urls")}, ""),
    Case(
        "allowed_urls=https://a/.*, https://b/.*",
        {("allowed-urls", "warning", "allowed_urls")},
        "allowed_urls=https://a/.*,https://b/.*",
    ),
    Case(
        "load_models=all",
        {("load-models-same-version", "error", "load_models")},
        "load_models=m.mar",
        told={"archives": {**manifests(), "n.mar": Manifest(model=ManifestModel(model_name="m"))}},
    ),
    Case(
        "load_models=x=m.mar,x=n.mar",
        {("load-models-same-version", "error", "load_models")},
        "load_models=x=m.mar,y=n.mar",
        told={"archives": {**manifests(), "n.mar": Manifest(model=ManifestModel(model_name="n"))}},
    ),
    Case(
        models().replace("1.0", "2.0"),
        {("models-unused", "warning", "models.m.2.0")},
        models(),
        told={"archives": manifests()},
    ),
    Case(
        models().replace("=m.mar", "=n=m.mar"),
        {("models-unused", "warning", "models.m")},
        models().replace("=m.mar", "=m=m.mar"),
        told={"archives": manifests()},
    ),
    Case(
        models().replace("=m.mar", "=n=m.mar"),
        {("models-unused", "warning", "models.m")},
        models().replace("=m.mar", "=n=m.mar,https://h/o.mar"),  # what that is, nobody knows
        told={"archives": manifests()},
    ),
    Case(
        "load_models=b.mar",
        {("load-models-item", "error", "load_models")},
        "load_models=x=m.mar",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=/b.mar",
        {("load-models-item", "error", "load_models"), ("load-models-folder", "note", "load_models")},
        "load_models=store/m.mar",
        told={"archives": manifests()},
    ),
    Case(
        "load_models=a.zip",
        {("load-models-suffix", "warning", "load_models")},
        "load_models=a.tgz,b.model,c.tar.gz,d,net-v1.0",
    ),
    Case(
        f"model_snapshot={SNAPSHOT}\nmodels={{}}",
        {("models-ignored", "warning", "models")},
        f"model_snapshot={SNAPSHOT}",
    ),
    Case("models={}", {("models-loads-nothing", "warning", "models")}, "load_models=all\nmodels={}"),
    Case(
        "enable_model_api=true\nmodels={}", {("models-loads-nothing", "note", "models")}, "enable_model_api=true"
    ),
    Case("load_models=a.mar\nmodels=[", {("models-json", "error", "models")}, models()),
    Case(
        'load_models=a.mar\nmodels={\n"a": {\n  "1.0": {"minWorkers": 1}\n}\n}\n',
        {("models-json", "error", "models")},
        'load_models=a.mar\nmodels={\\\n"a": {\\\n  "1.0": {"minWorkers": 1}\\\n}\\\n}\n',
    ),
    Case(
        'load_models=a.mar\nmodels={\n"a]": {\n# "1.0": {}\n}\n}\ncolour=1',
        {("models-json", "error", "models"), ("unknown-key", "note", "colour")},
        'load_models=a.mar\nmodels={"a": {}}\n',
    ),
    Case("load_models=a.mar\nmodels=[]", {("models-json", "error", "models")}, models(minWorkers=1)),
    Case("load_models=a.mar\nmodels={'m': {}}", {("models-json", "warning", "models")}, models()),
    Case(
        "load_models=a.mar\nmodels={m= {1.0: {minWorkers=>2; /* x */}}", {("models-json", "error", "models")}, ""
    ),
    Case("load_models=a.mar\nmodels={m= {'1.0': {}}; n: {} // x\\n}", {("models-json", "warning", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {},}", {("models-json", "error", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {}} # x", {("models-json", "error", "models")}, ""),
    Case("load_models=a.mar\nmodels={'m': {}, 'm': {}}", {("models-json", "error", "models")}, ""),
    Case(
        'load_models=a.mar\nmodels={"m": {"1.0": {"batchSize": 1, "batchSize": 2}}}',
        {("models-json", "warning", "models")},
        models(batchSize=2),
    ),
    Case(
        "load_models=a.mar\nmodels={'m': {'1.0': {batchSize: x}}}",
        {("models-json", "warning", "models"), ("models-value", "error", f"{MODEL}.batchSize")},
        models(batchSize=2),
    ),
    Case('load_models=a.mar\nmodels={"m": 1}', {("models-json", "error", "models.m")}, models(maxWorkers="+1")),
    Case('load_models=a.mar\nmodels={"m": {"1.0": []}}', {("models-json", "error", MODEL)}, models(batchSize=1.5)),
    Case("metrics_config=~/m", {("home", "error", "metrics_config")}, "metrics_config=m/~"),
    Case(models(batchSize=None), {("models-value", "error", f"{MODEL}.batchSize")}, models(batchSize="2")),
    Case(models(batchSize="2.0"), {("models-value", "error", f"{MODEL}.batchSize")}, models(batchSize=2.0)),
    Case(models(minWorkers=[1, 2]), {("models-value", "warning", f"{MODEL}.minWorkers")}, models(minWorkers=[1])),
    Case(models(minWorkers=0), {("models-value", "warning", f"{MODEL}.minWorkers")}, models(minWorkers=1)),
    Case(
        models(minWorkers=2, maxWorkers=1),
        {("models-value", "warning", f"{MODEL}.minWorkers")},
        models(minWorkers=2, maxWorkers=2),
    ),
    Case(
        models(runtimeType="PYTHON"),
        {("models-value", "warning", f"{MODEL}.runtimeType")},
        models(runtimeType="LSP"),
    ),
    Case(models(colour=1), {("models-ignored-key", "note", f"{MODEL}.colour")}, models(startupTimeout=1)),
    Case(
        "load_models=a.mar\nmodel_snapshot=[]",
        {("load-models-ignored", "warning", "load_models"), ("snapshot-json", "error", "model_snapshot")},
        "load_models=a.mar",
    ),
    Case(
        f"model_snapshot={SNAPSHOT.replace('true', 'false')}",
        {("snapshot-defaults", "error", "model_snapshot.models.m")},
        f"model_snapshot={SNAPSHOT}",
    ),
]

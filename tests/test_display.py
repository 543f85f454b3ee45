"""What is secret appears in no error, no repr and no finding."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

import marpack
from marpack import ConfigError, ServerConfig, lint_config, properties
from marpack.config.settings.keys import KEYS
from marpack.config.settings.redaction import redacted
from marpack.display import HIDDEN, hidden, hidden_endpoint, hidden_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORD = "Tr0ub4dor"
URL = f"https://user:{WORD}@host.example/m.mar"
ASIDE = f"s3://bucket/m.mar?X-Amz-Signature={WORD}"


def everything(error: BaseException) -> str:
    """Return what a program could show of an error, but the document, which parse errors carry on purpose."""
    shown = {name: value for name, value in vars(error).items() if name != "doc"}
    trace = traceback.format_exception_only(type(error), error)
    causes = [each for each in (error.__cause__, error.__context__) if each is not None]
    return "\n".join([str(error), repr(error), repr(shown), *trace, *map(everything, causes)])


@pytest.mark.parametrize(
    "settings",
    [
        {"keystore_pass": WORD},
        {"load_models": URL},
        {"load_models": ["m.mar", URL]},
        {"load_models": ("n=" + URL,)},
        {"allowed_urls": [URL, "file://.*"]},
        {"allowed_urls": URL},
        {"load_models": ASIDE},
        {"load_models": f"https://h/m.mar?token={WORD}&x=1"},
        {"model_store": f"s3://key:{WORD}@bucket/store"},
        {"vmargs": f"-Xmx1g -Djavax.net.ssl.keyStorePassword={WORD}"},
        {"models": {"m": {"1.0": {"url": URL}}}},
        {"models": {"m": {"1.0": {"password": WORD}}}},
        {"model_snapshot": marpack.ModelSnapshot(models={}, extra={"token": WORD})},
        {"model_snapshot": marpack.ModelSnapshot(models={"m": {"1": marpack.SnapshotEntry(mar_name=URL)}})},
        {"extra": {"my_password": WORD}},
        {"extra": {"api-key": WORD, "API_KEY": WORD, "apikey": WORD}},
        {"extra": {"aws_secret_access_key": WORD}},
        {"extra": {"proxy": f"http://user:{WORD}@proxy:3128"}},
        {"extra": {"keystore_pass_old": WORD}},
        {"extra": {"keystore_passwd": WORD, "keystorepass": WORD}},
    ],
    ids=str,
)
def test_settings_do_not_show_their_secrets(settings: dict[str, Any]) -> None:
    config = ServerConfig(**settings)
    assert WORD not in repr(config)
    assert WORD not in str(config)
    assert WORD not in f"{config}"
    assert WORD in config.dumps(style="java")
    findings = config.validate(target="kserve", torchserve_version="0.12.0", archives={}, environ={})
    assert WORD not in repr(findings)
    for text in (config.dumps(style="java"), "load_models=all \n" + config.dumps(style="java")):
        for finding in lint_config(text, target="kserve", archives={}):
            assert WORD not in str(finding)
            assert WORD not in repr(finding)


# Whatever is wrong with the text of a setting, what is secret in it is not repeated.
TOLD: list[dict[str, Any]] = [{}, {"environ": {}}, {"target": "kserve", "archives": {}}]
WRONG = [
    *[
        "{}",
        " {}",
        "{} ",
        "'{}'",
        '"{}"',
        "{},{}",
        "{}, {}",
        "x={}, y={}",
        "({}",
        "{}(",
        "[{}",
        "{}/../x",
        "{}\\",
        "{}a{{99999999999}}",
    ],
    *[
        "$$NO$$ {}",
        "{}$$A$$",
        "{}\\uzz",
        '{{"a": "{}"',
        '{{"a": "{}", "a": 1}}',
        '{{"models": "{}"}}',
        '["{}"]',
        "é{}",
    ],
]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("secret", [URL, ASIDE])
def test_findings_do_not_show_urls_with_secrets(wrong: str, secret: str) -> None:
    text = wrong.replace("{{", "<").replace("}}", ">").replace("{}", secret).replace("<", "{").replace(">", "}")
    for key in KEYS:
        for value in (text, text.replace("\\", "\\\\")):
            for told in TOLD:
                for finding in lint_config(f"{key}={value}", file="c.properties", **told):
                    assert WORD not in str(finding), finding.code
                    assert WORD not in repr(finding), finding.code


@pytest.mark.parametrize(
    "value", [WORD, f" {WORD} ", f"'{WORD}'", f'"{WORD}"', f"{WORD}é", f"$$NO$$ {WORD}", f"{WORD}\\\\"]
)
def test_findings_do_not_show_the_password(value: str) -> None:
    text = f"keystore_pass={value}\nkeystore_pass={value}\nkeystore_pas={value}\n"
    findings = lint_config(text, environ={})
    assert len(findings) > 2
    for finding in findings:
        assert WORD not in str(finding)
        assert WORD not in repr(finding)


def call(function: Callable[..., object], *arguments: object, **named: object) -> str:
    with pytest.raises(
        (ConfigError, properties.PropertiesError, properties.NotPortableError, marpack.SnapshotError)
    ) as caught:
        function(*arguments, **named)
    return everything(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"keystore_pass": WORD.encode()},
        {"keystore_pass": [WORD]},
        {"keystore_pass": WORD, "extra": {"keystore_pass": WORD}},
        {"load_models": [f"{URL},x"]},
        {"load_models": [URL, 5]},
        {"load_models": {URL}},
        {"allowed_urls": [f"{URL}{{1,2}}"]},
        {"job_queue_size": URL},
        {"token_expiration_min": WORD},
        {"debug": WORD},
        {"models": {"m": {URL}}},
        {"models": {"password": WORD.encode()}},
        {"model_snapshot": f'{{"token": "{WORD}"'},
        {"extra": {"password": WORD.encode()}},
        {"extra": {("password", WORD): "x"}},
    ],
    ids=str,
)
def test_errors_do_not_show_settings_of_a_wrong_type(settings: dict[str, Any]) -> None:
    assert WORD not in call(ServerConfig, **settings)


def test_errors_of_writing_and_reading_do_not_show_values(tmp_path: Path) -> None:
    for value in (f"{WORD}\\", f"{WORD}é", f" {WORD}", f"{WORD}\n", f"{WORD}\0"):
        assert WORD not in call(ServerConfig(keystore_pass=value).dumps)
        assert WORD not in call(properties.dumps, {"keystore_pass": value})
        assert WORD not in call(properties.edit, f"keystore_pass={WORD}", {"keystore_pass": value})
    path = tmp_path / "config.properties"
    path.write_text(f"keystore_pass={WORD}\\u12")
    assert WORD not in call(ServerConfig.load, path)
    assert WORD not in call(properties.loads, path.read_bytes())
    assert WORD not in call(ServerConfig(keystore_pass=f"{WORD}$$NO$$").resolve, {})
    assert WORD not in call(marpack.ModelSnapshot.from_json, f'{{"models": {{}}, "token": "{WORD}" x}}')
    assert WORD not in call(
        marpack.ModelSnapshot.from_json, f'{{"models": {{"m": {{"1": {{"token": "{WORD}"}}}}}}}}'
    )


def test_elements_of_a_file_do_not_show_values() -> None:
    assert WORD not in repr(properties.parse(f"keystore_pass={WORD}\n"))
    assert WORD not in repr(properties.parse(f"# keystore_pass={WORD}\n"))


def test_values_of_the_environment_are_not_shown() -> None:
    config = ServerConfig(model_store="$$A$$", extra={"b": "$$BB$$"})
    assert WORD not in call(config.resolve, {"BB": f"{WORD}\\"})
    assert WORD not in repr(ServerConfig(keystore_pass="$$PASS$$").resolve({"PASS": WORD}))


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("keystore_pass", WORD, HIDDEN),
        ("keystore_pass", "", ""),
        ("keystore_type", "PKCS12", "PKCS12"),
        ("keystore", "/keys/store.p12", "/keys/store.p12"),
        # Known keys say themselves what is secret.
        ("disable_token_authorization", "true", "true"),
        ("token_expiration_min", "60.0", "60.0"),
        ("db_password", WORD, HIDDEN),
        ("unknown", "plain=text", "plain=text"),
        ("load_models", URL, f"https://{HIDDEN}@host.example/m.mar"),
        ("load_models", "a@b.mar", "a@b.mar"),
        ("allowed_urls", "file://.*,http(s)?://.*", "file://.*,http(s)?://.*"),
        ("load_models", f"https://u:p/{WORD}@h/m.mar", f"https://{HIDDEN}@h/m.mar"),
        ("load_models", f"https://u:p@ss{WORD}@h/m.mar", f"https://{HIDDEN}@h/m.mar"),
        ("vmargs", f"-Xmx1g -Dmy.secret={WORD} -Da=b", f"-Xmx1g -Dmy.secret={HIDDEN}"),
        ("x", f'{{"password": "{WORD}", "a": "b"}}', f'{{"password": "{HIDDEN}", "a": "b"}}'),
        ("x", f"https://h/?a=b&access_key={WORD}&c=d", f"https://h/?a=b&access_key={HIDDEN}"),
        ("x", f"https://h/?sv=1&sig={WORD}", f"https://h/?sv=1&sig={HIDDEN}"),
    ],
    ids=str,
)
def test_redacted(key: str, value: str, shown: str) -> None:
    assert redacted(key, value) == shown


def test_redacting_long_texts_takes_no_time() -> None:
    """Texts that a pattern that looks back and forth would take minutes for."""
    for piece in ("a", "://", "@", "-", "token", '"', "password=", "://a@"):
        redacted("x", piece * 5000)
        hidden_url("https://" + piece * 5000)


def test_a_url_keeps_what_says_where() -> None:
    assert hidden_url(f"https://user:{WORD}@host:8443/a/b.mar?token={WORD}#{WORD}") == "https://host:8443/a/b.mar"
    assert hidden_url("s3://bucket/key") == "s3://bucket/key"
    assert WORD not in hidden_url(f"https://user:{WORD}@[::1/x")


def test_every_secret_setting_says_so() -> None:
    secret = {key.name for key in KEYS.values() if key.secret}
    assert secret == {"keystore_pass"}


def test_a_fix_names_the_setting_to_write_whatever_it_is_called() -> None:
    """Its name says "token", its value is no secret."""
    config = ServerConfig.kserve(disable_token_authorization=False)
    [finding] = [each for each in config.validate(torchserve_version="0.12.0") if each.code == "token"]
    for shown in (str(finding), finding.asdict()["fix"]):
        assert "set disable_token_authorization=true" in shown


DIGEST = f"@sha256:{'0a' * 32}"


@pytest.mark.parametrize("name", ["oci://m", "oci+fetch://r.example:5000/team/m", "oci://r.example/m:1"])
def test_the_digest_of_an_image_is_no_secret(name: str) -> None:
    assert hidden(f"{name}{DIGEST}: is told") == f"{name}{DIGEST}: is told"
    assert hidden_url(f"{name}{DIGEST}") == f"{name}{DIGEST}"
    bare = name.partition("://")[2]
    assert hidden_endpoint(f"{bare}{DIGEST}") == f"{bare}{DIGEST}"


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:-1], f"{DIGEST}0", DIGEST.upper()])
def test_what_stands_before_a_host_and_a_digest_is_one(digest: str) -> None:
    for name in (f"u:{WORD}@r.example/m", f"u:{WORD}{digest}@r.example/m", f"u:{WORD}@m"):
        for shown in (
            hidden(f"oci://{name}{digest}"),
            hidden_url(f"oci://{name}{digest}"),
            hidden_endpoint(f"{name}{digest}"),
        ):
            assert WORD not in shown

"""What the environment does to settings when the server starts: ``$$NAME$$`` (P20) and ``TS_*`` (P21)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from marpack.config.settings.keys import KEYS
from marpack.errors import ConfigError
from marpack.findings import Finding

# P20: two characters at least, none of them a dollar.
_VARIABLE = re.compile(r"\$\$([^$]{2,})\$\$")

# What means something in the text of a variable: 0 is the whole ``$$NAME$$``, 1 the name. The rest is an error.
_SPECIAL = re.compile(r"\\(.)|\$([01])|[\\$]", re.DOTALL)


def is_true(text: str | None) -> bool:
    """Tell what Java takes a truth value for (P16)."""
    return text is not None and text.lower() == "true"


def variables(text: str) -> list[str]:
    """Return the names of the variables that a value mentions."""
    return _VARIABLE.findall(text)


def resolve(properties: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a server with this environment works with.

    Raises ``ConfigError`` naming every variable that is mentioned and not there, or that has a value which the
    server's way of replacing cannot take.
    """
    findings: list[Finding] = []
    resolved = {key: _substitute(key, text, environ, findings) for key, text in properties.items()}
    if findings:
        raise ConfigError(findings)
    return resolved | dict(_overrides(resolved, environ))


def _substitute(key: str, text: str, environ: Mapping[str, str], findings: list[Finding]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environ:
            problem, fix = f"the variable {name!r} is not set", "set it, or write the value"
        else:
            try:
                return _java_replacement(environ[name], match)
            except ValueError as error:
                problem, fix = f"the variable {name!r} has {error}", "write the value itself into the file"
        findings.append(Finding(code="variable", key=key, message=problem, effect="it ends", fix=fix))
        return match[0]

    return _VARIABLE.sub(value, text)


def _java_replacement(text: str, match: re.Match[str]) -> str:
    """Replace as ``Matcher.appendReplacement`` does, for which backslash and dollar are not plain characters."""

    def meant(special: re.Match[str]) -> str:
        if special[0] == "\\":
            raise ValueError("a backslash at its end")
        if special[0] == "$":
            raise ValueError("a '$' that is not followed by 0 or 1")
        return special[1] or match[int(special[2])]

    return _SPECIAL.sub(meant, text)


def _overrides(properties: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    always = {"model_server_home", "ts_open_inference_protocol"}
    enabled = is_true(properties.get("enable_envvars_config"))
    for key in KEYS.values():
        if key.variable is None or key.variable not in environ:
            continue
        text = environ[key.variable]
        if key.name == "ts_open_inference_protocol":
            yield key.name, str(text == "oip").lower()
        elif key.name == "allowed_urls":
            if enabled and is_true(properties.get("use_env_allowed_urls")):
                yield key.name, text
        elif enabled or key.name in always:
            yield key.name, text

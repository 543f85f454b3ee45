#!/usr/bin/env bash
# TorchServe 0.12.0's SnakeYAML (in its front end's jar) and PyYAML 6.0.3, which its worker reads with. Needs a JDK of
# 17 or newer.
#
# One would guess: 2026-02-30, which is no day, is a text for both, as 1.2.3, which is no number, is a text for both.
# What happens: both go by the pattern and make a date of it. SnakeYAML counts on, to the second of March; PyYAML passes
# on datetime's ValueError, which is no yaml.YAMLError, so that code which catches those does not catch it.
#
# Seen:
#   SnakeYAML: 2026-03-02; PyYAML: ValueError: day is out of range for month
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torchserve==0.12.0 PyYAML==6.0.3
jar=$(echo venv/lib/python*/site-packages/ts/frontend/model-server.jar)
cat >Day.java <<'JAVA'
import java.time.ZoneOffset;
import java.util.Date;
import java.util.Map;
import org.yaml.snakeyaml.Yaml;

public class Day {
    public static void main(String[] texts) {
        Map<String, Object> values = new Yaml().load(texts[0]);
        Date day = (Date) values.get("day");
        System.out.println("SnakeYAML: " + day.toInstant().atOffset(ZoneOffset.UTC).toLocalDate());
    }
}
JAVA
cat >day.py <<'PY'
import sys

import yaml

try:
    print("PyYAML:", yaml.safe_load(sys.argv[1])["day"])
except Exception as error:
    print(f"PyYAML: {type(error).__name__}, of YAMLError: {isinstance(error, yaml.YAMLError)}")
PY
{ java -cp "$jar" Day.java "day: 2026-02-30" && venv/bin/python day.py "day: 2026-02-30"; } | tee seen
diff - seen <<'EXPECTED'
SnakeYAML: 2026-03-02
PyYAML: ValueError, of YAMLError: False
EXPECTED

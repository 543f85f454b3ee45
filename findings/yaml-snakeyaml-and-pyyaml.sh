#!/usr/bin/env bash
# TorchServe 0.12.0's SnakeYAML (in its front end's jar) and PyYAML 6.0.3, which its worker reads with: one file, two
# readers. Needs a JDK of 17 or newer.
#
# Guess: both are readers of YAML 1.1 and agree on what is valid and what is a number.
# Seen: PyYAML takes "\/" in double quotes, which SnakeYAML refuses, and any number of aliases, of which SnakeYAML takes
# no more than 50 to collections. 1e-5, 1e5, -.5 and 1.5e3 are numbers for SnakeYAML and texts for PyYAML, whose
# pattern wants a dot, a digit before it if there is a sign, and a sign after the e. 1.0e-5, .5 and 0o10 are the same
# for both: two numbers, one text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torchserve==0.12.0 PyYAML==6.0.3
jar=$(echo venv/lib/python*/site-packages/ts/frontend/model-server.jar)

printf 'handler:\n  url: "https:\\/\\/example.com"\n' >escape.yaml
for count in 50 51; do
    printf 'first: &first {low: 0}\n' >"aliases$count.yaml"
    for number in $(seq "$count"); do echo "k$number: *first"; done >>"aliases$count.yaml"
done
printf '%s\n' 1e-5 1e5 -.5 1.5e3 1.0e-5 .5 0o10 | sed 's/.*/"&": &/' >numbers.yaml
cat >Read.java <<'JAVA'
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.YAMLException;

public class Read {
    public static void main(String[] names) throws Exception {
        for (String name : names) {
            try (InputStream in = Files.newInputStream(Path.of(name))) {
                Map<String, Object> values = new Yaml().load(in);
                System.out.print(name + " read");
                if (name.startsWith("numbers")) {
                    values.forEach((key, value) -> System.out.print(" " + key + (value instanceof String ? " text" : " number")));
                }
                System.out.println();
            } catch (YAMLException exception) {
                System.out.println(name + " refused");
            }
        }
    }
}
JAVA
cat >read.py <<'PYTHON'
import sys

import yaml

for name in sys.argv[1:]:
    with open(name) as file:
        values = yaml.safe_load(file)
    kinds = [f"{key} {'text' if isinstance(value, str) else 'number'}" for key, value in values.items()]
    print(name, "read", *(kinds if name.startswith("numbers") else ()))
PYTHON
files=(escape.yaml aliases50.yaml aliases51.yaml numbers.yaml)
{ java -cp "$jar" Read.java "${files[@]}" && venv/bin/python read.py "${files[@]}"; } | tee seen
diff - seen <<'EXPECTED'
escape.yaml refused
aliases50.yaml read
aliases51.yaml refused
numbers.yaml read 1e-5 number 1e5 number -.5 number 1.5e3 number 1.0e-5 number .5 number 0o10 text
escape.yaml read
aliases50.yaml read
aliases51.yaml read
numbers.yaml read 1e-5 text 1e5 text -.5 text 1.5e3 text 1.0e-5 number .5 number 0o10 text
EXPECTED

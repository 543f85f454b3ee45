#!/usr/bin/env bash
# torch-model-archiver 0.12.0 as a library, TorchServe 0.12.0's Gson (in its front end's jar). Needs a JDK of 17 or newer.
#
# Guess: a version that is given as the number 1.0 is refused, or is written as the text "1.0".
# Seen: ModelArchiverConfig(version=1.0) is taken, the manifest says "modelVersion": 1.0 without quotes, and the front
# end reads that into a text: its model has the version "1.0". Other readers of the manifest find a number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet torch-model-archiver==0.12.0 torchserve==0.12.0
jar=$(echo venv/lib/python*/site-packages/ts/frontend/model-server.jar)
echo 'handle = lambda data, context: data' >handler.py
venv/bin/python - <<'PYTHON' >seen
import json
import zipfile

from model_archiver import ModelArchiver, ModelArchiverConfig

ModelArchiver.generate_model_archive(
    ModelArchiverConfig(model_name="net", handler="handler.py", version=1.0, export_path=".")
)
with zipfile.ZipFile("net.mar") as archive:
    text = archive.read("MAR-INF/MANIFEST.json").decode()
with open("MANIFEST.json", "w") as file:
    file.write(text)
print("manifest:", repr(json.loads(text)["model"]["modelVersion"]))
PYTHON
cat >Read.java <<'JAVA'
import com.google.gson.Gson;
import java.nio.file.Files;
import java.nio.file.Path;
import org.pytorch.serve.archive.model.Manifest;

public class Read {
    public static void main(String[] names) throws Exception {
        Manifest manifest = new Gson().fromJson(Files.readString(Path.of(names[0])), Manifest.class);
        System.out.println("front end: \"" + manifest.getModel().getModelVersion() + "\"");
    }
}
JAVA
java -cp "$jar" Read.java MANIFEST.json >>seen
cat seen
diff - seen <<'EXPECTED'
manifest: 1.0
front end: "1.0"
EXPECTED

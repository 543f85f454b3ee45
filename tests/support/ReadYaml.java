import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.pytorch.serve.archive.model.InvalidModelException;
import org.pytorch.serve.archive.model.ModelConfig;
import org.pytorch.serve.archive.utils.ArchiveUtils;

/**
 * Says what TorchServe's own classes find in a model-config.yaml.
 *
 * <p>A request is a line: "read" or "build", a blank, and the file in Base64. An answer is one line for the document
 * ("read") or for each setting of the server ("build": name, blank, value), or one that begins with "error", and then
 * an empty line. Values are written with their types; see encode.
 */
public final class ReadYaml {
    private static final HexFormat HEX = HexFormat.of();
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws IOException, IllegalAccessException {
        System.setOut(System.err); // the server's classes log there
        File file = File.createTempFile("model-config", ".yaml");
        file.deleteOnExit();
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = line.split(" ", 2);
            Files.write(file.toPath(), Base64.getDecoder().decode(words[1]));
            try {
                Map<String, Object> document = ArchiveUtils.readYamlFile(file);
                switch (words[0]) {
                    case "read" -> OUT.println(encode(document));
                    case "build" -> settings(ModelConfig.build(document), "");
                    default -> OUT.println("error unknown request " + words[0]);
                }
            } catch (InvalidModelException | RuntimeException error) {
                OUT.println("error " + error.getClass().getSimpleName());
            }
            OUT.println();
            OUT.flush();
        }
    }

    private static void settings(Object config, String prefix) throws IllegalAccessException {
        for (Field field : config.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            field.setAccessible(true);
            Object value = field.get(config);
            if (value instanceof ModelConfig.TorchRun) {
                settings(value, field.getName() + ".");
            } else {
                OUT.println(prefix + field.getName() + " " + encode(value));
            }
        }
    }

    private static String encode(Object value) {
        StringBuilder text = new StringBuilder();
        encode(value, text);
        return text.toString();
    }

    private static void encode(Object value, StringBuilder text) {
        if (value == null || value instanceof Boolean) {
            text.append(value).append(';');
        } else if (value instanceof Integer || value instanceof Long || value instanceof BigInteger) {
            text.append('i').append(value).append(';');
        } else if (value instanceof Double number) {
            text.append(String.format("d%016x;", Double.doubleToLongBits(number)));
        } else if (value instanceof String string) {
            text.append('s');
            string.chars().forEach(unit -> text.append(HEX.toHexDigits((char) unit)));
            text.append(';');
        } else if (value instanceof Date date) {
            text.append('t').append(date.getTime()).append(';');
        } else if (value instanceof byte[] bytes) {
            text.append('b').append(HEX.formatHex(bytes)).append(';');
        } else if (value instanceof Set<?> set) {
            text.append('(');
            set.stream().map(ReadYaml::encode).sorted().forEach(text::append);
            text.append(')');
        } else if (value instanceof Enum<?> constant) {
            encode(constant.name(), text);
        } else if (value instanceof List<?> list) {
            text.append('[');
            list.forEach(item -> encode(item, text));
            text.append(']');
        } else if (value instanceof Map<?, ?> map) {
            text.append('{');
            map.forEach((key, item) -> {
                encode(key, text);
                encode(item, text);
            });
            text.append('}');
        } else {
            text.append('?').append(value.getClass().getName()).append(';');
        }
    }
}

import com.google.gson.JsonObject;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.pytorch.serve.archive.model.Manifest;
import org.pytorch.serve.archive.model.ModelArchive;
import org.pytorch.serve.archive.utils.ArchiveUtils;
import org.pytorch.serve.archive.utils.InvalidArchiveURLException;
import org.pytorch.serve.archive.utils.ZipUtils;
import org.pytorch.serve.servingsdk.snapshot.Snapshot;
import org.pytorch.serve.snapshot.FSSnapshotSerializer;
import org.pytorch.serve.util.ConfigManager;
import org.pytorch.serve.util.ConnectorType;
import org.pytorch.serve.wlm.Model;

/** Answers what TorchServe's own classes make of settings, of the state they save, and of archives. */
public class ServerPeer {
    public static void main(String[] arguments) throws IOException {
        Map<String, Peer.Answer> answers = new HashMap<>(Map.of(
                "constants", question -> constants(),
                "configure", ServerPeer::configure,
                "configure-here", question -> Peer.pairs(configured(question.get(0))),
                "ask", ServerPeer::asked,
                "file-name", ServerPeer::fileName,
                "allowed", ServerPeer::allowed,
                "snapshot", question -> List.of(Peer.bytes(FSSnapshotSerializer.GSON.toJson(snapshot(question)))),
                "save", ServerPeer::save,
                "unpack", ServerPeer::unpack,
                "read", question -> List.of(Peer.bytes(read(Peer.text(question.get(0)))))));
        answers.put("charsets", question -> charsets());
        answers.put("hash-map", ServerPeer::hashMap);
        answers.put("reasons", ServerPeer::reasons);
        Peer.serve(answers);
    }

    /** The charsets that Java knows, of each all names with blanks between them. */
    private static List<byte[]> charsets() {
        List<byte[]> found = new ArrayList<>();
        for (Charset each : Charset.availableCharsets().values()) {
            found.add(Peer.bytes(each.name() + " " + String.join(" ", each.aliases())));
        }
        return found;
    }

    /** Texts in the order of a HashMap that they are put into one by one. */
    private static List<byte[]> hashMap(List<byte[]> question) {
        Map<String, String> map = new HashMap<>();
        for (byte[] item : question) {
            map.put(Peer.text(item), "");
        }
        List<byte[]> order = new ArrayList<>();
        map.keySet().forEach(each -> order.add(Peer.bytes(each)));
        return order;
    }

    /** The reasons that Netty has for statuses. */
    private static List<byte[]> reasons(List<byte[]> question) {
        List<byte[]> found = new ArrayList<>();
        for (byte[] item : question) {
            int status = Integer.parseInt(Peer.text(item));
            found.add(Peer.bytes(HttpResponseStatus.valueOf(status).reasonPhrase()));
        }
        return found;
    }

    /** The names and values of the constants that are texts. */
    private static List<byte[]> constants() throws IllegalAccessException {
        List<byte[]> pairs = new ArrayList<>();
        for (Field field : ConfigManager.class.getDeclaredFields()) {
            if (field.getType() == String.class && Modifier.isFinal(field.getModifiers())) {
                field.setAccessible(true);
                pairs.add(Peer.bytes(field.getName()));
                pairs.add(Peer.bytes((String) field.get(null)));
            }
        }
        return pairs;
    }

    /** What the server takes for its settings: of a file, and the environment, name by name. */
    private static List<byte[]> configure(List<byte[]> question) throws Exception {
        Map<String, String> environment = new HashMap<>();
        for (int at = 1; at < question.size(); at += 2) {
            environment.put(Peer.text(question.get(at)), Peer.text(question.get(at + 1)));
        }
        setEnvironment(environment);
        return Peer.pairs(configured(question.get(0)));
    }

    /** What the server's own questions to its settings answer, each a method's name and where needed a connector. */
    private static List<byte[]> asked(List<byte[]> question) throws Exception {
        List<byte[]> answers = new ArrayList<>();
        for (byte[] item : question) {
            String[] words = Peer.text(item).split(" ");
            ConfigManager manager = ConfigManager.getInstance();
            Object answer = words.length == 1
                    ? ConfigManager.class.getMethod(words[0]).invoke(manager)
                    : ConfigManager.class
                            .getMethod(words[0], ConnectorType.class)
                            .invoke(manager, ConnectorType.valueOf(words[1]));
            answers.add(Peer.bytes(String.valueOf(answer)));
        }
        return answers;
    }

    /** What the server thinks of a URL, given a list of patterns. */
    private static List<byte[]> allowed(List<byte[]> question) {
        try {
            List<String> patterns = List.of(Peer.text(question.get(0)).split(","));
            return List.of(Peer.bytes(String.valueOf(ArchiveUtils.validateURL(patterns, Peer.text(question.get(1))))));
        } catch (InvalidArchiveURLException refusal) {
            return List.of(Peer.bytes("refused"));
        }
    }

    /** The name that the server gives to what a text refers to. */
    private static List<byte[]> fileName(List<byte[]> question) {
        return List.of(Peer.bytes(ArchiveUtils.getFilenameFromUrl(Peer.text(question.get(0)))));
    }

    private static Properties configured(byte[] data) throws IOException {
        Path file = Files.createTempFile("config", ".properties");
        try {
            Files.write(file, data);
            ConfigManager.Arguments arguments = new ConfigManager.Arguments();
            arguments.setTsConfigFile(file.toString());
            arguments.setSnapshotDisabled(true);
            ConfigManager.init(arguments);
            return ConfigManager.getInstance().getConfiguration();
        } finally {
            Files.delete(file);
        }
    }

    /** Change what System.getenv answers: Java starts once for many environments. */
    @SuppressWarnings("unchecked")
    private static void setEnvironment(Map<String, String> environment) throws ReflectiveOperationException {
        Map<String, String> shown = System.getenv();
        Field behind = Collections.unmodifiableMap(Map.of()).getClass().getDeclaredField("m");
        behind.setAccessible(true);
        Map<String, String> held = (Map<String, String>) behind.get(shown);
        held.clear();
        held.putAll(environment);
    }

    /** The state that the server saves, put together as SnapshotManager does it. */
    private static Snapshot snapshot(List<byte[]> question) throws Exception {
        if (ConfigManager.getInstance() == null) {
            configured("model_store=store".getBytes(StandardCharsets.US_ASCII));
        }
        Iterator<byte[]> items = question.iterator();
        String name = Peer.text(items.next());
        long created = number(items);
        int count = 0;
        Map<String, Map<String, JsonObject>> models = new HashMap<>();
        while (items.hasNext()) {
            String model = Peer.text(items.next());
            String version = Peer.text(items.next());
            if (!models.containsKey(model)) {
                models.put(model, new HashMap<>());
            }
            models.get(model).put(version, state(items));
            count++;
        }
        Snapshot snapshot = new Snapshot(name, count);
        snapshot.setCreated(created);
        snapshot.setModels(models);
        return snapshot;
    }

    private static JsonObject state(Iterator<byte[]> items) throws Exception {
        boolean isDefault = Boolean.parseBoolean(Peer.text(items.next()));
        Manifest manifest = new Manifest();
        manifest.setModel(new Manifest.Model());
        Model model = new Model(new ModelArchive(manifest, Peer.text(items.next()), null, false), 100);
        model.setMinWorkers((int) number(items));
        model.setMaxWorkers((int) number(items));
        model.setBatchSize((int) number(items));
        model.setMaxBatchDelay((int) number(items));
        model.setResponseTimeout((int) number(items));
        model.setStartupTimeout((int) number(items));
        model.setRuntimeType(Manifest.RuntimeType.fromValue(Peer.text(items.next())));
        // Only a model-config.yaml sets it.
        Field parallelLevel = Model.class.getDeclaredField("parallelLevel");
        parallelLevel.setAccessible(true);
        parallelLevel.setInt(model, (int) number(items));
        return model.getModelState(isDefault);
    }

    private static long number(Iterator<byte[]> items) {
        return Long.parseLong(Peer.text(items.next()));
    }

    /** The file that the server writes for a state and one property. */
    private static List<byte[]> save(List<byte[]> question) throws Exception {
        Properties properties = new Properties();
        properties.setProperty(Peer.text(question.get(0)), Peer.text(question.get(1)));
        Snapshot snapshot = snapshot(question.subList(2, question.size()));
        Path file = Path.of(FSSnapshotSerializer.getSnapshotPath(snapshot.getName()));
        Files.deleteIfExists(file);
        new FSSnapshotSerializer().saveSnapshot(snapshot, properties);
        return List.of(Files.readAllBytes(file));
    }

    /** Unpack an archive into a folder, as the server does by the name of the file. */
    private static List<byte[]> unpack(List<byte[]> question) throws IOException {
        String name = Peer.text(question.get(0));
        File folder = new File(Peer.text(question.get(1)));
        try (InputStream archive = new FileInputStream(name)) {
            if (name.endsWith(".mar")) {
                ZipUtils.unzip(archive, folder);
            } else {
                ZipUtils.decompressTarGzipFile(archive, folder);
            }
        }
        return List.of();
    }

    /** What the server reads in a text, written again. */
    private static String read(String text) {
        return FSSnapshotSerializer.GSON.toJson(FSSnapshotSerializer.GSON.fromJson(text, Snapshot.class));
    }
}

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Answers what java.util.Properties reads and writes, and what Inflater makes of a stream: one JVM, many questions over a pipe.
 *
 * <p>A question and an answer are frames alike: how many items, then each item's length and bytes (numbers are four
 * bytes, the highest first). The first item of a question is its name, that of an answer "ok", or "error" before the
 * exception's class and message. Texts travel as UTF-16 units, highest byte first: nothing that Java or Python takes
 * for a string is lost on the way, half a surrogate pair neither.
 */
public class Peer {
    interface Answer {
        List<byte[]> to(List<byte[]> question) throws Exception;
    }

    interface Load {
        void into(Properties properties) throws IOException;
    }

    public static void main(String[] arguments) throws IOException {
        serve(Map.of(
                "version", question -> List.of(bytes(String.valueOf(Runtime.version().feature()))),
                "date", question -> List.of(bytes(new Date(Long.parseLong(text(question.get(0)))).toString())),
                "load-bytes", question ->
                        loaded(properties -> properties.load(new ByteArrayInputStream(question.get(0)))),
                "load-text", question ->
                        loaded(properties -> properties.load(new StringReader(text(question.get(0))))),
                "inflate", Peer::inflate,
                "store-bytes", Peer::storeBytes,
                "store-text", Peer::storeText));
    }

    static void serve(Map<String, Answer> answers) throws IOException {
        DataInputStream in =
                new DataInputStream(new BufferedInputStream(new FileInputStream(FileDescriptor.in)));
        DataOutputStream out =
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
        // What the server's classes log must not get between the frames.
        System.setOut(System.err);
        while (true) {
            List<byte[]> question;
            try {
                question = read(in);
            } catch (EOFException end) {
                return;
            }
            List<byte[]> answer = new ArrayList<>();
            try {
                answer.add(bytes("ok"));
                answer.addAll(answers.get(text(question.get(0))).to(question.subList(1, question.size())));
            } catch (Exception error) {
                answer = List.of(bytes("error"), bytes(error.toString()));
            }
            out.writeInt(answer.size());
            for (byte[] item : answer) {
                out.writeInt(item.length);
                out.write(item);
            }
            out.flush();
        }
    }

    private static List<byte[]> read(DataInputStream in) throws IOException {
        List<byte[]> frame = new ArrayList<>();
        for (int count = in.readInt(); count > 0; count--) {
            byte[] item = new byte[in.readInt()];
            in.readFully(item);
            frame.add(item);
        }
        return frame;
    }

    static String text(byte[] units) {
        return ByteBuffer.wrap(units).asCharBuffer().toString();
    }

    static byte[] bytes(String text) {
        ByteBuffer units = ByteBuffer.allocate(2 * text.length());
        units.asCharBuffer().put(text);
        return units.array();
    }

    private static List<byte[]> loaded(Load load) throws IOException {
        Properties properties = new Properties();
        load.into(properties);
        return pairs(properties);
    }

    static List<byte[]> pairs(Properties properties) {
        List<byte[]> pairs = new ArrayList<>();
        for (String key : properties.stringPropertyNames()) {
            pairs.add(bytes(key));
            pairs.add(bytes(properties.getProperty(key)));
        }
        return pairs;
    }

    /** The keys and values in the order in which they are put, after the comments where there are any. */
    private static List<byte[]> storeBytes(List<byte[]> question) throws IOException {
        ByteArrayOutputStream sink = new ByteArrayOutputStream();
        put(question).store(sink, comments(question));
        return List.of(sink.toByteArray());
    }

    private static List<byte[]> storeText(List<byte[]> question) throws IOException {
        StringWriter sink = new StringWriter();
        put(question).store(sink, comments(question));
        return List.of(bytes(sink.toString()));
    }

    private static String comments(List<byte[]> question) {
        return question.size() % 2 == 0 ? null : text(question.get(0));
    }

    /** Of each stream what comes out of it, and what became of it: "ended" and how much is left, "cut off", "refused". */
    private static List<byte[]> inflate(List<byte[]> streams) {
        List<byte[]> answer = new ArrayList<>();
        byte[] buffer = new byte[8192];
        for (byte[] stream : streams) {
            Inflater inflater = new Inflater(true);
            ByteArrayOutputStream found = new ByteArrayOutputStream();
            inflater.setInput(stream);
            try {
                for (int size; (size = inflater.inflate(buffer)) > 0; ) {
                    found.write(buffer, 0, size);
                }
                answer.add(bytes(inflater.finished() ? "ended " + inflater.getRemaining() : "cut off"));
            } catch (DataFormatException error) {
                answer.add(bytes("refused"));
            }
            answer.add(found.toByteArray());
            inflater.end();
        }
        return answer;
    }

    static Properties put(List<byte[]> question) {
        Properties properties = new Properties();
        for (int at = question.size() % 2; at < question.size(); at += 2) {
            properties.setProperty(text(question.get(at)), text(question.get(at + 1)));
        }
        return properties;
    }
}

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.jar.JarFile;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * Says what the JDK finds in archives.
 *
 * <p>A request is a line: "stream", "file" or "gzip", a blank, and a path; "stream-crc" and "file-crc" leave out the
 * SHA-256, which takes most of the time for what is large, and "list" reads no contents. An answer is one line for each
 * entry (name as hexadecimal UTF-8, method, size, compressed size, CRC, SHA-256), or one that begins with "error", and
 * then an empty line.
 */
public final class ReadArchive {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    private static final byte[] BUFFER = new byte[1 << 20];
    private static boolean digests;

    public static void main(String[] arguments) throws IOException, NoSuchAlgorithmException {
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = line.split(" ", 2);
            digests = !words[0].endsWith("-crc");
            try {
                switch (words[0].replace("-crc", "")) {
                    case "stream" -> stream(words[1]);
                    case "file" -> file(words[1]);
                    case "list" -> list(words[1]);
                    case "gzip" -> gzip(words[1]);
                    default -> OUT.println("error unknown request " + words[0]);
                }
            } catch (IOException | IllegalArgumentException error) {
                OUT.println("error " + error);
            }
            OUT.println();
            OUT.flush();
        }
    }

    /** As the server reads: forward only, by local headers; whatever is no local header ends it in silence. */
    private static void stream(String path) throws IOException, NoSuchAlgorithmException {
        try (ZipInputStream archive = new ZipInputStream(new FileInputStream(path))) {
            for (ZipEntry entry = archive.getNextEntry(); entry != null; entry = archive.getNextEntry()) {
                Content content = new Content(archive);
                print(entry, content); // a data descriptor has completed the entry only now
            }
        }
    }

    /** By the central directory, through the JDK's own reader of files. */
    private static void file(String path) throws IOException, NoSuchAlgorithmException {
        try (JarFile archive = new JarFile(path)) {
            for (ZipEntry entry : Collections.list(archive.entries())) {
                try (InputStream stream = archive.getInputStream(entry)) {
                    print(entry, new Content(stream));
                }
            }
        }
    }

    private static void list(String path) throws IOException {
        try (JarFile archive = new JarFile(path)) {
            for (ZipEntry entry : Collections.list(archive.entries())) {
                print(entry, "-");
            }
        }
    }

    private static void gzip(String path) throws IOException, NoSuchAlgorithmException {
        try (InputStream stream = new GZIPInputStream(new FileInputStream(path))) {
            Content content = new Content(stream);
            OUT.printf("- - %d - %d %s%n", content.size, content.crc.getValue(), content.sha256());
        }
    }

    private static void print(ZipEntry entry, Content content) throws IOException {
        // The reader of files does not hold contents against their CRC; the streaming one has done so.
        if (entry.getCrc() != content.crc.getValue() || entry.getSize() != content.size) {
            throw new IOException("size or CRC differ from the content of " + entry.getName());
        }
        print(entry, content.sha256());
    }

    private static void print(ZipEntry entry, String sha256) {
        OUT.printf(
                "%s %d %d %d %d %s%n",
                hexadecimal(entry.getName().getBytes(StandardCharsets.UTF_8)),
                entry.getMethod(),
                entry.getSize(),
                entry.getCompressedSize(),
                entry.getCrc(),
                sha256);
    }

    private static String hexadecimal(byte[] bytes) {
        return String.format("%0" + 2 * bytes.length + "x", new BigInteger(1, bytes));
    }

    /** Size and checksums of a stream, read to its end. */
    private static final class Content {
        private final CRC32 crc = new CRC32();
        private final MessageDigest digest = MessageDigest.getInstance("SHA-256");
        private long size = 0;

        Content(InputStream stream) throws IOException, NoSuchAlgorithmException {
            for (int count = stream.read(BUFFER); count > 0; count = stream.read(BUFFER)) {
                crc.update(BUFFER, 0, count);
                if (digests) {
                    digest.update(BUFFER, 0, count);
                }
                size += count;
            }
        }

        String sha256() {
            return digests ? hexadecimal(digest.digest()) : "-";
        }
    }
}

package dev.penstock.loadgen.twin;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Where descriptions of twins are found: those that are shipped, and files. Stateless. */
public final class Twins {
    /** Those that are shipped. */
    public static final List<String> SHIPPED = List.of("apple", "gmail", "gmx", "outlook", "outlook-february-2026",
            "qq", "steady", "yahoo");
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]*");
    private static final String SUFFIX = ".toml";

    private Twins() {}

    /**
     * Reads a description. Blocks.
     *
     * @param name of one that is shipped, or a file's
     * @throws IllegalArgumentException when there is none, or with a line {@code file:line:column: key: what is wrong}
     *                                  for each error in it
     */
    public static TwinProfile read(String name) {
        if (SHIPPED.contains(name)) {
            return TwinReader.read(name, name + SUFFIX, shipped(name));
        }
        Path file = Path.of(name);
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("there is no twin " + name + "; allowed: " + String.join(", ", SHIPPED)
                    + ", or a file that describes one");
        }
        String called = String.valueOf(file.getFileName());
        String base = called.endsWith(SUFFIX) ? called.substring(0, called.length() - SUFFIX.length()) : called;
        if (!NAME.matcher(base).matches()) {
            throw new IllegalArgumentException(name + ": a twin is called by its file's name; allowed: a-z, 0-9 and -");
        }
        try {
            return TwinReader.read(base, name, Files.readString(file));
        } catch (IOException e) {
            throw new IllegalArgumentException(name + " can't be read: " + e.getMessage(), e);
        }
    }

    private static String shipped(String name) {
        try (InputStream in = Twins.class.getResourceAsStream("/dev/penstock/loadgen/twins/" + name + SUFFIX)) {
            if (in == null) {
                throw new IllegalStateException("not shipped: " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

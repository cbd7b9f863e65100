package dev.penstock.mtasts;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.mtasts.StsEntry.Known;
import dev.penstock.routing.StsPolicy;
import dev.penstock.units.PrivateFiles;

/**
 * Keeps policies over a restart, so that nobody gets rid of one by waiting for it: a line for each, its fields divided by
 * tabs (domain, id, milliseconds since 1970, seconds, mode, hosts divided by commas). Confined to one thread at a time.
 */
final class StsFile {
    /** In the spool's directory, which the gateway can write to and keeps over restarts. */
    static final String NAME = "mta-sts.policies";

    private static final Logger log = LoggerFactory.getLogger(StsFile.class);
    private static final int FIELDS = 6;
    private static final String NONE = "none";
    private static final String UNFINISHED = ".tmp";

    private final Path file;

    StsFile(Path directory) {
        this.file = directory.resolve(NAME);
    }

    /** What was written last; a line that can't be read is left out, with a warning. */
    Map<String, Known> read() {
        Map<String, Known> read = new HashMap<>();
        int bad = 0;
        try {
            for (String line : Files.readString(file, StandardCharsets.ISO_8859_1).split("\n", -1)) {
                String[] fields = line.split("\t", -1);
                Known known = fields.length == FIELDS ? known(fields) : null;
                if (known != null) {
                    read.put(fields[0], known);
                } else if (!line.isEmpty()) {
                    bad++;
                }
            }
        } catch (NoSuchFileException _) {
            return read;
        } catch (IOException e) {
            log.warn("event=mta-sts-policies-not-read file={} why={} effect=\"they are fetched anew\"", file,
                    e.toString());
        }
        if (bad > 0) {
            log.warn("event=mta-sts-policies-damaged file={} lines={} effect=\"they are fetched anew\"", file, bad);
        }
        return read;
    }

    private static @Nullable Known known(String[] fields) {
        try {
            StsPolicy policy = fields[4].equals(NONE)
                    ? null
                    : new StsPolicy(fields[4].equals(StsPolicy.Mode.ENFORCE.toString())
                            ? StsPolicy.Mode.ENFORCE
                            : StsPolicy.Mode.TESTING, List.of(fields[5].split(",", -1)));
            return new Known(fields[1], policy, Long.parseLong(fields[2]), Long.parseLong(fields[3]));
        } catch (NumberFormatException _) {
            return null;
        }
    }

    /** Whole or not at all. */
    void write(Map<String, Known> policies) {
        StringBuilder text = new StringBuilder();
        policies.forEach((domain, known) -> {
            StsPolicy policy = known.policy();
            text.append(domain).append('\t').append(known.id()).append('\t').append(known.fetchedMillis()).append('\t')
                    .append(known.maxAgeSeconds()).append('\t').append(policy == null ? NONE : policy.mode())
                    .append('\t').append(policy == null ? "" : String.join(",", policy.mx())).append('\n');
        });
        Path unfinished = file.resolveSibling(NAME + UNFINISHED);
        try {
            Files.deleteIfExists(unfinished);
            try (FileChannel channel = PrivateFiles.open(unfinished, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE)) {
                ByteBuffer octets = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.ISO_8859_1));
                while (octets.hasRemaining()) {
                    channel.write(octets);
                }
                channel.force(true);
            }
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            log.warn("event=mta-sts-policies-not-kept file={} why={} effect=\"a restart forgets them\"", file,
                    e.toString());
        }
    }
}

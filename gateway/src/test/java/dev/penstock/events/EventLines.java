package dev.penstock.events;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.message.MessageEvent;

/** What the delivery log makes of events and files, for tests of those who read it. Stateless. */
public final class EventLines {
    private EventLines() {}

    /** The line with its end. */
    public static String line(MessageEvent event) {
        EventEncoder encoder = new EventEncoder("node-1", 1_024);
        encoder.encode(event);
        return StandardCharsets.UTF_8.decode(encoder.lines()).toString();
    }

    /** As a closed file is compressed: under its name with a suffix, and gone from under its own. */
    public static Path compress(Path file, Compression compression) throws IOException {
        Path made = file.resolveSibling(file.getFileName() + compression.suffix());
        try (OutputStream out = Files.newOutputStream(made)) {
            CompressedLines.compress(new ByteArrayInputStream(Files.readAllBytes(file)), out, compression);
        }
        Files.delete(file);
        return made;
    }
}

package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

/** Every log message is fields, {@code event=name key=value}, by a logger that is named after its class. */
class LogDialectTest {
    private static final Path SOURCES = Path.of("src", "main", "java");
    private static final Pattern LOGGER = Pattern.compile("([\\w ]*\\w) = LoggerFactory\\s*\\.getLogger\\(([^)]*)\\)");
    private static final Pattern CALL = Pattern.compile(
            "\\blog\\.(?:trace|debug|info|warn|error)\\(\\s*((?:\"(?:[^\"\\\\]|\\\\.)*\"(?:\\s*\\+\\s*)?)+)");
    private static final Pattern FIELDS = Pattern.compile(
            "event=[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*=(?:\\{}|[a-z0-9.-]+|\\\\\"[^\"{}]*\\\\\"))*");

    @Test
    void everyMessageIsFields() throws IOException {
        List<String> wrong = new ArrayList<>();
        int seen = 0;
        for (Path file : sources()) {
            Matcher call = CALL.matcher(Files.readString(file));
            while (call.find()) {
                seen++;
                String message = call.group(1).strip().replaceAll("\"\\s*\\+\\s*\"", "");
                if (!FIELDS.matcher(message.substring(1, message.length() - 1)).matches()) {
                    wrong.add(file.getFileName() + ": " + call.group());
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(seen).isGreaterThan(80);
    }

    @Test
    void everyLoggerIsCalledLogAndNamedAfterItsClass() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Path file : sources()) {
            String text = Files.readString(file);
            Matcher logger = LOGGER.matcher(text);
            int found = 0;
            while (logger.find()) {
                found++;
                String type = file.getFileName().toString().replace(".java", "");
                if (!logger.group(1).matches("( *private static final)? *Logger log")
                        || !logger.group(2).equals(type + ".class")) {
                    wrong.add(file.getFileName() + ": " + logger.group());
                }
            }
            if (text.split("LoggerFactory\\s*\\.getLogger", -1).length - 1 != found || found > 1) {
                wrong.add(file.getFileName() + ": a logger that is no variable, or several");
            }
        }
        assertThat(wrong).isEmpty();
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        }
    }
}

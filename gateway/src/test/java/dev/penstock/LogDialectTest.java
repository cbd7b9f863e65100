package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
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

    private static final Pattern KEY = Pattern.compile("(?:^| )([a-z][a-z0-9-]*)=");
    private static final Pattern NAME = Pattern.compile("`([a-z][a-z0-9-]*)`");

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

    /** They would be twice in the line that JSON makes of it. */
    @Test
    void noMessageHasAFieldTwiceOrOneThatEveryLineHas() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String message : messages()) {
            List<String> keys = KEY.matcher(message.replaceAll("\\\\\"[^\"]*\\\\\"", "")).results()
                    .map(found -> found.group(1)).toList();
            if (Set.copyOf(keys).size() < keys.size()
                    || keys.stream().skip(1).anyMatch(Set.of("time", "level", "logger", "event", "stack")::contains)) {
                wrong.add(message);
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void everyEventStandsInTheTableForOperatorsAndNoneThatThereIsnt() throws IOException {
        String page = Files.readString(Path.of("docs", "operations.md"));
        String table = page.substring(page.indexOf("\n## Which events does stderr have?"));
        Set<String> told = new TreeSet<>();
        table.substring(0, table.indexOf("\n## ", 1)).lines().filter(line -> line.startsWith("| ")).forEach(
                row -> NAME.matcher(row).results().map(found -> found.group(1)).forEach(told::add));
        Set<String> said = new TreeSet<>();
        for (String message : messages()) {
            said.add(message.substring("event=".length()).split(" ", 2)[0]);
        }
        said.add("log-format-unknown"); // by Logback's own logger, before there is any of ours
        assertThat(told).isEqualTo(said);
    }

    /** Without their quotes. */
    private static List<String> messages() throws IOException {
        List<String> messages = new ArrayList<>();
        for (Path file : sources()) {
            Matcher call = CALL.matcher(Files.readString(file));
            while (call.find()) {
                String message = call.group(1).strip().replaceAll("\"\\s*\\+\\s*\"", "");
                messages.add(message.substring(1, message.length() - 1));
            }
        }
        return messages;
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

package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class JsonLinesTest {
    private static final String BEGIN = "{\"time\":\"2026-11-29T12:00:00.123Z\",\"level\":\"WARN\",\"logger\":\"MailQueue\",";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final JsonLines layout = new JsonLines();

    private String line(@Nullable Throwable fault, String pattern, @Nullable Object... values) {
        LoggingEvent event = new LoggingEvent("", new LoggerContext().getLogger("dev.penstock.queue.MailQueue"),
                Level.WARN, pattern, fault, values);
        event.setInstant(Instant.parse("2026-11-29T12:00:00.123Z"));
        String line = layout.doLayout(event);
        assertThat(line).endsWith("}\n").startsWith(BEGIN).matches("[\\x20-\\x7e]*\n");
        return line.substring(BEGIN.length(), line.length() - 2);
    }

    private String fields(String pattern, @Nullable Object... values) {
        return line(null, pattern, values);
    }

    @Test
    void fieldsAreProperties() {
        assertThat(fields("event=queue-full megabytes={} effect=\"no mail is taken\" why={} then=done", 12L, "a b"))
                .isEqualTo("\"event\":\"queue-full\",\"megabytes\":12,\"effect\":\"no mail is taken\",\"why\":\"a b\","
                        + "\"then\":\"done\"");
        assertThat(fields("event=bare")).isEqualTo("\"event\":\"bare\"");
        assertThat(fields("event=a effect=\"b\"")).isEqualTo("\"event\":\"a\",\"effect\":\"b\"");
    }

    @Test
    void valuesHaveTheirTypes() {
        InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), 25);
        assertThat(fields("event=a n={} yes={} none={} empty={} some={} all={} after={} client={} level={}", 7, true,
                null,
                Optional.empty(), Optional.of(1.5), List.of(1, address), Duration.ofSeconds(90), address, Level.INFO))
                .isEqualTo("\"event\":\"a\",\"n\":7,\"yes\":true,\"none\":null,\"empty\":null,\"some\":1.5,"
                        + "\"all\":[1,\"192.0.2.1:25\"],\"after\":\"1m30s\",\"client\":\"192.0.2.1:25\","
                        + "\"level\":\"INFO\"");
        assertThat(fields("event=a share={} most={}", Double.NaN, Double.POSITIVE_INFINITY))
                .isEqualTo("\"event\":\"a\",\"share\":\"NaN\",\"most\":\"Infinity\"");
    }

    @Test
    void nothingFromOutsideLooksLikeAFieldOrALine() {
        assertThat(fields("event=a helo={} b={}", "x\",\"event\":\"b\r\n\u009b31m\u202e\u007f{}", 1)).isEqualTo(
                "\"event\":\"a\",\"helo\":\"x\\\",\\\"event\\\":\\\"b\\r\\n\\u009B31m\\u202E\\u007F{}\",\"b\":1");
    }

    @Test
    void aFaultHasItsStackTraceOnTheSameLine() {
        JsonNode line = JSON.readTree('{'
                + line(new IllegalStateException("broken", new RuntimeException("cause")), "event=watch-failed") + '}');
        assertThat(line.get("stack").asString()).startsWith("java.lang.IllegalStateException: broken\n\tat ")
                .contains("Caused by: java.lang.RuntimeException: cause");
    }

    @Test
    void whatLibrariesSayIsTheTextOfAMessage() {
        assertThat(fields("Unknown channel option '{}'", "x"))
                .isEqualTo("\"event\":\"message\",\"text\":\"Unknown channel option 'x'\"");
    }

    @Test
    void everyLineIsAnObjectWhateverItsValuesAre() {
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder();
            random.ints(random.nextInt(20), 0, 0x10000).forEach(c -> text.append((char) c)); // lone surrogates too
            JsonNode line = JSON.readTree('{' + fields("event=a value={} n={}", text.toString(), i) + '}');
            assertThat(line.get("n").asInt()).isEqualTo(i);
            assertThat(line.size()).isEqualTo(3);
        }
    }
}

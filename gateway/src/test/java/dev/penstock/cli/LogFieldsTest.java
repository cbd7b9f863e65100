package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.ListenerTls;

class LogFieldsTest {
    private static String fields(String pattern, @Nullable Object... values) {
        return LogFields.fields(pattern, values);
    }

    @Test
    void valuesAreQuotedWhenTheyHoldBlanks() {
        assertThat(fields("event=a file={} why={} n={}", Path.of("/x/y"), "no such file", 7))
                .isEqualTo("event=a file=/x/y why=\"no such file\" n=7");
        assertThat(fields("event=a empty={} nothing={}", "", null)).isEqualTo("event=a empty=\"\" nothing=-");
        assertThat(fields("event=a effect=\"mail goes on\" why={}", "x"))
                .isEqualTo("event=a effect=\"mail goes on\" why=x");
    }

    @Test
    void nothingFromOutsideLooksLikeAFieldOrALine() {
        assertThat(fields("event=a helo={}", "x\r\nINFO event=b")).isEqualTo("event=a helo=\"x\\r\\nINFO event=b\"");
        assertThat(fields("event=a helo={}", "x=\"y\\")).isEqualTo("event=a helo=\"x=\\\"y\\\\\"");
        assertThat(fields("event=a helo={}", "\u009b31m\u202e")).isEqualTo("event=a helo=\"\\u009b31m\\u202e\"");
        assertThat(fields("event=a helo={} b={}", "{}", 1)).isEqualTo("event=a helo={} b=1");
    }

    @Test
    void valuesAreWrittenAsConfigurationWritesThemAndNotAsJavaDoes() {
        InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), 25);
        assertThat(fields("event=a client={} all={}", address, List.of(address, address)))
                .isEqualTo("event=a client=192.0.2.1:25 all=192.0.2.1:25,192.0.2.1:25");
        assertThat(fields("event=a after={} mode={} some={} none={}", Duration.ofSeconds(90),
                ListenerTls.ClientCertificates.REQUESTED, Optional.of(1), Optional.empty()))
                .isEqualTo("event=a after=1m30s mode=requested some=1 none=-");
        assertThat(fields("event=a why={}", new IOException("x", new NoSuchFileException("y")).toString()))
                .isEqualTo("event=a why=\"IOException: x\"");
    }

    @Test
    void whatLibrariesSayIsAFieldToo() {
        LoggingEvent event = new LoggingEvent("", new LoggerContext().getLogger("io.netty"), Level.WARN,
                "Unknown channel option '{}'", null, new Object[]{"x"});
        assertThat(new LogFields().convert(event)).isEqualTo("event=message text=\"Unknown channel option 'x'\"");
    }
}

package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogConfiguratorTest {
    /** A fuzzer that ran before in this process writes a line of its own for each class of ours that is loaded. */
    @BeforeAll
    static void loadTheClasses() {
        written("DEBUG", "dev.penstock.X");
    }

    @Test
    void writesOneLinePerEventInFieldsToStandardError() {
        String written = written(null, "dev.penstock.queue.MailQueue");

        assertThat(written.lines()).hasSize(1).first().asString()
                .matches(
                        "\\d{4}-\\d\\d-\\d\\dT[0-9:.]{12}(Z|[+-]\\d\\d:\\d\\d) INFO  MailQueue: event=told key=\"a value\"");
    }

    @ParameterizedTest
    @CsvSource({",dev.penstock.X,1", "DEBUG,dev.penstock.X,2", "warn,dev.penstock.X,0", "nonsense,dev.penstock.X,1",
        "INFO,io.netty.X,0", "INFO,reactor.netty.X,0"})
    void showsWhatItsLevelAsksForAndOfLibrariesWarnings(@Nullable String level, String logger, int lines) {
        assertThat(written(level, logger).lines()).hasSize(lines);
    }

    @Test
    void writesAJsonObjectForEachEventOnRequest() {
        assertThat(written("DEBUG", "dev.penstock.queue.MailQueue", "JSON").lines()).hasSize(2)
                .allMatch(line -> line.matches(
                        "\\{\"time\":\"[-0-9T:.]+Z\",\"level\":\"[A-Z]+\",\"logger\":\"MailQueue\",\"event\":.*}"))
                .first().asString().endsWith("\"event\":\"told\",\"key\":\"a value\"}");
    }

    @Test
    void aFormatThatThereIsntIsToldAndIsText() {
        assertThat(written(null, "dev.penstock.X", "xml").lines()).hasSize(2)
                .anyMatch(line -> line.endsWith(
                        " WARN  LogConfigurator: event=log-format-unknown format=xml effect=\"text\""));
    }

    private static String written(@Nullable String level, String logger) {
        return written(level, logger, null);
    }

    private static String written(@Nullable String level, String logger, @Nullable String format) {
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        PrintStream usual = System.err;
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(new LogbackMDCAdapter()); // as SLF4J does
        System.setErr(new PrintStream(written, true, UTF_8));
        try {
            LogConfigurator.set(context, level, format);
            context.getLogger(logger).info("event=told key={}", "a value");
            context.getLogger(logger).debug("event=whispered");
        } finally {
            context.stop(); // writes what waits
            System.setErr(usual);
        }
        return written.toString(UTF_8);
    }
}

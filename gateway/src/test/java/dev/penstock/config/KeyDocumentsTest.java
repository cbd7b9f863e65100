package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

/**
 * What the keys say of themselves stands in the sample files and the documentation. With the system property
 * {@code penstock.write-documents} these files are written anew instead.
 */
class KeyDocumentsTest {
    private static final Path SAMPLE = Path.of("..", "config", "penstock.toml");
    private static final Path SHAPING_SAMPLE = Path.of("..", "config", "shaping.toml");
    private static final Path PROVIDERS_SAMPLE = Path.of("..", "config", "providers.toml");
    private static final Path PROXY_SAMPLE = Path.of("..", "config", "proxy.toml");
    private static final Path DOCUMENT = Path.of("docs", "configuration.md");
    private static final String WRITE = "penstock.write-documents";

    @Test
    void theSampleConfigurationIsWhatTheKeysSay() throws IOException {
        check(SAMPLE, below(SAMPLE, SampleFile.gateway()));
    }

    @Test
    void theSampleConfigurationOfTheProxyIsWhatTheKeysSay() throws IOException {
        check(PROXY_SAMPLE, below(PROXY_SAMPLE, SampleFile.proxy()));
    }

    @Test
    void theSampleShapingFileIsWhatTheKeysSay() throws IOException {
        check(SHAPING_SAMPLE, below(SHAPING_SAMPLE, SampleFile.shaping()));
    }

    @Test
    void theSampleOfProvidersIsWhatIsKnownWithoutBeingTold() throws IOException {
        check(PROVIDERS_SAMPLE, ProviderReader.shippedText().lines().toList());
    }

    @Test
    void theTablesOfTheDocumentationAreWhatTheKeysSay() throws IOException {
        List<String> lines = Files.readAllLines(DOCUMENT);
        check(DOCUMENT, between("restarts", between("keys", lines, KeyTables.all()), KeyTables.restarts()));
    }

    /** What stands above the first empty line is written by hand. */
    private static List<String> below(Path file, List<String> generated) throws IOException {
        List<String> lines = new ArrayList<>(
                Files.readAllLines(file).stream().takeWhile(line -> !line.isEmpty()).toList());
        lines.addAll(generated);
        return lines;
    }

    private static List<String> between(String mark, List<String> lines, List<String> generated) {
        int begin = lines.indexOf("<!-- " + mark + " -->");
        int end = lines.indexOf("<!-- end of " + mark + " -->");
        List<String> changed = new ArrayList<>(lines.subList(0, begin + 1));
        changed.addAll(generated);
        changed.addAll(lines.subList(end, lines.size()));
        return changed;
    }

    private static void check(Path file, List<String> generated) throws IOException {
        if (System.getProperty(WRITE) != null) {
            Files.write(file, generated);
        }
        assertThat(Files.readAllLines(file))
                .as("%s: after a key has changed, run ./mvnw -pl gateway test -Dtest=KeyDocumentsTest -D%s", file,
                        WRITE)
                .isEqualTo(generated);
    }
}

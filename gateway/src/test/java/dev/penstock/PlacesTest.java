package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;

/** What the architecture page sends its readers to is there. */
class PlacesTest {
    private static final Path SOURCES = Path.of("src/main/java/dev/penstock");
    private static final Pattern METHOD = Pattern.compile("`([a-z]+)\\.([A-Z]\\w+)\\.([a-z]\\w*)`");
    private static final Pattern CLASS = Pattern.compile("`([a-z]+)\\.([A-Z]\\w+)`");

    @Test
    void everyMethodNamedOnTheArchitecturePageExists() throws IOException {
        List<String> places = METHOD.matcher(page()).results().map(found -> {
            String source = read(SOURCES.resolve(found.group(1), found.group(2) + ".java"));
            return Pattern.compile("\\b" + found.group(3) + "\\(").matcher(source).find() ? "" : found.group();
        }).toList();

        assertThat(places).hasSizeGreaterThan(15).allMatch(String::isEmpty);
    }

    @Test
    void everyClassNamedOnTheArchitecturePageExists() throws IOException {
        assertThat(CLASS.matcher(page()).results()
                .map(found -> SOURCES.resolve(found.group(1), found.group(2) + ".java")))
                .isNotEmpty().allMatch(Files::exists);
    }

    private static String page() throws IOException {
        return Files.readString(Path.of("docs/architecture.md"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException _) {
            return "";
        }
    }
}

package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

/** No library's version changes without a look at what is known of it. */
class DependencyTableTest {
    private static final Path PROJECT = Path.of("..");
    private static final Pattern PROPERTY = Pattern.compile("<([a-z0-9-]+)\\.version>([^<]+)<");
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([a-z0-9-]+)` \\| ([^ |]+) \\|");

    @Test
    void namesEachLibraryOfTheBuildWithItsVersion() throws IOException {
        Map<String, String> built = pairs(PROPERTY, PROJECT.resolve("pom.xml"));

        assertThat(built).isNotEmpty();
        assertThat(pairs(ROW, PROJECT.resolve("gateway/docs/dependencies.md"))).isEqualTo(built);
    }

    private static Map<String, String> pairs(Pattern pattern, Path file) throws IOException {
        return pattern.matcher(Files.readString(file)).results()
                .collect(Collectors.toMap((MatchResult found) -> found.group(1), found -> found.group(2)));
    }
}

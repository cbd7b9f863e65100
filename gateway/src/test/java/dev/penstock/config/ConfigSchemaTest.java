package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import org.junit.jupiter.api.Test;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

import dev.penstock.units.ByteSize;
import dev.penstock.units.Durations;

/** Every configuration of the reader's own tests is held against the schemas too, by {@link Schemas#read}. */
class ConfigSchemaTest {
    private static final Path SAMPLES = Path.of("..", "config");
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```(toml)?\n(.*?)^```$");
    private static final Pattern COMMENTED = Pattern.compile("(?m)^# (\\[.*]|[A-Za-z_-]+ = .*)$");

    @Test
    void theSampleFilesAreValid() throws IOException {
        assertThat(Schemas.errors(Files.readString(SAMPLES.resolve("penstock.toml")))).isEmpty();
        assertThat(Schemas.shapingErrors(Files.readString(SAMPLES.resolve("shaping.toml")))).isEmpty();
    }

    @Test
    void soIsWhatStandsThereAsAComment() throws IOException {
        String sample = COMMENTED.matcher(Files.readString(SAMPLES.resolve("penstock.toml"))).replaceAll("$1");
        assertThat(Toml.parse(sample).errors()).isEmpty();
        assertThat(Schemas.errors(sample)).isEmpty();
    }

    @Test
    void theConfigurationsInTheDocumentationAreValid() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path document : documents()) {
            Matcher block = BLOCK.matcher(Files.readString(document));
            while (block.find()) {
                TomlParseResult toml = Toml.parse(block.group(2));
                if (toml.hasErrors() || toml.isEmpty()) {
                    continue;
                }
                boolean shaping = block.group(2).contains("connection_limit") || block.group(2).contains("_rate = ");
                if (shaping || tables().containsAll(toml.keySet())) {
                    found.add(document.getFileName().toString());
                    assertThat(shaping ? Schemas.shapingErrors(block.group(2)) : Schemas.errors(block.group(2)))
                            .as(document + ": " + block.group(2)).isEmpty();
                }
            }
        }
        assertThat(found).contains("configuration.md", "local-domains.md", "policy.md");
    }

    private static Set<String> tables() {
        return GatewayConfig.TABLE.keys().stream().map(Key::name).collect(Collectors.toSet());
    }

    private static List<Path> documents() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("docs"))) {
            return Stream.concat(files, Stream.of(Path.of("..", "README.md")))
                    .filter(file -> file.toString().endsWith(".md")).sorted().toList();
        }
    }

    @Test
    void theSchemasAreSchemas() {
        Schema metaSchema = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(SchemaLocation.of(SpecificationVersion.DRAFT_2020_12.getDialectId()));
        assertThat(metaSchema.validate(ConfigSchema.gateway(), InputFormat.JSON)).isEmpty();
        assertThat(metaSchema.validate(ConfigSchema.shaping(), InputFormat.JSON)).isEmpty();
        assertThat(metaSchema.validate("{\"minimum\": \"1\"}", InputFormat.JSON)).isNotEmpty();
    }

    @Test
    void everyKeySaysWhatItIsFor() {
        assertThat(ConfigSchema.gateway()).doesNotContain("\"description\": \"\"");
        assertThat(Schemas.errors("inbound.max-recipients = 99")).singleElement().asString().contains("100");
    }

    private static boolean isTaken(String text, Duration min, Duration max) {
        try {
            Duration value = Durations.parse(text);
            return value.compareTo(min) >= 0 && value.compareTo(max) <= 0;
        } catch (IllegalArgumentException _) {
            return false; // more than a century
        }
    }

    @Test
    void aDurationIsTakenWhenTheReaderTakesIt() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 300; i++) {
            Duration min = Duration.ofMillis(random.nextLong(1L << random.nextInt(1, 40)));
            Duration max = min.plusMillis(random.nextLong(1L << random.nextInt(1, 41)));
            Pattern pattern = Pattern.compile(Patterns.duration(min, max));
            for (int j = 0; j < 100; j++) {
                String text = random.nextLong(1L << random.nextInt(1, 33))
                        + List.of("ms", "s", "m", "h", "d", " min", "SEC", " hours").get(random.nextInt(8));
                assertThat(pattern.matcher(text).find()).as(min + " <= " + text + " <= " + max)
                        .isEqualTo(isTaken(text, min, max));
            }
            for (Duration within : List.of(min, max, min.plus(max.minus(min).dividedBy(2)).truncatedTo(
                    ChronoUnit.MILLIS))) {
                assertThat(pattern.matcher(Durations.format(within)).find())
                        .as(min + " <= " + Durations.format(within) + " <= " + max).isTrue();
            }
        }
    }

    @Test
    void aSizeIsTakenWhenTheReaderTakesIt() {
        SplittableRandom random = new SplittableRandom(8);
        for (int i = 0; i < 300; i++) {
            long min = random.nextLong(1L << random.nextInt(1, 30));
            long max = min + random.nextLong(1L << random.nextInt(1, 41));
            Pattern pattern = Pattern.compile(Patterns.size(min, max));
            for (int j = 0; j < 100; j++) {
                String text = random.nextLong(1L << random.nextInt(1, 20))
                        + List.of("", "B", " KB", "mb", " GiB", "k", " T").get(random.nextInt(7));
                long value = ByteSize.parse(text).bytes();
                assertThat(pattern.matcher(text).find()).as(min + " <= " + text + " <= " + max)
                        .isEqualTo(value >= min && value <= max);
            }
        }
    }

    @Test
    void aNumberIsTakenWhenItIsInTheRange() {
        for (int min = 0; min < 130; min += 7) {
            for (int max = min; max < 1_300; max += 13) {
                Pattern pattern = Pattern.compile(Patterns.number(min, max));
                for (int number = 0; number < 1_400; number++) {
                    if (pattern.matcher(Integer.toString(number)).matches() != (number >= min && number <= max)) {
                        assertThat(number).as(pattern.pattern()).isBetween(min, max);
                        assertThat(pattern.pattern()).as("takes " + number).isEmpty();
                    }
                }
            }
        }
    }
}

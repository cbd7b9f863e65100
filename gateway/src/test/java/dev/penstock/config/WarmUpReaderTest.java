package dev.penstock.config;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.WarmUpSchedule.Step;

class WarmUpReaderTest {
    @TempDir
    Path directory;

    private ConfigReader.Result read(String toml) throws IOException {
        return Schemas.read(Files.writeString(directory.resolve("penstock.toml"), toml));
    }

    private List<String> errors(String toml) throws IOException {
        return read(toml) instanceof ConfigReader.Invalid(List<Problem> problems)
                ? problems.stream().map(problem -> problem.toString().replace(directory + "/", "")).toList()
                : List.of();
    }

    @Test
    void schedulesAreReadInAllTheirForms() throws IOException {
        assertThat(read("""
                [warm-up.gentle]
                messages = [50, 100, 200]
                time-zone = "Europe/Berlin"
                [warm-up.gentle.provider."google"]
                messages = [ {day = 1, messages = 20}, {day = 5, messages = 400} ]
                days = 10
                [warm-up."fast"]
                first = 100
                growth = 50
                days = 14
                [source."ip-17"]
                warm-up = "gentle"
                warm-up-start = 2026-12-01
                [source."ip-18"]
                warm-up = "fast"
                warm-up-start = "2026-12-02"
                """)).isInstanceOfSatisfying(ConfigReader.Valid.class, valid -> {
            assertThat(valid.config().warmUps()).isEqualTo(Map.of("gentle",
                    new WarmUpConfig(
                            new WarmUpSchedule(List.of(new Step(1, 50), new Step(2, 100), new Step(3, 200)), 0, 0, 0),
                            ZoneId.of("Europe/Berlin"),
                            Map.of("google",
                                    new WarmUpSchedule(List.of(new Step(1, 20), new Step(5, 400)), 0, 0, 10))),
                    "fast",
                    new WarmUpConfig(new WarmUpSchedule(List.of(), 100, 50, 14), ZoneId.of("UTC"), Map.of())));
            assertThat(requireNonNull(valid.config().sources().get("ip-17")).warmUpStart()).isEqualTo(
                    Optional.of(LocalDate.of(2026, 12, 1)));
            assertThat(requireNonNull(valid.config().sources().get("ip-18")).warmUp()).isEqualTo("fast");
            assertThat(valid.warnings()).isEmpty();
        });
    }

    @Test
    void everyWrongValueIsAnErrorThatSaysWhatIsAllowed() throws IOException {
        assertThat(errors("""
                [warm-up.a]
                messages = [50, -1, "x", {day = 3}]
                [warm-up.b]
                time-zone = "Moon"
                [warm-up.c]
                first = 10
                growth = 2000
                [warm-up.d]
                messages = [ {day = 2, messages = 1}, {day = 2, messages = 2} ]
                first = 5
                days = 1
                [warm-up.d.provider."google"]
                growth = 5
                [source."s1"]
                warm-up = "aa"
                [source."s2"]
                warm-up-start = "tomorrow"
                [source."s3"]
                warm-up-start = 2026-12-01
                """))
                .anyMatch(error -> error
                        .startsWith("penstock.toml:2:17: warm-up.a.messages[1]: expected a number from 0"))
                .anyMatch(error -> error
                        .startsWith("penstock.toml:2:21: warm-up.a.messages[2]: expected a number from 0"))
                .anyMatch(error -> error.startsWith("penstock.toml:2:26: warm-up.a.messages[3]: expected {day=…"))
                .anyMatch(error -> error.startsWith("penstock.toml:4:1: warm-up.b.time-zone: \"Moon\": no time zone"))
                .anyMatch(error -> error.contains("warm-up.b.messages: is missing in [warm-up.\"b\"]"))
                .anyMatch(error -> error.startsWith("penstock.toml:7:1: warm-up.c.growth: 2000 is out of range"))
                .anyMatch(error -> error.contains("warm-up.c.days: is missing"))
                .anyMatch(error -> error.startsWith("penstock.toml:9:1: warm-up.d.messages: begins with day 2"))
                .anyMatch(error -> error.startsWith("penstock.toml:9:1: warm-up.d.messages: day 2 stands behind day 2"))
                .anyMatch(error -> error.startsWith("penstock.toml:10:1: warm-up.d.first: messages is there as well"))
                .anyMatch(error -> error.startsWith("penstock.toml:11:1: warm-up.d.days: 1 is less than the last day"))
                .anyMatch(error -> error.contains("warm-up.d.provider.google.growth: has no meaning without first"))
                .anyMatch(error -> error
                        .contains("source.s1.warm-up: \"aa\": there is no table [warm-up.\"aa\"]; did you "
                                + "mean \"a\"?"))
                .anyMatch(error -> error.contains("source.s1.warm-up-start: is missing"))
                .anyMatch(error -> error.contains("source.s2.warm-up-start: \"tomorrow\": expected a date"))
                .anyMatch(error -> error.contains("source.s3.warm-up-start: has no meaning without warm-up"));
    }
}

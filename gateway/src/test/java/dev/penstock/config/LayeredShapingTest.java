package dev.penstock.config;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.EffectiveConfig.Setting;

/** Shaping files that lie over one another, as KumoMTA loads several. */
class LayeredShapingTest {
    private static final String COMMUNITY = """
            ["default"]
            connection_limit = 10
            max_message_rate = "100/s"
            ["big.example"]
            connection_limit = 5
            idle_timeout = "9s"
            additional_connection_limits = { a = 1, b = 2 }
            ["big.example".sources."ip-1"]
            connection_limit = 1
            [["big.example".automation]]
            regex = "slow down"
            action = "Suspend"
            duration = "1h"
            [provider."big"]
            match = [ {MXSuffix=".big.example"} ]
            provider_connection_limit = 7
            [[limit]]
            name = "acme"
            tenant = "acme"
            daily_limit = 1000
            [[limit]]
            name = "all"
            max_message_rate = "500/s"
            """;

    @TempDir
    Path directory;
    private Path community;

    @BeforeEach
    void write() throws IOException {
        community = Files.writeString(directory.resolve("community.toml"), COMMUNITY);
    }

    private ShapingReader.Result over(String site) throws IOException {
        return ShapingReader.read(List.of(community), Files.writeString(directory.resolve("shaping.toml"), site));
    }

    private ShapingConfig valid(String site) throws IOException {
        ShapingReader.Result result = over(site);
        assertThat(result.errors()).isEmpty();
        assertThat(result.warnings()).isEmpty();
        return result.config();
    }

    @Test
    void aKeyOfTheLaterFileHoldsAndTheOthersStay() throws IOException {
        ShapingConfig config = valid("""
                ["default"]
                connection_limit = 20
                ["big.example"]
                idle_timeout = "3s"
                additional_connection_limits = { b = 3, c = 4 }
                """);
        assertThat(config.defaults().connectionLimit()).isEqualTo(20);
        assertThat(config.defaults().maxMessageRate()).hasToString("100/s");
        TrafficLimits big = requireNonNull(config.sections().get("big.example"));
        assertThat(big.connectionLimit()).isEqualTo(5);
        assertThat(big.idleTimeout()).hasSeconds(3);
        assertThat(section(config).layer().said()).extractingByKeys("additional_connection_limits.a",
                "additional_connection_limits.b", "additional_connection_limits.c").extracting("text")
                .containsExactly("1", "3", "4");
    }

    @Test
    void aSectionThatReplacesItsBaseDropsWhatIsBelow() throws IOException {
        ShapingSection big = section(valid("""
                ["big.example"]
                replace_base = true
                idle_timeout = "3s"
                """));
        assertThat(big.layer().said()).containsOnlyKeys("idle_timeout");
        assertThat(big.layer().replacesBase()).isTrue();
        assertThat(big.sources()).isEmpty();
        assertThat(big.automation()).isEmpty();
        assertThat(
                valid("[\"default\"]\nreplace_base = true\nconnection_limit = 2\n").rules().defaults().layer().said())
                .containsOnlyKeys("connection_limit");
    }

    @Test
    void automationAndSourcesOfTheLaterFileComeBesideThoseBelow() throws IOException {
        ShapingSection big = section(valid("""
                ["big.example".sources."ip-1"]
                idle_timeout = "1s"
                ["big.example".sources."ip-2"]
                connection_limit = 2
                [["big.example".automation]]
                regex = "go away"
                action = "Bounce"
                duration = "2h"
                """));
        assertThat(requireNonNull(big.sources().get("ip-1")).said()).containsOnlyKeys("connection_limit",
                "idle_timeout");
        assertThat(big.sources()).containsOnlyKeys("ip-1", "ip-2");
        assertThat(big.automation()).extracting(AutomationRule::place).containsExactly(community + ":11",
                directory.resolve("shaping.toml") + ":6");
    }

    @Test
    void aProviderHasTheMatchesOfBothFilesAndIsTriedBeforeThoseOfTheFileBelow() throws IOException {
        ShapingConfig config = valid("""
                [provider."mine"]
                match = [ {MXSuffix=".mine.big.example"} ]
                [provider."big"]
                match = [ {HostName="mx.other.example"} ]
                provider_connection_limit = 9
                """);
        assertThat(config.providers()).extracting(ProviderConfig::name).startsWith("mine", "big");
        assertThat(config.providers().get(1).match()).hasSize(2);
        assertThat(config.rules().providers().get("big")).satisfies(big -> assertThat(requireNonNull(
                big.layer().said().get("provider_connection_limit")).text()).isEqualTo("9"));
        assertThat(valid("[provider.\"big\"]\nreplace_base = true\nmatch = []\n").providers().getFirst().match())
                .isEmpty();
    }

    @Test
    void aSharedLimitOfTheSameNameTakesThePlaceOfTheOneBelow() throws IOException {
        assertThat(valid("""
                [[limit]]
                name = "acme"
                tenant = "acme"
                daily_limit = 5
                """).limits()).extracting(limit -> limit.name() + " " + limit.texts()).containsExactly(
                "acme {tenant=\"acme\", daily_limit=5}", "all {max_message_rate=\"500/s\"}");
    }

    @Test
    void aSectionStaysForItsDomainAloneUnlessTheLaterFileSaysOtherwise() throws IOException {
        Files.writeString(community, "[\"one.example\"]\nmx_rollup = false\n");
        ShapingReader.Result unsaid = over("[\"one.example\"]\nconnection_limit = 3\n");
        assertThat(unsaid.config().rules().sections().get("one.example")).satisfies(
                section -> assertThat(section.rollsUp()).isFalse());
        assertThat(unsaid.warnings()).singleElement().asString().contains("shaping.toml:1",
                "for its domain alone, as mx_rollup = false has it in the section at " + community + ":2");
        assertThat(valid("[\"one.example\"]\nmx_rollup = true\n").rules().sections().get("one.example"))
                .satisfies(section -> assertThat(section.rollsUp()).isTrue());
    }

    @Test
    void everyErrorOfEveryFileIsNamed() throws IOException {
        Files.writeString(community,
                "[\"default\"]\nconnection_limit = 0\n[\"a.example\"]\nmax_message_rate = \"fast\"\n");
        assertThat(over("[\"default\"]\nidle_timeout = 3\n").errors())
                .extracting(problem -> problem.file().getFileName() + ":" + problem.line())
                .containsExactly("community.toml:2", "community.toml:4", "shaping.toml:2");
    }

    @Test
    void theConfigurationNamesTheFilesAndShowsWhichSaysWhat() throws IOException {
        Files.writeString(directory.resolve("shaping.toml"), """
                ["big.example"]
                idle_timeout = "3s"
                [[limit]]
                name = "mine"
                tenant = "mine"
                daily_limit = 2
                """);
        assertThat(written("shaping.toml", "community.toml")).contains(
                "gateway.shaping-base = [\"community.toml\"]  # penstock.toml:3",
                "shaping.default.connection_limit = 10  # community.toml:2",
                "shaping.\"big.example\".connection_limit = 5  # community.toml:5",
                "shaping.\"big.example\".idle_timeout = \"3s\"  # shaping.toml:2",
                "shaping.\"big.example\".max_message_rate = \"100/s\"  # community.toml:3",
                "shaping.\"big.example\".additional_connection_limits.a = 1  # community.toml:7",
                "shaping.provider.\"big\".provider_connection_limit = 7  # community.toml:16",
                "shaping.limit[0].daily_limit = 2  # shaping.toml:6",
                "shaping.limit[1].daily_limit = 1000  # community.toml:20",
                "shaping.limit[2].max_message_rate = \"500/s\"  # community.toml:23").doesNotHaveDuplicates();
    }

    @Test
    void aFileUnderNoneOrNamedTwiceIsAnError() throws IOException {
        Files.writeString(directory.resolve("shaping.toml"), "# nothing\n");
        assertThat(problems("", "community.toml")).singleElement().asString()
                .contains("penstock.toml:3", "lies under shaping-file, and none is named");
        assertThat(problems("shaping.toml", "shaping.toml")).singleElement().asString().contains("is named twice");
        assertThat(problems("shaping.toml", "nowhere.toml")).singleElement().asString().contains("there is no file");
    }

    private List<String> written(String shaping, String base) throws IOException {
        Places places = new Places();
        return switch (ConfigReader.read(config(shaping, base), places)) {
            case ConfigReader.Invalid(List<Problem> problems) -> throw new AssertionError(problems);
            case ConfigReader.Valid valid -> EffectiveConfig.of(valid.config(), places).stream()
                    .filter(setting -> !setting.isDefault()).map(LayeredShapingTest::line)
                    .map(line -> line.replace(directory + "/", "")).toList();
        };
    }

    private static String line(Setting setting) {
        return setting.text() + "  # " + setting.origin();
    }

    private List<Problem> problems(String shaping, String base) throws IOException {
        return switch (ConfigReader.read(config(shaping, base))) {
            case ConfigReader.Invalid(List<Problem> problems) -> problems;
            case ConfigReader.Valid valid -> throw new AssertionError(valid);
        };
    }

    private Path config(String shaping, String base) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                shaping-file = "%s"
                shaping-base = ["%s"]
                """.formatted(shaping.isEmpty() ? "" : directory.resolve(shaping), directory.resolve(base)));
    }

    private static ShapingSection section(ShapingConfig config) {
        ShapingSection section = config.rules().sections().get("big.example");
        assertThat(section).isNotNull();
        return section == null ? ShapingSection.NONE : section;
    }
}

package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PoolReaderTest {
    private static final String SOURCES = """
            [source."ip-17"]
            [source."ip-18"]
            """;

    @TempDir
    Path directory;

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), SOURCES + text);
    }

    private List<String> problems(String text) throws IOException {
        return switch (Schemas.read(write(text))) {
            case ConfigReader.Valid _ -> List.of();
            case ConfigReader.Invalid invalid -> invalid.problems().stream().map(Problem::toString)
                    .map(problem -> problem.substring(problem.indexOf("penstock.toml"))).toList();
        };
    }

    @Test
    void poolsAreReadWithAllTheirKeys() throws IOException {
        Path file = write("""
                [pool.marketing]
                sources = { "ip-17" = 4, "ip-18" = 3, default = 1 }
                tenants = ["shop"]
                campaigns = ["club/spring", "*/sum/mer"]
                [pool."v.i.p"]
                sticky = false
                [pool."v.i.p".sources]
                ip-18 = 1
                [delivery]
                pool = "marketing"
                """);
        GatewayConfig config = ((ConfigReader.Valid) Schemas.read(file)).config();
        assertThat(config.pools()).isEqualTo(Map.of(
                "marketing", new PoolConfig(Map.of("ip-17", 4, "ip-18", 3, "default", 1), true, List.of("shop"),
                        List.of("club/spring", "*/sum/mer")),
                "v.i.p", new PoolConfig(Map.of("ip-18", 1), false, List.of(), List.of())));
        assertThat(config.delivery().pool()).isEqualTo("marketing");
    }

    @Test
    void everythingWrongIsToldWithItsPlace() throws IOException {
        assertThat(problems("""
                [pool.a]
                sources = { "ip-17" = 0, "ip-177" = 1, "ip-18" = "much" }
                tenants = ["shop", ""]
                [pool.b]
                sources = {}
                sticky = "yes"
                [pool.c]
                tenants = ["shop"]
                campaigns = ["spring", "*/spring"]
                colour = "red"
                [pool."d d"]
                sources = ["ip-17"]
                [delivery]
                pool = "aa"
                """)).containsExactly(
                "penstock.toml:4:13: pool.a.sources.ip-17: 0 is out of range; allowed: 1 to 1000000",
                "penstock.toml:4:26: pool.a.sources.ip-177: there is no source \"ip-177\"; allowed: \"default\", or one "
                        + "that has a table [source.\"ip-177\"]; did you mean \"ip-17\"?",
                "penstock.toml:4:40: pool.a.sources.ip-18: expected a whole number from 1 to 1000000, found a text",
                "penstock.toml:5:20: pool.a.tenants[1]: \"\": expected a name of 1 to 257 characters",
                "penstock.toml:7:1: pool.b.sources: at least one source is needed",
                "penstock.toml:8:1: pool.b.sticky: expected true or false, found a text",
                "penstock.toml:9:1: pool.c: sources is missing; expected a table like { \"ip-17\" = 4, \"ip-18\" = 3 }",
                "penstock.toml:10:1: pool.c.tenants: \"shop\" stands in pool \"a\" already; allowed: in one",
                "penstock.toml:11:1: pool.c.campaigns: \"*/spring\" stands in pool \"c\" already; allowed: in one",
                "penstock.toml:12:1: pool.c.colour: unknown key; allowed here: sources, sticky, tenants, campaigns",
                "penstock.toml:13:1: pool.\"d d\": expected a name of 1 to 64 letters, digits, dots, hyphens and "
                        + "underscores, a letter or digit first",
                "penstock.toml:14:1: pool.\"d d\".sources: expected a table, written [pool.\"d d\".sources], found an "
                        + "array",
                "penstock.toml:16:1: delivery.pool: there is no pool \"aa\"; allowed: \"default\", or one that has a "
                        + "table [pool.\"aa\"]; did you mean \"a\"?");
    }
}

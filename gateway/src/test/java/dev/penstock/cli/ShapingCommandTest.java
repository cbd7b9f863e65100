package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import dev.penstock.routing.ZoneServer;

/** {@code penstock shaping}: what people read. */
class ShapingCommandTest {
    private static final String SHAPING = """
            ["default"]
            connection_limit = 10
            max_message_rate = "100/s"

            [provider."google"]
            max_message_rate = "20/s"
            provider_connection_limit = 5

            ["big.example"]
            idle_timeout = "3s"

            [[limit]]
            name = "acme"
            tenant = "acme"
            daily_limit = 1000
            """;
    private static final String NO_ONES_PORT = "127.0.0.1:9";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    Path directory;
    private Path shaping;

    @BeforeEach
    void write() throws IOException {
        shaping = Files.writeString(directory.resolve("shaping.toml"), SHAPING);
    }

    private Path config(String server) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), """
                gateway.shaping-file = "%s"
                [dns]
                servers = ["%s"]
                """.formatted(shaping, server));
    }

    private int run(String... arguments) {
        out.reset();
        err.reset();
        List<String> all = new ArrayList<>(List.of("shaping"));
        all.addAll(List.of(arguments));
        return Main.execute(config -> {
            throw new AssertionError("nothing is started: " + config);
        }, (_, _) -> {}, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), all.toArray(String[]::new));
    }

    private List<String> out() {
        return out.toString(StandardCharsets.UTF_8).replace(directory + "/", "").lines().toList();
    }

    private List<String> err() {
        return err.toString(StandardCharsets.UTF_8).replace(directory + "/", "").lines().toList();
    }

    private static void mx(ZoneServer zone, String domain, String host) throws IOException {
        zone.add(new ARecord(Name.fromString(host + "."), DClass.IN, 60, InetAddress.ofLiteral("192.0.2.1")));
        zone.add(new MXRecord(Name.fromString(domain + "."), DClass.IN, 60, 10, Name.fromString(host + ".")));
    }

    @Test
    void explainSaysWhatHoldsWhereItIsWrittenAndWhatBinds() throws IOException {
        assertThat(run("explain", "Some.example", "-c", config(NO_ONES_PORT).toString(), "--source", "ip-1", "--tenant",
                "acme", "--site", "mx1.google.com,MX2.google.com.")).isEqualTo(ExitCode.OK);
        assertThat(out()).contains(
                "domain     some.example",
                "site       (mx1|mx2).google.com: mx1.google.com, mx2.google.com",
                "provider   google, by {MXSuffix = \".google.com\"}",
                "shaped as  ip-1->(mx1|mx2).google.com, with all domains of the site",
                "sections   [default], then [provider.google]",
                "connection_limit = 10  # shaping.toml:2 [default]",
                "max_message_rate = \"20/s\"  # shaping.toml:6 [provider.google], over \"100/s\" at shaping.toml:3 [default]",
                "idle_timeout = \"5s\"  # built in",
                "shared: provider_connection_limit of ip-1->google: 5  # shaping.toml:7",
                "shared: acme.daily_limit: 1000/day in UTC  # shaping.toml:13")
                .anyMatch(line -> line.startsWith("binds: acme.daily_limit 1000/day in UTC (shaping.toml:13), 0.0116 "
                        + "messages/s; its 5 sessions"));
    }

    @Test
    void explainAndCheckKnowTheFilesUnderIt() throws IOException {
        Path base = Files.writeString(directory.resolve("community.toml"), """
                ["default"]
                connection_limit = 30
                idle_timeout = "7s"
                """);
        Path config = config(NO_ONES_PORT);
        Files.writeString(config, "gateway.shaping-base = [\"" + base + "\"]\n" + Files.readString(config));
        assertThat(run("explain", "some.example", "-c", config.toString(), "--site", "mx.example.net"))
                .isEqualTo(ExitCode.OK);
        assertThat(out()).contains("sections   [default]",
                "connection_limit = 10  # shaping.toml:2 [default], over 30 at community.toml:2 [default]",
                "idle_timeout = \"7s\"  # community.toml:3 [default]");

        Files.writeString(base, "[\"default\"]\nconnection_limit = 0\n");
        assertThat(run("check", shaping.toString(), "--base", base.toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(err()).first().asString().startsWith("community.toml:2:1: default.connection_limit: 0 is");
        assertThat(run("check", shaping.toString())).isEqualTo(ExitCode.OK);
    }

    @Test
    void explainAsksTheDnsForTheDomainAndForThoseOfTheFile() throws IOException {
        try (ZoneServer zone = new ZoneServer(0).start()) {
            mx(zone, "big.example", "mx.hosts.example");
            mx(zone, "customer.example", "mx.hosts.example");
            String config = config(zone.server()).toString();
            assertThat(run("explain", "customer.example", "-c", config)).isEqualTo(ExitCode.OK);
            assertThat(out()).contains("provider   none",
                    "idle_timeout = \"3s\"  # shaping.toml:10 [\"big.example\"]");
            assertThat(run("explain", "nobody.example", "-c", config)).isEqualTo(1);
            assertThat(err()).singleElement().asString().startsWith("penstock: nobody.example: no mail goes there: ");
        }
    }

    @Test
    void explainGivesAnObjectToPrograms() throws IOException {
        assertThat(run("explain", "some.example", "-c", config(NO_ONES_PORT).toString(), "--json", "--site",
                "mx.google.com")).isEqualTo(ExitCode.OK);
        JsonNode object = JsonMapper.builder().build().readTree(out.toString(StandardCharsets.UTF_8));
        assertThat(object.get("provider").asString()).isEqualTo("google");
        assertThat(object.get("shared").get(0).get("scope").asString()).isEqualTo("default->google");
        JsonNode rate = object.get("settings").get(1);
        assertThat(rate.get("key").asString()).isEqualTo("max_message_rate");
        assertThat(rate.get("value").asString()).isEqualTo("\"20/s\"");
        assertThat(rate.get("place").asString()).endsWith("shaping.toml:6");
        assertThat(rate.get("overrides").get(0).asString()).startsWith("\"100/s\" at ");
    }

    @Test
    void checkNamesEveryError() throws IOException {
        assertThat(run("check", shaping.toString())).isEqualTo(ExitCode.OK);
        assertThat(out()).containsExactly(
                "shaping.toml: valid, 1 section, 1 provider, 1 shared limit, 0 automation blocks");
        Files.writeString(shaping, "[\"a.example\"]\nconnection_limit = 0\nmax_mesage_rate = \"1/s\"\n");
        assertThat(run("check", shaping.toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(err()).hasSize(3)
                .anyMatch(
                        line -> line.startsWith("shaping.toml:2:1: \"a.example\".connection_limit: 0 is out of range"))
                .anyMatch(line -> line.contains("did you mean max_message_rate?"))
                .contains("shaping.toml: 2 errors");
    }

    @Test
    void checkAsksTheDnsWhatIsDoubtful() throws IOException {
        Files.writeString(shaping, SHAPING + "[\"other.example\"]\nidle_timeout = \"4s\"\n[\"none.example\"]\n"
                + "idle_timeout = \"4s\"\n");
        try (ZoneServer zone = new ZoneServer(0).start()) {
            mx(zone, "big.example", "mx.hosts.example");
            mx(zone, "other.example", "mx.hosts.example");
            assertThat(run("check", shaping.toString(), "-c", config(zone.server()).toString()))
                    .isEqualTo(ExitCode.OK);
            assertThat(err()).hasSize(2).anyMatch(line -> line.startsWith("warning: aliased_site: shaping.toml:10"))
                    .anyMatch(line -> line.startsWith("warning: no site: shaping.toml:19 [\"none.example\"]"));
        }
    }

    @Test
    void diffSaysWhatGetsFasterOrSlowerForSectionsAndDomains() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"),
                SHAPING.replace("\"20/s\"", "\"30/s\"").replace("provider_connection_limit = 5",
                        "provider_connection_limit = 4"));
        Path domains = Files.writeString(directory.resolve("domains"),
                "# ours\nSome.example mx1.google.com, mx2.google.com\nother.example mx.example.net\n");
        assertThat(run("diff", shaping.toString(), shaping.toString())).isEqualTo(ExitCode.OK);
        assertThat(out()).isEmpty();
        assertThat(run("diff", shaping.toString(), next.toString(), "--domains", domains.toString())).isEqualTo(1);
        assertThat(out()).containsExactly(
                "[provider.\"google\"] max_message_rate: \"20/s\" -> \"30/s\", faster",
                "[provider.\"google\"] provider_connection_limit: 5 -> 4, slower", "",
                "some.example max_message_rate: \"20/s\" -> \"30/s\", faster",
                "some.example provider_connection_limit of default->google: 5 -> 4, slower");
    }
}

package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.EffectiveConfig.Setting;

class EffectiveConfigTest {
    @TempDir
    Path directory;

    @Test
    void eachKeyIsShownWithThePlaceWhereItIsWritten() throws IOException {
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 7

                ["Example.com"]
                max_message_rate = "20/s"
                enable_tls = "Required"
                [me.example]
                """.replace("[me.example]", "[\"me.example\"]\nreplace_base = true"));
        assertThat(written("""
                [gateway]
                hostname = "MX.example.net"
                shaping-file = '%s'
                [[listener]]
                address = "127.0.0.1:2600"
                tenant = "shop"
                [[listener]]
                addresses = ["127.0.0.1:2601"]
                withheld = ["dsn"]
                limits = { max-sessions = 5 }
                [inbound.clients]
                session-rate = "10/s"
                [routes."Example.ORG"]
                hosts = ["mx.internal"]
                [local.intern]
                maildir = "/var/mail/{local}"
                maildir-create = false
                verify = "none"
                [events]
                compression = "gzip"
                [[policy.relay]]
                action = "refuse"
                networks = ["192.0.2.0/24"]
                [policy.callout]
                url = "http://127.0.0.1:1/"
                authorization = "Bearer s3cret"
                """.formatted(shaping))).containsExactly(
                "gateway.hostname = \"mx.example.net\"  # penstock.toml:2",
                "gateway.shaping-file = \"shaping.toml\"  # penstock.toml:3",
                "listener[0].addresses = [\"127.0.0.1:2600\"]  # penstock.toml:5",
                "listener[0].tenant = \"shop\"  # penstock.toml:6",
                "listener[1].addresses = [\"127.0.0.1:2601\"]  # penstock.toml:8",
                "listener[1].withheld = [\"DSN\"]  # penstock.toml:9",
                "listener[1].limits.max-sessions = 5  # penstock.toml:10",
                "inbound.clients.session-rate = \"10/s\"  # penstock.toml:12",
                "routes.\"example.org\".hosts = [\"mx.internal\"]  # penstock.toml:14",
                "local.\"intern\".maildir = \"/var/mail/{local}\"  # penstock.toml:16",
                "local.\"intern\".maildir-create = false  # penstock.toml:17",
                "local.\"intern\".verify = \"none\"  # penstock.toml:18",
                "events.compression = \"gzip\"  # penstock.toml:20",
                "policy.relay[0].action = \"refuse\"  # penstock.toml:22",
                "policy.relay[0].networks = [\"192.0.2.0/24\"]  # penstock.toml:23",
                "policy.callout.url = \"http://127.0.0.1:1/\"  # penstock.toml:25",
                "policy.callout.authorization = \"********\"  # penstock.toml:26",
                "shaping.default.connection_limit = 7  # shaping.toml:2",
                "shaping.\"example.com\".connection_limit = 7  # shaping.toml:2",
                "shaping.\"example.com\".max_message_rate = \"20/s\"  # shaping.toml:5",
                "shaping.\"example.com\".enable_tls = \"Required\"  # shaping.toml:6");
    }

    /** Each lies over other sections, so it is shown as it is written. */
    @Test
    void whatTheShapingFileSaysOfProvidersAndSourcesIsShownToo() throws IOException {
        Path shaping = Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 7
                additional_message_rate_throttles = { hourly = "900/h" }
                [provider."apple"]
                match = [ {MXSuffix=".icloud.com"} ]
                provider_connection_limit = 2
                smtp_auth_plain_username = "smart"
                smtp_auth_plain_password = "s3cret"
                [provider."apple".sources."ip-2"]
                enable_tls = "Required"
                ["example.com"]
                additional_connection_limits = { daily = 3 }
                ["example.com".sources."ip-2"]
                connection_limit = 1
                """);
        assertThat(written("gateway.shaping-file = '" + shaping + "'")).contains(
                "shaping.provider.\"apple\".provider_connection_limit = 2  # shaping.toml:6",
                "shaping.provider.\"apple\".sources.\"ip-2\".enable_tls = \"Required\"  # shaping.toml:10",
                "shaping.default.additional_message_rate_throttles.hourly = \"900/h\"  # shaping.toml:3",
                "shaping.\"example.com\".additional_connection_limits.daily = 3  # shaping.toml:12",
                "shaping.\"example.com\".sources.\"ip-2\".connection_limit = 1  # shaping.toml:14",
                "shaping.provider.\"apple\".smtp_auth_plain_password = \"********\"  # shaping.toml:8")
                .noneMatch(line -> line.contains("s3cret")).doesNotHaveDuplicates();
    }

    @Test
    void aRoutesPasswordIsNotShown() throws IOException {
        Path password = Files.writeString(directory.resolve("password"), "fr0mfile\n");
        assertThat(written("""
                [routes."*"]
                hosts = ["smart.example:587"]
                user = "smart"
                password = "s3cret"
                [routes."b.example"]
                hosts = ["smart.example:587"]
                user = "smart"
                password-file = '%s'
                """.formatted(password))).contains("routes.\"*\".user = \"smart\"  # penstock.toml:3",
                "routes.\"*\".password = \"********\"  # penstock.toml:4").noneMatch(
                        line -> line.contains("s3cret") || line.contains("fr0mfile"));
    }

    @Test
    void whatIsWrittenNowhereIsADefault() {
        List<Setting> settings = EffectiveConfig.of(GatewayConfig.embedded("mx.example.net"), new Places());
        assertThat(settings).allMatch(Setting::isDefault);
        assertThat(settings).extracting(Setting::text).contains("inbound.max-message-size = 10240000",
                "dns.ignore-networks = [\"loopback\", \"link-local\", \"unspecified\", \"own\"]",
                "shaping.default.max_message_rate = \"none\"");
        assertThat(settings).extracting(Setting::key).doesNotHaveDuplicates()
                .doesNotContain("listener[0].limits.max-sessions");
    }

    @Test
    void settingsAreJsonToo() throws IOException {
        assertThat(settings("""
                http.port = 0
                queue.retry-intervals = ["1m", "5m"]
                """).stream().filter(setting -> !setting.isDefault()).map(Setting::json)
                .map(json -> json.replace(directory + "/", ""))).containsExactly(
                        "{\"key\":\"queue.retry-intervals\",\"value\":[\"1m\",\"5m\"],\"origin\":\"file\","
                                + "\"file\":\"penstock.toml\",\"line\":2}",
                        "{\"key\":\"http.port\",\"value\":0,\"origin\":\"file\",\"file\":\"penstock.toml\",\"line\":1}");
        assertThat(settings("").getFirst().json())
                .matches("\\{\"key\":\"gateway.hostname\",.*,\"origin\":\"default\"}");
    }

    private List<String> written(String text) throws IOException {
        return settings(text).stream().filter(setting -> !setting.isDefault())
                .map(setting -> setting.text() + "  # " + setting.origin())
                .map(line -> line.replace(directory + "/", ""))
                .toList();
    }

    private List<Setting> settings(String text) throws IOException {
        Places places = new Places();
        Valid valid = (Valid) ConfigReader.read(Files.writeString(directory.resolve("penstock.toml"), text), places);
        return EffectiveConfig.of(valid.config(), places);
    }
}

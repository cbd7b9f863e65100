package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;

/** Keys of a section that say how sessions are spoken: what is inherited, taken back, wrong, or of no effect. */
class PathKeysReaderTest {
    @TempDir
    Path directory;

    private ConfigReader.Result read(String shaping) throws IOException {
        Path file = Files.writeString(directory.resolve("shaping.toml"), shaping);
        return Schemas.read(Files.writeString(directory.resolve("penstock.toml"),
                "[gateway]\nshaping-file = '" + file + "'\n"));
    }

    private List<String> errors(String shaping) throws IOException {
        ConfigReader.Result result = read(shaping);
        assertThat(result).isInstanceOf(Invalid.class);
        return ((Invalid) result).problems().stream().map(each -> each.toString().replace(directory + "/", ""))
                .toList();
    }

    private Valid valid(String shaping) throws IOException {
        ConfigReader.Result result = read(shaping);
        assertThat(result).isInstanceOf(Valid.class);
        return (Valid) result;
    }

    @Test
    void aSectionInheritsAndTakesBack() throws IOException {
        ShapingConfig shaping = valid("""
                ["default"]
                banner_timeout = "20s"
                max_recipients_per_batch = 5
                skip_hosts = ["10.0.0.0/8"]
                ehlo_domain = "bulk.example"
                ["a.example"]
                mx_rollup = false
                connection_limit = 3
                ["b.example"]
                mx_rollup = false
                banner_timeout = ""
                max_recipients_per_batch = 0
                skip_hosts = []
                ehlo_domain = ""
                """).config().shaping();
        TrafficLimits inherits = Objects.requireNonNull(shaping.sections().get("a.example"));
        assertThat(inherits.bannerTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(inherits.maxRecipientsPerBatch()).isEqualTo(5);
        assertThat(inherits.skipHosts()).containsExactly("10.0.0.0/8");
        assertThat(inherits.ehloDomain()).isEqualTo("bulk.example");
        TrafficLimits own = Objects.requireNonNull(shaping.sections().get("b.example"));
        assertThat(own).isEqualTo(TrafficLimits.DEFAULT);
    }

    @Test
    void everyWrongValueIsNamed() throws IOException {
        assertThat(errors("""
                ["default"]
                banner_timeout = "soon"
                data_timeout = "2h"
                data_dot_timeout = 30
                max_recipients_per_batch = -1
                smtp_port = 70000
                ehlo_domain = "not a name"
                enable_rset = "no"
                ip_lookup_strategy = "Ipv5Only"
                skip_hosts = ["10.0.0.1/8", "everywhere"]
                reconnect_strategy = "Wait"
                smtp_auth_plain_username = "smart"
                remember_broken_tls = "40d"
                """)).containsExactly(
                "shaping.toml:2:1: default.banner_timeout: \"soon\": expected a duration like 300ms, 30s, 5m, 2h30m or 5d",
                "shaping.toml:3:1: default.data_timeout: \"2h\": out of range; allowed: 1ms to 1h",
                "shaping.toml:4:1: default.data_dot_timeout: expected a duration in quotes, 1ms to 1h, found the number 30",
                "shaping.toml:5:1: default.max_recipients_per_batch: -1 is out of range; allowed: 0 to 50000",
                "shaping.toml:6:1: default.smtp_port: 70000 is out of range; allowed: 0 to 65535",
                "shaping.toml:7:1: default.ehlo_domain: \"not a name\": expected a domain name like example.com: labels of "
                        + "1 to 63 letters, digits and hyphens",
                "shaping.toml:8:1: default.enable_rset: expected true or false, found a text",
                "shaping.toml:9:1: default.ip_lookup_strategy: \"Ipv5Only\": unknown; allowed: \"Ipv4AndIpv6\", \"Ipv4Only\", "
                        + "\"Ipv6Only\", \"Ipv6ThenIpv4\", \"Ipv4ThenIpv6\"",
                "shaping.toml:10:15: default.skip_hosts[0]: \"10.0.0.1/8\": the address has bits set beyond the prefix "
                        + "length; write the network's first address",
                "shaping.toml:10:29: default.skip_hosts[1]: \"everywhere\": expected a network like 10.0.0.0/8 or "
                        + "2001:db8::/32",
                "shaping.toml:11:1: default.reconnect_strategy: \"Wait\": unknown; allowed: \"TerminateSession\", "
                        + "\"ReconnectSameHost\", \"ConnectNextHost\"",
                "shaping.toml:12:1: default.smtp_auth_plain_username: needs smtp_auth_plain_password as well",
                "shaping.toml:13:1: default.remember_broken_tls: \"40d\": out of range; allowed: 1s to 30d");
    }

    @Test
    void aPasswordIsNeitherShownNorRepeatedAndIsWarnedOf() throws IOException {
        assertThat(errors(
                "[\"default\"]\nsmtp_auth_plain_username = \"smart\"\nsmtp_auth_plain_password = \"s3c\\nret\"\n"))
                .noneMatch(error -> error.contains("s3c"));
        Places places = new Places();
        Path file = directory.resolve("penstock.toml");
        Valid valid = valid(
                "[\"default\"]\nsmtp_auth_plain_username = \"smart\"\nsmtp_auth_plain_password = \"s3cret\"\n");
        assertThat(valid.warnings()).singleElement().asString()
                .contains("default.smtp_auth_plain_password: stands here for everybody who may read the limits");
        ConfigReader.read(file, places);
        assertThat(EffectiveConfig.of(valid.config(), places))
                .filteredOn(each -> each.key().contains("smtp_auth_plain"))
                .extracting(EffectiveConfig.Setting::text)
                .contains("shaping.default.smtp_auth_plain_password = \"********\"")
                .noneMatch(text -> text.contains("s3cret"));
        assertThat(valid.config().toString()).doesNotContain("s3cret");
    }

    @Test
    void eachKeyWithoutCounterpartIsNamedWithItsReason() throws IOException {
        StringBuilder text = new StringBuilder("[\"default\"]\n");
        NoCounterpart.keys().forEach(key -> text.append(key).append(" = \"x\"\n"));
        assertThat(valid(text.toString()).warnings()).hasSize(NoCounterpart.keys().size())
                .allMatch(warning -> warning.message()
                        .equals(NoCounterpart.why(warning.key().substring("default.".length()))));
    }
}

package dev.penstock.config;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.units.MailClass;

/** The tables of tenants, campaigns and curfews. */
class TenantReaderTest {
    @TempDir
    Path directory;

    private Path write(String text) throws IOException {
        return Files.writeString(directory.resolve("penstock.toml"), text);
    }

    private GatewayConfig valid(String text) throws IOException {
        return ((ConfigReader.Valid) Schemas.read(write(text))).config();
    }

    private List<String> problems(String text) throws IOException {
        return switch (Schemas.read(write(text))) {
            case ConfigReader.Valid _ -> List.of();
            case ConfigReader.Invalid invalid -> invalid.problems().stream().map(Problem::toString)
                    .map(problem -> problem.substring(problem.indexOf("penstock.toml"))).toList();
        };
    }

    @Test
    void aCampaignOfOneTenantComesBeforeThatOfAny() throws IOException {
        TenantRules rules = TenantRules.of(valid("""
                [tenant.shop]
                weight = 3
                [tenant."*"]
                queue-limit = 7
                [campaign."shop/spring"]
                weight = 5
                [campaign.spring]
                mail-class = "transactional"
                [campaign."*/a/b"]
                weight = 9
                """));
        assertThat(rules.tenant("shop").weight()).isEqualTo(3);
        assertThat(rules.tenant("shop").queueLimit()).as("a table of its own holds alone").isZero();
        assertThat(rules.tenant("news").queueLimit()).isEqualTo(7);
        assertThat(rules.tenant("").queueLimit()).as("mail without a tenant").isZero();
        assertThat(rules.campaign("shop", "spring").weight()).isEqualTo(5);
        assertThat(rules.campaign("news", "spring").weight()).isEqualTo(1);
        assertThat(rules.campaign("any", "a/b").weight()).isEqualTo(9);
        assertThat(rules.mailClass("news", "spring")).isEqualTo(MailClass.TRANSACTIONAL);
        assertThat(rules.mailClass("shop", "spring")).isNull();
        assertThat(rules.campaign("shop", "")).isEqualTo(CampaignConfig.DEFAULT);
    }

    @Test
    void aCurfewThatSaysLittleBindsAllBulkOnAllDays() throws IOException {
        CurfewConfig night = requireNonNull(valid("""
                [curfew.night]
                from = "22:00"
                to = "24:00"
                """).curfews().get("night"));
        assertThat(night).isEqualTo(CurfewConfig.DEFAULT.with(CurfewConfig.FROM, LocalTime.of(22, 0)));
        assertThat(night.days()).isEqualTo(Set.of(DayOfWeek.values()));
        assertThat(night.classes()).containsExactly(MailClass.BULK);
        assertThat(valid("").curfews()).isEqualTo(Map.of());
    }

    @Test
    void everythingWrongIsToldWithItsPlace() throws IOException {
        assertThat(problems("""
                [tenant.shop]
                weight = 0
                mail-class = "soon"
                queue-limit = -1
                accept-rate = "5/h,max_burst=2"
                colour = "red"
                [tenant.""]
                [campaign."shop/spring"]
                weight = 1001
                queue-limit = 5
                """)).containsExactly(
                "penstock.toml:2:1: tenant.shop.weight: 0 is out of range; allowed: 1 to 1000",
                "penstock.toml:3:1: tenant.shop.mail-class: \"soon\": unknown; allowed: \"bulk\", \"transactional\"",
                "penstock.toml:4:1: tenant.shop.queue-limit: -1 is out of range; allowed: 0 to 2147483647",
                "penstock.toml:5:1: tenant.shop.accept-rate: max_burst isn't allowed here: the whole count may come at "
                        + "once",
                "penstock.toml:6:1: tenant.shop.colour: unknown key; allowed here: weight, mail-class, queue-limit, "
                        + "queue-octets, accept-rate",
                "penstock.toml:7:1: tenant.\"\": expected a name of 1 to 257 characters",
                "penstock.toml:9:1: campaign.\"shop/spring\".weight: 1001 is out of range; allowed: 1 to 1000",
                "penstock.toml:10:1: campaign.\"shop/spring\".queue-limit: unknown key; allowed here: weight, mail-class");
    }

    @Test
    void everythingWrongWithACurfewIsToldWithItsPlace() throws IOException {
        assertThat(problems("""
                [source.ip-1]
                [pool.marketing]
                sources = { ip-1 = 1 }
                [curfew.a]
                from = "25:00"
                to = "6"
                days = ["mon", "monday"]
                classes = []
                time-zone = "Berlin"
                [curfew.b]
                tenants = [""]
                pools = ["marketin", "default"]
                providers = ["gogle"]
                days = []
                to = "06:00"
                [curfew.c]
                from = "00:00"
                to = "24:00"
                [curfew.d]
                from = "00:00"
                to = "00:00"
                days = ["sat", "sun"]
                [curfew."e e"]
                from = "00:00"
                to = "06:00"
                """)).containsExactly(
                "penstock.toml:5:1: curfew.a.from: \"25:00\": expected a time of day like \"22:00\", up to \"24:00\"",
                "penstock.toml:6:1: curfew.a.to: \"6\": expected a time of day like \"22:00\", up to \"24:00\"",
                "penstock.toml:7:16: curfew.a.days[1]: \"monday\": unknown; allowed: \"mon\", \"tue\", \"wed\", \"thu\", "
                        + "\"fri\", \"sat\", \"sun\"",
                "penstock.toml:8:1: curfew.a.classes: at least one is needed",
                "penstock.toml:9:1: curfew.a.time-zone: \"Berlin\": no time zone; expected one like \"UTC\", \"+01:00\" "
                        + "or \"Europe/Berlin\"",
                "penstock.toml:11:1: curfew.b.from: is missing; expected a time of day like \"22:00\"",
                "penstock.toml:11:12: curfew.b.tenants[0]: \"\": expected a name of 1 to 257 characters",
                "penstock.toml:12:1: curfew.b.pools: there is no pool \"marketin\"; did you mean \"marketing\"?",
                "penstock.toml:13:1: curfew.b.providers: there is no provider \"gogle\"; did you mean \"google\"?",
                "penstock.toml:14:1: curfew.b.days: at least one is needed",
                "penstock.toml:18:1: curfew.c.to: it would never end: from and to are the same, on all days",
                "penstock.toml:23:1: curfew.\"e e\": expected a name of 1 to 64 letters, digits, dots, hyphens and "
                        + "underscores, a letter or digit first");
    }
}

package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ProviderMatch;
import dev.penstock.config.ProviderMatch.Kind;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Providers.Found;

/** Whose a domain is, by its hosts and its name. */
class ProvidersTest {
    private static final Providers KNOWN = new Providers(ShapingConfig.DEFAULT.providers());
    private static final List<Kind> KINDS = List.of(Kind.values());

    @ParameterizedTest
    @CsvSource({"google, gmail-smtp-in.l.google.com alt1.gmail-smtp-in.l.google.com alt4.gmail-smtp-in.l.google.com",
        "google, aspmx.l.google.com alt1.aspmx.l.google.com aspmx2.googlemail.com aspmx3.googlemail.com",
        "google, smtp.google.com", "yahoo, mta5.am0.yahoodns.net mta6.am0.yahoodns.net mta7.am0.yahoodns.net",
        "outlook, outlook-com.olc.protection.outlook.com", "outlook, hotmail-com.olc.protection.outlook.com",
        "office365, example-com.mail.protection.outlook.com", "office365, example-com.u-v1.mx.microsoft",
        "apple, mx01.mail.icloud.com mx02.mail.icloud.com", "gmx, mx00.gmx.net mx01.gmx.net",
        "gmx, mx-ha02.web.de mx-ha03.web.de", "gmx, mx00.mail.com mx01.mail.com",
        "t-online, mx00.t-online.de mx01.t-online.de mx02.t-online.de mx03.t-online.de", "orange, smtp-in.orange.fr",
        "att, ff-ip4-mx-vip1.prodigy.net ff-ip4-mx-vip2.prodigy.net", "comcast, mx1a1.comcast.net mx2c1.comcast.net",
        "qq, mx1.qq.com mx2.qq.com mx3.qq.com", "qq, mxbiz1.qq.com mxbiz2.qq.com",
        "netease, 163mx01.mxmail.netease.com 163mx02.mxmail.netease.com",
        "netease, 126mx01.mxmail.netease.com", "mail.ru, mxs.mail.ru", "yandex, mx.yandex.ru",
        "yandex, mx.yandex.net", "zoho, mx.zoho.com mx2.zoho.com mx3.zoho.com",
        "proofpoint, mxa-00123456.gslb.pphosted.com mxb-00123456.gslb.pphosted.com",
        "proofpoint, mx1-us1.ppe-hosted.com mx2-us1.ppe-hosted.com",
        "mimecast, us-smtp-inbound-1.mimecast.com us-smtp-inbound-2.mimecast.com",
        "yahoo-japan, mx1.mail.yahoo.co.jp mx2.mail.yahoo.co.jp", "free, mx1.free.fr mx2.free.fr",
        "sfr, smtp-in.sfr.fr", "laposte, smtpz4.laposte.net", "kpn, mx1.kpnmail.nl",
        "barracuda, d1.ess.barracudanetworks.com d2.ess.barracudanetworks.com"})
    void theLargeProvidersAreKnownWithoutBeingTold(String provider, String hosts) {
        assertThat(KNOWN.name("example.org", site(hosts))).isEqualTo(provider);
    }

    @Test
    void aDomainWithHostsOfTwoProvidersIsNobodys() {
        assertThat(KNOWN.name("example.org", site("aspmx.l.google.com mx1.example.org"))).isEmpty();
        assertThat(KNOWN.name("example.org", site("aspmx.l.google.com mx01.mail.icloud.com"))).isEmpty();
    }

    @Test
    void aSuffixWithADotIsForTheNamesBelowIt() {
        Providers providers = of("p", new ProviderMatch(Kind.MX_SUFFIX, ".example.net"));
        assertThat(providers.name("a.example", site("mx.example.net"))).isEqualTo("p");
        assertThat(providers.name("a.example", site("example.net"))).isEmpty();
        assertThat(providers.name("a.example", site("mx.notexample.net"))).isEmpty();
        assertThat(providers.name("a.example", site("mx.example.net.evil.example"))).isEmpty();
    }

    @Test
    void oneWithoutIsForWhateverEndsSo() {
        Providers providers = of("p", new ProviderMatch(Kind.DOMAIN_SUFFIX, "example.net"));
        assertThat(providers.name("example.net", site("mx.a.example"))).isEqualTo("p");
        assertThat(providers.name("sub.example.net", site("mx.a.example"))).isEqualTo("p");
        assertThat(providers.name("notexample.net", site("mx.a.example"))).isEqualTo("p");
        assertThat(providers.name("a.example", site("mx.example.net"))).isEmpty();
    }

    @Test
    void aHostsNameComesBeforeTheDomainsEndAndThatBeforeTheHostsEnd() {
        Providers providers = new Providers(List.of(
                new ProviderConfig("suffix", List.of(new ProviderMatch(Kind.MX_SUFFIX, ".example.net"))),
                new ProviderConfig("domain", List.of(new ProviderMatch(Kind.DOMAIN_SUFFIX, ".gov"))),
                new ProviderConfig("host", List.of(new ProviderMatch(Kind.HOST_NAME, "special.example.net"),
                        new ProviderMatch(Kind.MX_SUFFIX, ".example.com")))));
        assertThat(providers.find("a.gov", site("special.example.net mx.example.com")))
                .isEqualTo(new Found("host", new ProviderMatch(Kind.HOST_NAME, "special.example.net")));
        assertThat(providers.find("a.gov", site("mx.example.net")))
                .isEqualTo(new Found("domain", new ProviderMatch(Kind.DOMAIN_SUFFIX, ".gov")));
        assertThat(providers.find("a.example", site("mx.example.net special.example.net")))
                .isEqualTo(new Found("suffix", new ProviderMatch(Kind.MX_SUFFIX, ".example.net")));
        assertThat(providers.find("a.example", site("mx.example.com")))
                .isEqualTo(new Found("host", new ProviderMatch(Kind.MX_SUFFIX, ".example.com")));
        assertThat(providers.find("a.example", site("special.example.net elsewhere.example"))).isNull();
    }

    @Test
    void amongEqualsTheFirstSectionWins() {
        ProviderConfig wide = new ProviderConfig("wide", List.of(new ProviderMatch(Kind.MX_SUFFIX, ".net")));
        ProviderConfig narrow = new ProviderConfig("narrow",
                List.of(new ProviderMatch(Kind.MX_SUFFIX, ".example.net")));
        assertThat(new Providers(List.of(wide, narrow)).name("a.example", site("mx.example.net"))).isEqualTo("wide");
        assertThat(new Providers(List.of(narrow, wide)).name("a.example", site("mx.example.net"))).isEqualTo("narrow");
    }

    @Test
    void theHostsOfAConfiguredRouteCountWithoutTheirPorts() {
        assertThat(KNOWN.name("a.example", Site.ofRoute(List.of("mx01.mail.icloud.com:2525", "mx02.mail.icloud.com"))))
                .isEqualTo("apple");
        assertThat(KNOWN.name("a.example", Site.ofRoute(List.of("[2001:db8::1]:25")))).isEmpty();
    }

    @Test
    void theIndexFindsWhatComparingWithEachRuleFinds() {
        for (int seed = 0; seed < 2_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            List<ProviderConfig> sections = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                List<ProviderMatch> matches = new ArrayList<>();
                for (int j = random.nextInt(4); j > 0; j--) {
                    Kind kind = KINDS.get(random.nextInt(KINDS.size()));
                    matches.add(new ProviderMatch(kind,
                            (kind == Kind.HOST_NAME || random.nextBoolean() ? "" : ".") + name(random)));
                }
                sections.add(new ProviderConfig("p" + i, matches));
            }
            String domain = name(random);
            List<String> hosts = new ArrayList<>();
            for (int i = 1 + random.nextInt(3); i > 0; i--) {
                hosts.add(name(random));
            }
            assertThat(new Providers(sections).name(domain, Site.ofHosts(hosts))).as("seed " + seed)
                    .isEqualTo(byHand(sections, domain, hosts));
        }
    }

    private static String byHand(List<ProviderConfig> sections, String domain, List<String> hosts) {
        for (Kind kind : Kind.values()) {
            for (ProviderConfig section : sections) {
                boolean all = hosts.stream().allMatch(host -> matches(section, Kind.HOST_NAME, host)
                        || matches(section, Kind.MX_SUFFIX, host));
                boolean found = switch (kind) {
                    case HOST_NAME -> all && hosts.stream().anyMatch(host -> matches(section, kind, host));
                    case DOMAIN_SUFFIX -> matches(section, kind, domain);
                    case MX_SUFFIX -> all;
                };
                if (found) {
                    return section.name();
                }
            }
        }
        return "";
    }

    private static boolean matches(ProviderConfig section, Kind kind, String text) {
        return section.match().stream().anyMatch(match -> match.kind() == kind
                && (kind == Kind.HOST_NAME ? text.equals(match.text()) : text.endsWith(match.text())));
    }

    private static String name(SplittableRandom random) {
        StringBuilder name = new StringBuilder();
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            name.append(name.isEmpty() ? "" : ".").append((char) ('a' + random.nextInt(2)));
        }
        return name.toString();
    }

    private static Providers of(String name, ProviderMatch... matches) {
        return new Providers(List.of(new ProviderConfig(name, List.of(matches))));
    }

    private static Site site(String hosts) {
        return Site.ofHosts(List.of(hosts.split(" ", -1)));
    }
}

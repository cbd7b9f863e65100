package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import dev.penstock.config.RouteConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.shaping.Shaper;

/** A site is its hosts: sets made so that their short names are the same share nothing. */
class SitesTest {
    /** The first of a million and a half second hosts whose short hash, 40 bits, had been there before. */
    private static final String FIRST = "mx-first-of-a-provider-with-long-names.inbound.mail.example.net";
    private static final List<String> ONE = List.of(FIRST, "mx-n1389166.inbound.mail.example.org");
    private static final List<String> OTHER = List.of(FIRST, "mx-n1473687.inbound.mail.example.org");

    private final Sites sites = new Sites();

    @Test
    void setsWhoseShortHashesClashAreTwoSitesWithNamesOfTheirOwn() {
        assertThat(Site.ofHosts(ONE).name()).as("made to clash").isEqualTo(Site.ofHosts(OTHER).name());
        Site one = sites.intern(Site.ofHosts(ONE));
        Site other = sites.intern(Site.ofHosts(OTHER));
        assertThat(one).isNotEqualTo(other);
        assertThat(one.name()).endsWith("+1~1ee672bc19");
        assertThat(other.name()).isNotEqualTo(one.name()).startsWith("mx-first").hasSize(SiteNames.MAX_LENGTH);
        assertThat(other.section()).as("a section for this name is meant for both").isEqualTo(one.section());
        assertThat(sites.intern(Site.ofHosts(OTHER))).isSameAs(other);
        assertThat(sites.intern(Site.ofHosts(ONE))).isSameAs(one);
    }

    @Test
    void signsOfTheShortFormInAHostNameMakeNoOtherSiteOfIt() {
        Site three = sites.intern(Site.ofHosts(List.of("a.example.net", "b.example.net", "c.example.net")));
        Site two = sites.intern(Site.ofHosts(List.of("a|b.example.net", "c.example.net")));
        Site spaced = sites.intern(Site.ofHosts(List.of("a.example.net 1", "b.example.net")));
        assertThat(two).isNotEqualTo(three);
        assertThat(two.name()).isNotEqualTo(three.name());
        assertThat(spaced.fullyNamed().name())
                .isNotEqualTo(Site.ofHosts(List.of("a.example.net", "1 b.example.net")).fullyNamed().name());
    }

    @Test
    void orderAndRepetitionOfHostsDontCount() {
        Site site = Site.ofHosts(List.of("b.example.net", "a.example.net", "b.example.net"));
        assertThat(site).isEqualTo(Site.ofHosts(List.of("a.example.net", "b.example.net")))
                .hasSameHashCodeAs(Site.ofHosts(List.of("a.example.net", "b.example.net")));
    }

    @Test
    void sitesThatClashDontShareALimit() {
        TrafficLimits single = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1)
                .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 100)
                .with(TrafficLimits.CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY, 3);
        Shaper shaper = new Shaper(new ShapingConfig(single, Map.of()), System::nanoTime);
        assertThat(shaper.use(Site.ofHosts(ONE))).isSameAs(shaper.use(Site.ofHosts(ONE)))
                .isNotSameAs(shaper.use(Site.ofHosts(OTHER)));
    }

    @Test
    void configuredRoutesWhoseNamesAreTheSameAreTwo() {
        ConfiguredRoute two = ConfiguredRoute.of("a.example",
                new RouteConfig(List.of("unix:/run/a", "unix:/run/b"), true), Routers.SMTP_PORT);
        ConfiguredRoute one = ConfiguredRoute.of("b.example",
                new RouteConfig(List.of("unix:/run/a,unix:/run/b"), true), Routers.SMTP_PORT);
        assertThat(two.site().name()).isEqualTo(one.site().name());
        assertThat(two.site()).isNotEqualTo(one.site());
        assertThat(two.key()).isNotEqualTo(one.key());
    }
}

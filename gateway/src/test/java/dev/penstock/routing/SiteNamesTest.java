package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

class SiteNamesTest {
    private static String of(List<String> hosts) {
        return Site.ofHosts(hosts).name();
    }

    @Test
    void oneHostIsItsOwnName() {
        assertThat(of(List.of("mx.example.net"))).isEqualTo("mx.example.net");
    }

    @Test
    void aCommonSuffixIsWrittenOnce() {
        assertThat(of(List.of("mx2.mail.example.net", "mx1.mail.example.net")))
                .isEqualTo("(mx1|mx2).mail.example.net");
    }

    @Test
    void aHostThatIsTheSuffixItselfIsMarkedByAQuestionMark() {
        assertThat(of(List.of("gmail-smtp-in.l.example.com", "alt1.gmail-smtp-in.l.example.com",
                "alt2.gmail-smtp-in.l.example.com"))).isEqualTo("(alt1|alt2)?.gmail-smtp-in.l.example.com");
        assertThat(of(List.of("example.com", "mx.example.com"))).isEqualTo("(mx)?.example.com");
    }

    @Test
    void hostsOfDifferentDomainsAreWrittenOut() {
        assertThat(of(List.of("mx.example.org", "mx.sample.org")))
                .isEqualTo("(mx.example.org|mx.sample.org)");
        assertThat(of(List.of("mx1.example.net", "xexample.net")))
                .as("a suffix ends at a dot").isEqualTo("(mx1.example.net|xexample.net)");
    }

    @Test
    void longSetsAreBoundedReadableAndDistinct() {
        Set<String> names = new HashSet<>();
        for (int extra = 0; extra < 100; extra++) {
            int last = 30 + extra;
            String name = of(IntStream.rangeClosed(0, last).mapToObj(i -> "host" + i + ".example.net").toList());
            assertThat(name).hasSizeLessThanOrEqualTo(SiteNames.MAX_LENGTH).startsWith("host0.example.net+" + last);
            names.add(name);
        }
        assertThat(names).hasSize(100);
        assertThat(of(List.of(("a".repeat(60) + ".").repeat(3) + "example")))
                .hasSizeLessThanOrEqualTo(SiteNames.MAX_LENGTH);
    }
}

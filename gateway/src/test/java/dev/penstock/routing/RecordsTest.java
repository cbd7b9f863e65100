package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Name;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.TXTRecord;

import dev.penstock.config.DnsConfig;
import dev.penstock.testing.Patience;

/** TXT, PTR and other records behind the routes' client, with a cache of their own. */
class RecordsTest {
    private final Routers at = new Routers();

    @AfterEach
    void close() {
        at.close();
    }

    @Test
    void theStringsOfARecordArePutTogetherAndRecordsKeptApart() throws Exception {
        Name name = Name.fromString("s1._domainkey.sender.example.");
        at.dns.add(new TXTRecord(name, DClass.IN, 300, List.of("v=DKIM1; p=AB", "CD")));
        at.dns.add(new TXTRecord(name, DClass.IN, 300, "other"));
        assertThat(find("S1._domainkey.sender.example.", RecordType.TXT).values())
                .containsExactlyInAnyOrder("v=DKIM1; p=ABCD", "other");
    }

    @Test
    void anAddressHasANameAndTheNameAnAddress() throws Exception {
        at.dns.add(new PTRRecord(Name.fromString("9.2.0.192.in-addr.arpa."), DClass.IN, 300,
                Name.fromString("OUT9.sender.example.")));
        at.dns.address("out9.sender.example", "192.0.2.9", "2001:db8::9");
        assertThat(find("9.2.0.192.in-addr.arpa", RecordType.PTR).values()).containsExactly("out9.sender.example");
        assertThat(find("out9.sender.example", RecordType.A).values()).containsExactly("192.0.2.9");
        assertThat(find("out9.sender.example", RecordType.AAAA).values()).containsExactly("2001:db8:0:0:0:0:0:9");
    }

    @Test
    void mailHostsComeInTheirOrder() {
        at.dns.mx("sender.example", 20, "second.sender.example").mx("sender.example", 10, "first.sender.example");
        assertThat(find("sender.example", RecordType.MX).values()).containsExactly("first.sender.example",
                "second.sender.example");
    }

    @Test
    void whatIsntThereIsAskedOncePerNegativeTime() {
        at.dns.negativeTtl(60);
        at.dns.address("sender.example", "192.0.2.1");
        assertThat(find("sender.example", RecordType.TXT).state()).isEqualTo(RecordSet.State.NO_RECORD);
        assertThat(find("nobody.example", RecordType.TXT).state()).isEqualTo(RecordSet.State.NO_NAME);
        find("sender.example", RecordType.TXT);
        assertThat(at.dns.count("TXT sender.example")).isEqualTo(1);
        at.advance(Duration.ofSeconds(61));
        find("sender.example", RecordType.TXT);
        assertThat(at.dns.count("TXT sender.example")).isEqualTo(2);
    }

    @Test
    void aThousandWhoAskAtOnceAskOneQuestion() {
        text("sender.example", "v=spf1 -all");
        CountDownLatch held = at.dns.hold("sender.example");
        List<CompletableFuture<RecordSet>> all = IntStream.range(0, 1_000)
                .mapToObj(_ -> at.router.records("sender.example", RecordType.TXT)).toList();
        held.countDown();
        assertThat(all).allSatisfy(
                one -> assertThat(one.orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join().values())
                        .containsExactly("v=spf1 -all"));
        assertThat(at.dns.count("TXT sender.example")).isEqualTo(1);
    }

    @Test
    void whatWasFoundServesPastItsTimeWhileOneAsksAnew() {
        text("sender.example", "v=spf1 -all");
        find("sender.example", RecordType.TXT);
        at.advance(Duration.ofSeconds(301));
        at.dns.remove("sender.example");
        text("sender.example", "v=spf1 ~all");
        assertThat(find("sender.example", RecordType.TXT).values()).as("at once").containsExactly("v=spf1 -all");
        await().untilAsserted(() -> assertThat(find("sender.example", RecordType.TXT).values())
                .containsExactly("v=spf1 ~all"));
        assertThat(at.dns.count("TXT sender.example")).isEqualTo(2);
    }

    @Test
    void anAnswerPastItsTimeServesOnWhileNobodyAnswersUntilItsStaleTimeEnds() {
        text("sender.example", "v=spf1 -all");
        find("sender.example", RecordType.TXT);
        at.dns.servfail("sender.example");
        at.advance(Duration.ofSeconds(301));
        assertThat(find("sender.example", RecordType.TXT).values()).containsExactly("v=spf1 -all");
        at.advance(Routers.CONFIG.staleTtl());
        RecordSet gone = find("sender.example", RecordType.TXT);
        assertThat(gone.state()).isEqualTo(RecordSet.State.UNKNOWN);
        assertThat(gone.why()).contains("SERVFAIL");
    }

    @Test
    void troubleIsKeptBriefly() {
        text("sender.example", "v=spf1 -all");
        at.dns.servfail("sender.example");
        assertThat(find("sender.example", RecordType.TXT).state()).isEqualTo(RecordSet.State.UNKNOWN);
        at.dns.heal("sender.example");
        assertThat(find("sender.example", RecordType.TXT).state()).isEqualTo(RecordSet.State.UNKNOWN);
        at.advance(Routers.CONFIG.failureTtl());
        assertThat(find("sender.example", RecordType.TXT).values()).containsExactly("v=spf1 -all");
    }

    @Test
    void aNameThatIsNoneIsAskedOfNobody() {
        assertThat(find("two..dots", RecordType.TXT).state()).isEqualTo(RecordSet.State.UNKNOWN);
        assertThat(find("sp ace.example", RecordType.TXT).why()).isEqualTo("not a domain name");
        assertThat(at.dns.questions()).isEmpty();
    }

    @Test
    void aFloodOfNamesStaysWithinTheCachesShare() {
        DnsConfig small = Routers.CONFIG.with(DnsConfig.CACHE_SIZE, 400);
        try (Routers few = new Routers(small)) {
            IntStream.range(0, 2_000)
                    .mapToObj(i -> few.router.records("d" + i + ".example", RecordType.TXT)).toList()
                    .forEach(one -> one.orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join());
            await().untilAsserted(() -> assertThat(few.router.cachedRecordOctets())
                    .isLessThanOrEqualTo(small.recordOctets()));
        }
    }

    private RecordSet find(String name, RecordType type) {
        return at.router.records(name, type).orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join();
    }

    private void text(String name, String value) {
        at.dns.text(name, value);
    }
}

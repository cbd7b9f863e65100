package dev.penstock.preflight;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.PreflightConfig;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.reception.HeaderSection;
import dev.penstock.reception.MessageFacts;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.ZoneServer;

/**
 * What does a preflight add to a message of a sender who is known: the fields found in the header section, the facts read,
 * the judgement? One signature, four addresses of ours. The last answer is in gateway/docs/benchmarks.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, and calls the set-up
public class PreflightBenchmark {
    private static final String KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArn9Rn7TVQYHGCLNRhfNyLQkDtfRlZ4sVLyQu8h2/Q9ylQin+vyoq"
            + "KxLs4KqzlE1bNszT1KWyZRq42yTbbk5PsC5+px2MXwOcVMg2AcfgOnON+e+b1LXa20SH5CrE0A0BwJJV4c9kGn6qJIzdNJ5q"
            + "JyADJBXN1jClTmykcXLq3WLNpDkTjecV5mCI/cdwcbZDPBQ3rCX/Wj1qLC80KTjhoj2MaX2qMzEWgqvN701jh/eG3q5qS7w1"
            + "1O95Zr+X7Mk6cW1ZvkkchOj6TGzxKaWOl31bNMS08+ocRB80X/RJ7vDgqWTStW0doKz2uiEPABZ3LoLc2eP+55LlVF4bDruv"
            + "wQIDAQAB";
    private static final byte[] MESSAGE = """
            DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.test; s=s1; t=1764366000;
             h=from:to:subject:date:message-id:list-unsubscribe:list-unsubscribe-post; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
             b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR
            From: Shop <news@sender.test>
            To: Jo <jo@gmail.com>
            Subject: Spring
            Date: Sat, 28 Nov 2026 21:00:00 +0000
            Message-ID: <1.2@sender.test>
            List-Unsubscribe: <https://sender.test/u?x=1>
            List-Unsubscribe-Post: List-Unsubscribe=One-Click
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            X-Mailer: shop/7

            Hello
            """.replace("\n", "\r\n").getBytes(US_ASCII);
    private static final List<String> ADDRESSES = List.of("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4");

    private final HeaderSection section = HeaderSection.of(MESSAGE);
    private final Set<Provider> providers = Set.of(Provider.GMAIL);
    private final AtomicLong time = new AtomicLong(); // stands still: what is known stays known
    private ZoneServer zone;
    private Preflight preflight;
    private Facts facts;

    @Setup(Level.Trial)
    public void know() {
        zone = new ZoneServer(0).start();
        zone.text("sender.test", "v=spf1 ip4:192.0.2.0/24 -all").text("_dmarc.sender.test", "v=DMARC1; p=none")
                .text("s1._domainkey.sender.test", "v=DKIM1; p=" + KEY);
        ADDRESSES.forEach(address -> zone.pointer(address, "out.sender.test").address("out.sender.test", address));
        DnsRouter router = new DnsRouter(Map.of(), DnsConfig.DEFAULT.with(DnsConfig.SERVERS, List.of(zone.server())),
                25, OwnAddresses.NONE, time::get, Thread::startVirtualThread, DnsRouter.SHARED_RANDOM);
        preflight = new Preflight(PreflightConfig.DEFAULT.with(PreflightConfig.ADDRESSES, ADDRESSES), router::records,
                Thread::startVirtualThread, time::get);
        facts = facts();
        preflight.judge(facts, PreflightConfig.Kind.MARKETING, ADDRESSES, providers, TimeUnit.SECONDS.toNanos(20))
                .join();
    }

    @TearDown(Level.Trial)
    public void close() {
        zone.close();
    }

    private Facts facts() {
        List<HeaderField> fields = section.fields(MessageFacts.WANTED);
        return MessageFacts.of(fields, "sender.test", Facts.Lines.FINE);
    }

    @Benchmark
    public Facts read() {
        return facts();
    }

    @Benchmark
    public CompletableFuture<Verdict> judge() {
        return preflight.judge(facts, "", providers);
    }

    @Benchmark
    public CompletableFuture<Verdict> whole() {
        return preflight.judge(facts(), "", providers);
    }
}

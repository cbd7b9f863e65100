package dev.penstock.tlsreport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.TlsReportsConfig;
import dev.penstock.config.TlsReportsConfig.Mode;
import dev.penstock.routing.Lookups;
import dev.penstock.routing.TextAnswer;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.OwnLoopback;
import dev.penstock.testing.Patience;
import dev.penstock.testing.TestCertificates;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.HttpsExchange;
import dev.penstock.tls.TlsResult;
import dev.penstock.tls.TlsResult.Policy;

/** From results of sessions to a day's reports. The clock begins at noon of 2026-11-23. */
class TlsReportsTest {
    private static final Duration NEVER_BY_ITSELF = Duration.ofDays(1);
    private static final Policy STS = new Policy(TlsResult.Kind.STS, List.of("version: STSv1", "mode: enforce"),
            List.of("*.example.net"));
    private static final String REPORT = "gateway.test!a.example!1795392000!1795478399.json.gz";

    private final ManualClock clock = new ManualClock();
    private final List<String> mails = new ArrayList<>();
    private static final int NEVER = -1;

    private static final Pattern REPORT_ID = Pattern.compile("Report-ID: <(\\S+)@gateway.test>");

    private final Set<String> refused = new HashSet<>();
    private final Set<String> refusedReports = new HashSet<>();
    private Map<String, String> records = Map.of();
    private List<InetAddress> addresses = List.of();
    private Optional<Path> trusted = Optional.empty();
    private boolean dnsIsDown;
    private int tries;
    /** Mails until the process dies: at 0 before the next one, at 1 after it. */
    private int killed = NEVER;

    @TempDir
    Path directory;

    @Test
    void aDayOfADomainIsOneReport() throws IOException {
        try (TlsReports reports = reports(Mode.WRITE)) {
            for (int i = 0; i < 3; i++) {
                reports.on(new TlsResult("a.example", STS, null));
            }
            reports.on(failure("a.example", STS, "certificate-expired"));
            reports.on(failure("a.example", STS, "certificate-expired"));
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            reports.on(new TlsResult("quiet.example", Policy.NONE, null));
            reports.look();
            assertThat(files()).containsExactly("counts.tsv");
            clock.advance(Duration.ofHours(12));
            reports.look();
            assertThat(files()).containsExactly("counts.tsv", REPORT);
            assertThat(unzipped(Files.readAllBytes(directory.resolve(REPORT)))).isEqualTo("""
                    {"organization-name":"gateway.test","date-range":{"start-datetime":"2026-11-23T00:00:00Z",\
                    "end-datetime":"2026-11-23T23:59:59Z"},"contact-info":"tls@example.net",\
                    "report-id":"2026-11-23_a.example@gateway.test","policies":[{"policy":{"policy-type":"sts",\
                    "policy-string":["version: STSv1","mode: enforce"],"policy-domain":"a.example",\
                    "mx-host":["*.example.net"]},"summary":{"total-successful-session-count":3,\
                    "total-failure-session-count":2},"failure-details":[{"result-type":"certificate-expired",\
                    "sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx.example.net",\
                    "receiving-ip":"192.0.2.25","failed-session-count":2,"failure-reason-code":"over"}]},\
                    {"policy":{"policy-type":"no-policy-found","policy-domain":"a.example"},\
                    "summary":{"total-successful-session-count":1,"total-failure-session-count":0}}]}""");
        }
    }

    @Test
    void countsOutliveARestart() throws IOException {
        try (TlsReports reports = reports(Mode.WRITE)) {
            reports.on(failure("a.example", STS, "tlsa-invalid"));
            reports.on(new TlsResult("a.example", STS, null));
        }
        clock.advance(Duration.ofHours(1));
        try (TlsReports reports = reports(Mode.WRITE)) {
            reports.on(new TlsResult("a.example", STS, null));
        }
        clock.advance(Duration.ofDays(1));
        try (TlsReports reports = reports(Mode.WRITE)) {
            reports.look();
            assertThat(unzipped(Files.readAllBytes(directory.resolve(REPORT))))
                    .contains("\"total-successful-session-count\":2,\"total-failure-session-count\":1",
                            "\"result-type\":\"tlsa-invalid\"");
        }
    }

    @Test
    void reportsGoToThoseWhoAskForThem() throws IOException {
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:reports@a.example,ftp://x.example",
                "_smtp._tls.b.example", "v=TLSRPTv2; rua=mailto:no@b.example");
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            reports.on(new TlsResult("b.example", Policy.NONE, null));
            clock.advance(Duration.ofDays(1));
            reports.look();
        }
        assertThat(files()).containsExactly("counts.tsv", REPORT);
        assertThat(mails).singleElement().asString().startsWith("tls@example.net reports@a.example ")
                .contains("TLS-Report-Domain: a.example\r\n", "TLS-Report-Submitter: gateway.test\r\n",
                        "report-type=\"tlsrpt\"", "Content-Type: application/tlsrpt+gzip\r\n",
                        "filename=\"" + REPORT + "\"");
        String encoded = mails.getFirst();
        encoded = encoded.substring(encoded.indexOf("\"\r\n\r\n", encoded.indexOf("filename=")) + 5);
        assertThat(unzipped(Base64.getMimeDecoder().decode(encoded.substring(0, encoded.indexOf("\r\n--")))))
                .contains("\"policy-domain\":\"a.example\"");
    }

    @Test
    void whatIsCountedIsBounded() {
        DayCounts counts = new DayCounts(LocalDate.EPOCH);
        for (int i = 0; i < DayCounts.MAX_DOMAINS + 5; i++) {
            counts.add(new TlsResult("d" + i, Policy.NONE, null));
        }
        for (int i = 0; i < DayCounts.MAX_FAILURES + 7; i++) {
            counts.add(failure("d0", Policy.NONE, "type-" + i));
        }
        assertThat(counts.domains()).hasSize(DayCounts.MAX_DOMAINS);
        assertThat(counts.leftOut()).isEqualTo(12);
        DayCounts read = DayCounts.read(counts.write());
        assertThat(read.write()).isEqualTo(counts.write());
        assertThat(read.leftOut()).isEqualTo(12);
    }

    @Test
    void whatIsCountedIsBoundedInMemoryToo() {
        DayCounts counts = new DayCounts(LocalDate.EPOCH);
        List<String> lines = Stream.generate(() -> "mx: " + "x".repeat(250)).limit(100).toList();
        for (int i = 0; i < 5_000; i++) {
            counts.add(new TlsResult("d" + i, new Policy(TlsResult.Kind.STS, lines, List.of()), null));
        }
        assertThat(counts.domains().size()).isBetween(1_000, 1_200);
        assertThat(counts.leftOut()).isEqualTo(5_000 - counts.domains().size());
        counts.add(new TlsResult("d0", new Policy(TlsResult.Kind.STS, lines, List.of()), null));
        assertThat(counts.leftOut()).as("what is known is still counted").isEqualTo(5_000 - counts.domains().size());
    }

    @Test
    void aReportThatCanNotBeSentIsTriedAgainForADay() throws IOException {
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:one@a.example,mailto:two@a.example");
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            clock.advance(Duration.ofDays(1));
            refused.add("two@a.example");
            reports.look();
            reports.look();
            assertThat(recipients()).as("not before its time").containsExactly("one@a.example");
            clock.advance(TlsReports.RETRY);
            refused.clear();
        }
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.look();
            assertThat(recipients()).containsExactly("one@a.example", "two@a.example");
            assertThat(mails).allSatisfy(mail -> assertThat(mail)
                    .contains("Report-ID: <2026-11-23_a.example@gateway.test>"));
            assertThat(files()).containsExactly("counts.tsv", REPORT);
            clock.advance(Duration.ofDays(1));
            reports.look();
            assertThat(recipients()).hasSize(2);
        }
    }

    @Test
    void whatCanNotBeSentForADayIsGivenUp() throws IOException {
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:one@a.example");
        refused.add("one@a.example");
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            for (int hour = 0; hour < 40; hour++) {
                clock.advance(Duration.ofHours(1));
                reports.look();
            }
            assertThat(files()).containsExactly("counts.tsv", REPORT);
            assertThat(tries).isBetween(24, 26);
        }
    }

    @Test
    void whatDnsDoesNotAnswerIsAskedAgain() throws IOException {
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=mailto:one@a.example");
        dnsIsDown = true;
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            clock.advance(Duration.ofDays(1));
            reports.look();
            dnsIsDown = false;
            clock.advance(TlsReports.RETRY);
            reports.look();
            assertThat(recipients()).containsExactly("one@a.example");
        }
    }

    @Test
    void ofManyDestinationsTheFirstFewAreSentTo() throws IOException {
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=ftp://x.example,mailto:0@a.example,"
                + IntStream.range(0, 200).mapToObj(i -> "mailto:" + i + "@a.example").collect(Collectors.joining(",")));
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(new TlsResult("a.example", Policy.NONE, null));
            clock.advance(Duration.ofDays(1));
            reports.look();
        }
        assertThat(recipients()).containsExactly("0@a.example", "1@a.example", "2@a.example", "3@a.example",
                "4@a.example");
    }

    @Test
    void filesAreForTheirOwnerAloneAndNoLinkLeadsElsewhere() throws IOException {
        Path elsewhere = Files.writeString(directory.resolve("elsewhere"), "mine");
        Files.createSymbolicLink(directory.resolve("counts.tsv.tmp"), elsewhere);
        try (TlsReports reports = reports(Mode.WRITE)) {
            reports.on(failure("a.example", STS, "certificate-expired"));
            clock.advance(Duration.ofDays(1));
            reports.look();
        }
        assertThat(elsewhere).hasContent("mine");
        for (String file : List.of("counts.tsv", REPORT)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(file))))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void aReportGoesByHttpsToTheAddressThatAnswers() throws Exception {
        TestCertificates authority = new TestCertificates();
        List<String> requests = new CopyOnWriteArrayList<>();
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(
                TestCertificates.serverContext(authority.server("tlsrpt.a.example"))));
        server.createContext("/in", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().getFirst("Host") + " "
                    + exchange.getRequestHeaders().getFirst("Content-Type") + " " + unzipped(body));
            exchange.sendResponseHeaders(requests.size() == 1 ? 503 : 201, -1);
            exchange.close();
        });
        server.start();
        int port = server.getAddress().getPort();
        records = Map.of("_smtp._tls.a.example", "v=TLSRPTv1; rua=https://tlsrpt.a.example:" + port + "/in?v=1");
        addresses = List.of(OwnLoopback.address(), InetAddress.getLoopbackAddress()); // nobody is at the first
        trusted = Optional.of(authority.writeAuthority(directory, "ca.pem"));
        try (TlsReports reports = reports(Mode.SEND)) {
            reports.on(failure("a.example", STS, "certificate-expired"));
            clock.advance(Duration.ofDays(1));
            reports.look();
            assertThat(requests).as("answered 503").hasSize(1);
            clock.advance(TlsReports.RETRY);
            reports.look();
            clock.advance(TlsReports.RETRY);
            reports.look();
        } finally {
            server.stop(0);
        }
        assertThat(requests).hasSize(2).allSatisfy(request -> assertThat(request)
                .startsWith("POST /in?v=1 tlsrpt.a.example:" + port + " application/tlsrpt+gzip {\"organization-name\"")
                .contains("\"report-id\":\"2026-11-23_a.example@gateway.test\"",
                        "\"result-type\":\"certificate-expired\""));
    }

    /**
     * Results, looks, nights, stops and kills in any order, a mailer that fails or is killed in the middle: what was in the
     * files at a kill is reported, once or more, always the same under one id.
     */
    @Test
    void whatWasKeptIsReportedWheneverItIsKilled() throws IOException {
        Path base = directory;
        for (long seed = 0; seed < 60; seed++) {
            directory = Files.createDirectory(base.resolve("run-" + seed));
            run(seed);
        }
    }

    private void run(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        clock.advance(Duration.ofHours(12)); // whenever the day is
        records = Map.of("_smtp._tls.d0", "v=TLSRPTv1; rua=mailto:d0@x.example", "_smtp._tls.d1",
                "v=TLSRPTv1; rua=mailto:d1@x.example", "_smtp._tls.d2", "v=TLSRPTv1; rua=mailto:d2@x.example");
        mails.clear();
        refusedReports.clear();
        Map<String, Integer> kept = new TreeMap<>(); // domain and day, successes
        Map<String, Integer> counted = new TreeMap<>();
        TlsReports reports = reports(Mode.SEND);
        for (int step = 0; step < 120; step++) {
            switch (random.nextInt(12)) {
                case 0 -> clock.advance(Duration.ofHours(random.nextInt(20)));
                case 1, 2 -> {
                    killed = random.nextInt(3) == 0 ? random.nextInt(3) : NEVER;
                    refused.clear();
                    if (random.nextInt(4) == 0) {
                        refused.add("d" + random.nextInt(3) + "@x.example");
                    }
                    try {
                        reports.look();
                        kept.putAll(counted);
                    } catch (Killed _) {
                        kept.putAll(counted); // files come before mails
                        reports = reports(Mode.SEND);
                    }
                    killed = NEVER;
                }
                case 3 -> {
                    reports.close();
                    kept.putAll(counted);
                    reports = reports(Mode.SEND);
                }
                case 4 -> {
                    reports = reports(Mode.SEND); // the one before was killed
                    counted.clear();
                    counted.putAll(kept);
                }
                default -> {
                    String domain = "d" + random.nextInt(3);
                    reports.on(new TlsResult(domain, Policy.NONE, null));
                    counted.merge(LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC) + "_" + domain, 1,
                            Integer::sum);
                }
            }
        }
        refused.clear();
        for (int hour = 0; hour < 50; hour++) {
            clock.advance(Duration.ofHours(1));
            reports.look();
        }
        reports.close();
        Map<String, Integer> reported = new TreeMap<>();
        for (String mail : mails) {
            Matcher id = REPORT_ID.matcher(mail);
            Matcher successes = Pattern.compile("session-count\":(\\d+)").matcher(json(mail));
            assertThat(id.find() && successes.find()).isTrue();
            Integer before = reported.put(id.group(1), Integer.valueOf(successes.group(1)));
            assertThat(before == null || before.equals(Integer.valueOf(successes.group(1))))
                    .as("seed %d: %s", seed, mail)
                    .isTrue();
        }
        counted.keySet().removeIf(id -> !reported.containsKey(id) && refusedReports.contains(id)); // given up
        assertThat(reported).as("seed %d", seed).isEqualTo(counted);
        assertThat(files().stream().filter(file -> file.matches(".*\\.(due|done|tmp)"))).as("seed %d", seed).isEmpty();
    }

    private static String json(String mail) throws IOException {
        String encoded = mail.substring(mail.indexOf("\"\r\n\r\n", mail.indexOf("filename=")) + 5);
        return unzipped(Base64.getMimeDecoder().decode(encoded.substring(0, encoded.indexOf("\r\n--"))));
    }

    private List<String> recipients() {
        return mails.stream().map(mail -> mail.split(" ", 3)[1]).toList();
    }

    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    private void mail(String from, String to, TlsReports.MailText text) throws IOException {
        tries++;
        if (killed == 0) {
            throw new Killed();
        }
        if (refused.contains(to)) {
            Matcher id = REPORT_ID.matcher(new String(text.of("id"), StandardCharsets.US_ASCII));
            refusedReports.add(id.find() ? id.group(1) : "");
            throw new IOException("no room");
        }
        mails.add(from + " " + to + " " + new String(text.of("id"), StandardCharsets.US_ASCII));
        if (--killed == 0) {
            throw new Killed(); // it is sent, and nobody knows
        }
    }

    private static TlsResult failure(String domain, Policy policy, String type) {
        return new TlsResult(domain, policy,
                new TlsResult.Failure(type, "mx.example.net", "192.0.2.25", "192.0.2.1", "over"));
    }

    private TlsReports reports(Mode mode) throws IOException {
        return new TlsReports(
                TlsReportsConfig.DEFAULT.with(TlsReportsConfig.MODE, mode)
                        .with(TlsReportsConfig.DIRECTORY, directory).with(TlsReportsConfig.CONTACT, "tls@example.net"),
                "gateway.test", new Records(),
                new HttpsExchange(new ClientTls(trusted), Patience.LONG, 1_000), this::mail, clock, NEVER_BY_ITSELF);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static String unzipped(byte[] gzipped) throws IOException {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(gzipped))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private final class Records implements Lookups {
        @Override
        public CompletableFuture<TlsaAnswer> tlsa(String host, int port) {
            return CompletableFuture.completedFuture(TlsaAnswer.NONE);
        }

        @Override
        public CompletableFuture<TextAnswer> texts(String name) {
            return CompletableFuture.completedFuture(dnsIsDown
                    ? new TextAnswer.Trouble("no answer")
                    : new TextAnswer.Texts(
                            records.containsKey(name) ? List.of("unrelated", records.get(name)) : List.of()));
        }

        @Override
        public CompletableFuture<List<InetAddress>> addresses(String host) {
            return CompletableFuture.completedFuture(addresses);
        }
    }
}

package dev.penstock.tlsreport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.TlsReportsConfig;
import dev.penstock.config.TlsReportsConfig.Mode;
import dev.penstock.routing.Lookups;
import dev.penstock.routing.TextAnswer;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.testing.ManualClock;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.HttpsExchange;
import dev.penstock.tls.TlsResult;
import dev.penstock.tls.TlsResult.Policy;

/** From results of sessions to a day's reports. The clock begins at noon of 2026-11-23. */
class TlsReportsTest {
    private static final Policy STS = new Policy(TlsResult.Kind.STS, List.of("version: STSv1", "mode: enforce"),
            List.of("*.example.net"));
    private static final String REPORT = "gateway.test!a.example!1795392000!1795478399.json.gz";

    private final ManualClock clock = new ManualClock();
    private final List<String> mails = new ArrayList<>();
    private Map<String, String> records = Map.of();

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
        assertThat(DayCounts.read(counts.write()).write()).isEqualTo(counts.write());
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
                new HttpsExchange(new ClientTls(Optional.empty()), Duration.ofSeconds(1), 1_000),
                (from, to, text) -> mails.add(from + " " + to + " "
                        + new String(text.of("id"), StandardCharsets.US_ASCII)),
                clock);
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
            return CompletableFuture.completedFuture(new TextAnswer.Texts(
                    records.containsKey(name) ? List.of("unrelated", records.get(name)) : List.of()));
        }

        @Override
        public CompletableFuture<List<InetAddress>> addresses(String host) {
            return CompletableFuture.completedFuture(List.of());
        }
    }
}

package dev.penstock.tlsreport;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.TlsReportsConfig;
import dev.penstock.config.TlsReportsConfig.Mode;
import dev.penstock.routing.Lookups;
import dev.penstock.routing.TextAnswer;
import dev.penstock.tls.HttpsExchange;
import dev.penstock.tls.TlsResult;
import dev.penstock.tls.TlsResult.Policy;

/**
 * Counts what sessions come to, keeps the counts over restarts, and makes reports of each UTC day when it is over.
 * Thread-safe; sessions only count. Reports are written and sent by the one thread {@code tls-reports}.
 */
public final class TlsReports implements TlsResult.Listener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TlsReports.class);
    private static final Duration LOOK = Duration.ofMinutes(1);
    private static final String STATE = "counts.tsv";
    private static final String UNFINISHED = ".tmp";
    private static final int HTTPS = 443;
    private static final Pattern RUA = Pattern.compile("v=TLSRPTv1[ \\t]*;[ \\t]*rua=([^;]*).*");
    private static final Pattern MAILTO = Pattern.compile("mailto:([\\w.+-]{1,64}@[\\w.-]{1,253})");

    private final TlsReportsConfig config;
    private final String submitter;
    private final String contact;
    private final Lookups lookups;
    private final HttpsExchange https;
    private final Mailer mailer;
    private final InstantSource clock;
    private final ScheduledExecutorService thread;
    private final Object lock = new Object();
    /** Guarded by lock. */
    private final List<DayCounts> over = new ArrayList<>();
    /** Guarded by lock. */
    private DayCounts current;
    /** Guarded by lock. */
    private boolean changed;

    /** Sends a report by mail. */
    @FunctionalInterface
    public interface Mailer {
        /** @throws IOException when it isn't taken, and may be later */
        void send(String from, String to, MailText text) throws IOException;
    }

    /** Makes the message when its id is known. */
    @FunctionalInterface
    public interface MailText {
        byte[] of(String messageId);
    }

    /**
     * @param submitter the gateway's name
     * @param https     for reports that are asked for by HTTPS
     */
    public TlsReports(TlsReportsConfig config, String submitter, Lookups lookups, HttpsExchange https, Mailer mailer,
            InstantSource clock) throws IOException {
        this.config = config;
        this.submitter = submitter;
        this.contact = config.contact().isEmpty() ? "postmaster@" + submitter : config.contact();
        this.lookups = lookups;
        this.https = https;
        this.mailer = mailer;
        this.clock = clock;
        Files.createDirectories(config.directory());
        current = read();
        thread = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("tls-reports").factory());
        var _ = thread.scheduleWithFixedDelay(this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    }

    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    private DayCounts read() {
        Path file = config.directory().resolve(STATE);
        try {
            return DayCounts.read(Files.readString(file, StandardCharsets.UTF_8));
        } catch (NoSuchFileException _) {
            return new DayCounts(today());
        } catch (IOException | IllegalArgumentException e) {
            log.warn("event=tls-report-counts-lost file={} why={} effect=\"the day's reports begin now\"", file,
                    e.getMessage());
            return new DayCounts(today());
        }
    }

    @Override
    public void on(TlsResult result) {
        LocalDate today = today();
        synchronized (lock) {
            turn(today);
            current.add(result);
            changed = true;
        }
    }

    private void turn(LocalDate today) {
        if (!current.day().equals(today)) {
            over.add(current);
            current = new DayCounts(today);
            changed = true;
        }
    }

    /** Makes what is due: reports of days that are over, the file of counts. */
    void look() {
        try {
            DayCounts day;
            while ((day = nextOver()) != null) {
                report(day);
            }
            write();
        } catch (RuntimeException e) {
            log.error("event=tls-reports-failed", e);
        }
    }

    private @Nullable DayCounts nextOver() {
        LocalDate today = today();
        synchronized (lock) {
            turn(today);
            return over.isEmpty() ? null : over.removeFirst();
        }
    }

    private void write() {
        String text;
        synchronized (lock) {
            if (!changed) {
                return;
            }
            changed = false;
            text = current.write();
        }
        try {
            replace(config.directory().resolve(STATE), text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            log.warn("event=tls-report-counts-not-kept why={} effect=\"a restart forgets them\"", e.toString());
        }
    }

    private static void replace(Path file, byte[] octets) throws IOException {
        Path unfinished = Files.write(file.resolveSibling(file.getFileName() + UNFINISHED), octets);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private void report(DayCounts day) {
        int written = 0;
        int sent = 0;
        for (Map.Entry<String, Map<Policy, DayCounts.Tally>> entry : day.domains().entrySet()) {
            String domain = entry.getKey();
            List<String> wanted = config.mode() == Mode.SEND ? wanted(domain) : List.of();
            if (wanted.isEmpty() && !isOfNote(entry.getValue())) {
                continue;
            }
            ReportText.Subject subject = new ReportText.Subject(submitter, contact, domain, day.day());
            byte[] report = ReportText.gzip(ReportText.json(subject, entry.getValue()));
            try {
                replace(config.directory().resolve(subject.file()), report);
                written++;
            } catch (IOException e) {
                log.warn("event=tls-report-not-written domain={} why={}", domain, e.toString());
            }
            for (String to : wanted) {
                sent += send(subject, to, report) ? 1 : 0;
            }
        }
        log.info("event=tls-reports day={} written={} sent={} left-out={}", day.day(), written, sent, day.leftOut());
    }

    /** Demanded TLS, or something was wrong with it. */
    private static boolean isOfNote(Map<Policy, DayCounts.Tally> policies) {
        return policies.entrySet().stream().anyMatch(entry -> entry.getKey().kind() != TlsResult.Kind.NO_POLICY_FOUND
                || !entry.getValue().failures.isEmpty());
    }

    /** Where the domain wants its reports (RFC 8460 3). */
    private List<String> wanted(String domain) {
        if (!(lookups.texts("_smtp._tls." + domain).join() instanceof TextAnswer.Texts(List<String> texts))) {
            return List.of();
        }
        List<Matcher> records = texts.stream().map(RUA::matcher).filter(Matcher::matches).toList();
        return records.size() != 1
                ? List.of()
                : List.of(records.getFirst().group(1).split(",", -1)).stream().map(String::strip).toList();
    }

    private boolean send(ReportText.Subject subject, String to, byte[] report) {
        Matcher mail = MAILTO.matcher(to);
        try {
            if (mail.matches()) {
                String address = mail.group(1);
                mailer.send(contact, address, id -> ReportText.mail(subject, address, id,
                        clock.instant().atZone(ZoneOffset.UTC), report));
                return true;
            }
            if (to.toLowerCase(Locale.ROOT).startsWith("https:")) {
                post(URI.create(to), report);
                return true;
            }
            log.warn("event=tls-report-not-sent domain={} to={} why=\"neither mailto: nor https:\"", subject.domain(),
                    to);
        } catch (IOException | IllegalArgumentException e) {
            log.warn("event=tls-report-not-sent domain={} to={} why={}", subject.domain(), to, e.toString());
        }
        return false;
    }

    private void post(URI to, byte[] report) throws IOException {
        if (to.getHost() == null) {
            throw new IOException("no host in it");
        }
        List<InetAddress> addresses = lookups.addresses(to.getHost()).join();
        if (addresses.isEmpty()) {
            throw new IOException(to.getHost() + " has no address");
        }
        String path = to.getRawPath().isEmpty() ? "/" : to.getRawPath();
        HttpsExchange.Answer answer = https.post(to.getHost(), addresses.getFirst(),
                to.getPort() < 0 ? HTTPS : to.getPort(),
                to.getRawQuery() == null ? path : path + "?" + to.getRawQuery(), "application/tlsrpt+gzip", report);
        if (answer.status() / 100 != 2) {
            throw new IOException("answered " + answer.status());
        }
    }

    @Override
    public void close() {
        thread.shutdown();
        try {
            if (thread.awaitTermination(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
                write();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

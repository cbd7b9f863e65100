package dev.penstock.tlsreport;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
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
 *
 * <p>Invariant: a result is in {@link #current} or in one day of {@link #over} until the file of its day holds it; a day of
 * {@link #over} is in a file of its own before {@link #current} takes its place in the file of counts; and that file goes
 * only when each of the day's reports is where it belongs, or has been tried for 24 hours. So every report is
 * sent at least once, each time with the same report-id.
 */
public final class TlsReports implements TlsResult.Listener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TlsReports.class);
    private static final Duration LOOK = Duration.ofMinutes(1);
    /** Between two tries of what couldn't be sent. */
    static final Duration RETRY = Duration.ofHours(1);
    /** How long what can't be sent is tried (RFC 8460 5.5), counted anew from a restart. */
    private static final Duration RETRY_TIME = Duration.ofHours(24);
    /** A stop waits so long for the report that is being sent; it is sent again after the restart otherwise. */
    private static final Duration STOP = Duration.ofSeconds(5);
    /** Of one domain; RFC 8460 3 names no bound. */
    static final int MAX_DESTINATIONS = 5;
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
    private final ReportFiles files;
    private final ScheduledExecutorService thread;
    private final Object lock = new Object();
    /** Guarded by lock. */
    private final List<DayCounts> over = new ArrayList<>();
    /** Guarded by lock. */
    private DayCounts current;
    /** Guarded by lock: whether the file of counts has less than {@link #current}. */
    private boolean changed;
    /** What has a file of its own. Changed by one thread at a time. */
    private final List<DueDay> due = new CopyOnWriteArrayList<>();
    private volatile boolean closing;
    /** When the counts were put into files last. */
    private volatile Instant keptAt = Instant.MIN;

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

    /** A day that is over. Confined to the thread that sends. */
    private static final class DueDay {
        private final DayCounts counts;
        private final Set<String> done;
        private Instant notBefore = Instant.MIN;
        private @Nullable Instant firstTried;

        DueDay(DayCounts counts, Set<String> done) {
            this.counts = counts;
            this.done = done;
        }

        /** Whether what can't be sent now won't be, after this try at {@code now}. */
        boolean isLast(Instant now) {
            Instant first = firstTried == null ? now : firstTried;
            firstTried = first;
            return !now.isBefore(first.plus(RETRY_TIME));
        }
    }

    /**
     * @param submitter the gateway's name
     * @param https     for reports that are asked for by HTTPS
     */
    public TlsReports(TlsReportsConfig config, String submitter, Lookups lookups, HttpsExchange https, Mailer mailer,
            InstantSource clock) throws IOException {
        this(config, submitter, lookups, https, mailer, clock, LOOK);
    }

    /** @param look between two looks for what is due */
    TlsReports(TlsReportsConfig config, String submitter, Lookups lookups, HttpsExchange https, Mailer mailer,
            InstantSource clock, Duration look) throws IOException {
        this.config = config;
        this.submitter = submitter;
        this.contact = config.contact().isEmpty() ? "postmaster@" + submitter : config.contact();
        this.lookups = lookups;
        this.https = https;
        this.mailer = mailer;
        this.clock = clock;
        files = new ReportFiles(config.directory());
        current = files.counts(today());
        files.due().forEach(day -> due.add(new DueDay(day, files.done(day.day()))));
        thread = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("tls-reports").factory());
        var _ = thread.scheduleWithFixedDelay(this::look, look.toMillis(), look.toMillis(), TimeUnit.MILLISECONDS);
    }

    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    @Override
    public void on(TlsResult result) {
        synchronized (lock) {
            turn();
            current.add(result);
            changed = true;
        }
    }

    /** A clock that is set back goes on with the day that it had come to. Locked. */
    private void turn() {
        LocalDate today = today();
        if (today.isAfter(current.day())) {
            over.add(current);
            current = new DayCounts(today);
            changed = true;
        }
    }

    /** Makes what is due: the files of counts, reports of days that are over. */
    void look() {
        try {
            keep();
            for (DueDay day : due) {
                if (!closing && !clock.instant().isBefore(day.notBefore)) {
                    report(day);
                }
            }
        } catch (RuntimeException e) {
            log.error("event=tls-reports-failed", e);
        }
    }

    /** What was counted so far is in the files, those of days that are over first. */
    private void keep() {
        synchronized (files) {
            keptAt = clock.instant();
            try {
                for (DayCounts day; (day = firstOver()) != null;) {
                    files.keepDue(day);
                    due.add(new DueDay(day, files.done(day.day())));
                    synchronized (lock) {
                        over.removeFirst();
                    }
                }
                DayCounts unkept = unkept();
                if (unkept != null) {
                    files.keep(unkept);
                }
            } catch (IOException e) {
                synchronized (lock) {
                    changed = true;
                }
                log.warn("event=tls-report-counts-not-kept why={} effect=\"a restart forgets them\"", e.toString());
            }
        }
    }

    private @Nullable DayCounts firstOver() {
        synchronized (lock) {
            turn();
            return over.isEmpty() ? null : over.getFirst();
        }
    }

    private @Nullable DayCounts unkept() {
        synchronized (lock) {
            boolean kept = !changed;
            changed = false;
            return kept ? null : current;
        }
    }

    /** As far as it goes now; what can't be sent is tried again later. */
    private void report(DueDay day) {
        int written = 0;
        int sent = 0;
        boolean isWhole = true;
        for (String domain : day.counts.domains()) {
            if (closing) {
                return;
            }
            if (!clock.instant().isBefore(keptAt.plus(LOOK))) { // those who get reports may take their time
                keep();
            }
            if (day.done.contains(domain)) {
                continue;
            }
            boolean isLast = day.isLast(clock.instant());
            Map<Policy, DayCounts.Tally> policies = day.counts.policies(domain);
            Wanted wanted = config.mode() == Mode.SEND ? wanted(domain) : Wanted.NOWHERE;
            boolean isDone = wanted.isKnown;
            if (isOfNote(policies) || !wanted.to.isEmpty()) {
                ReportText.Subject subject = new ReportText.Subject(submitter, contact, domain, day.counts.day());
                byte[] report = ReportText.gzip(ReportText.json(subject, policies));
                try {
                    files.report(subject.file(), report);
                    written++;
                } catch (IOException e) {
                    isDone = false;
                    log.warn("event=tls-report-not-written domain={} why={}", domain, e.toString());
                }
                for (String to : wanted.to) {
                    boolean isSent = day.done.contains(domain + "\t" + to);
                    if (!isSent && send(subject, to, report)) {
                        isSent = true;
                        sent++;
                        note(day, domain + "\t" + to);
                    }
                    isDone &= isSent;
                }
            }
            if (isDone || isLast) {
                if (!isDone) {
                    log.warn("event=tls-report-given-up domain={} day={} why=\"tried for a day\"", domain,
                            day.counts.day());
                }
                note(day, domain);
            } else {
                isWhole = false;
            }
        }
        log.info("event=tls-reports day={} written={} sent={} left-out={} to-be-tried-again={}", day.counts.day(),
                written,
                sent, day.counts.leftOut(), !isWhole);
        if (isWhole) {
            finished(day);
        } else {
            day.notBefore = clock.instant().plus(RETRY);
        }
    }

    /** What can't be noted is sent again after a restart. */
    private void note(DueDay day, String line) {
        day.done.add(line);
        try {
            files.note(day.counts.day(), line);
        } catch (IOException e) {
            log.warn("event=tls-report-not-noted day={} why={} effect=\"a restart sends it again\"", day.counts.day(),
                    e.toString());
        }
    }

    private void finished(DueDay day) {
        due.remove(day);
        try {
            files.finished(day.counts.day());
        } catch (IOException e) {
            log.warn("event=tls-report-not-noted day={} why={} effect=\"a restart sends its reports again\"",
                    day.counts.day(), e.toString());
        }
    }

    /** Demanded TLS, or something was wrong with it. */
    private static boolean isOfNote(Map<Policy, DayCounts.Tally> policies) {
        return policies.entrySet().stream().anyMatch(entry -> entry.getKey().kind() != TlsResult.Kind.NO_POLICY_FOUND
                || !entry.getValue().failures.isEmpty());
    }

    /**
     * Where a domain wants its reports.
     *
     * @param isKnown false when DNS didn't say
     */
    private record Wanted(boolean isKnown, List<String> to) {
        static final Wanted NOWHERE = new Wanted(true, List.of());
        static final Wanted UNKNOWN = new Wanted(false, List.of());
    }

    /** RFC 8460 3. */
    private Wanted wanted(String domain) {
        if (!(lookups.texts("_smtp._tls." + domain).join() instanceof TextAnswer.Texts(List<String> texts))) {
            return Wanted.UNKNOWN;
        }
        List<Matcher> records = texts.stream().map(RUA::matcher).filter(Matcher::matches).toList();
        if (records.size() != 1) {
            return Wanted.NOWHERE;
        }
        List<String> named = List.of(records.getFirst().group(1).split(",", -1)).stream().map(String::strip)
                .distinct().toList();
        List<String> usable = named.stream().filter(TlsReports::isUsable).toList();
        List<String> wanted = usable.subList(0, Math.min(usable.size(), MAX_DESTINATIONS));
        if (wanted.size() < named.size()) {
            log.warn("event=tls-report-destinations-left-out domain={} count={} most={} "
                    + "why=\"neither mailto: nor https:, or too many\"", domain, named.size() - wanted.size(),
                    MAX_DESTINATIONS);
        }
        return new Wanted(true, wanted);
    }

    private static boolean isUsable(String to) {
        return MAILTO.matcher(to).matches() || https(to) != null;
    }

    private static @Nullable URI https(String to) {
        try {
            URI uri = URI.create(to);
            return "https".equalsIgnoreCase(uri.getScheme()) && uri.getHost() != null ? uri : null;
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    private boolean send(ReportText.Subject subject, String to, byte[] report) {
        Matcher mail = MAILTO.matcher(to);
        URI uri = https(to);
        try {
            if (mail.matches()) {
                String address = mail.group(1);
                mailer.send(contact, address, id -> ReportText.mail(subject, address, id,
                        clock.instant().atZone(ZoneOffset.UTC), report));
            } else if (uri != null) {
                post(uri, report);
            }
            return true;
        } catch (IOException | RuntimeException e) { // what is wrong with one keeps no other back
            log.warn("event=tls-report-not-sent domain={} to={} why={}", subject.domain(), to, e.toString());
            return false;
        }
    }

    private void post(URI to, byte[] report) throws IOException {
        List<InetAddress> addresses = lookups.addresses(to.getHost()).join();
        if (addresses.isEmpty()) {
            throw new IOException(to.getHost() + " has no address");
        }
        String path = to.getRawPath().isEmpty() ? "/" : to.getRawPath();
        HttpsExchange.Answer answer = https.post(to.getHost(), addresses, to.getPort() < 0 ? HTTPS : to.getPort(),
                to.getRawQuery() == null ? path : path + "?" + to.getRawQuery(), "application/tlsrpt+gzip", report);
        if (answer.status() / 100 != 2) {
            throw new IOException("answered " + answer.status());
        }
    }

    /** What was counted is kept before the report that is being sent is waited for, and what came meanwhile after it. */
    @Override
    public void close() {
        closing = true;
        thread.shutdown();
        keep();
        try {
            if (!thread.awaitTermination(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
                log.warn("event=tls-report-broken-off effect=\"it is sent again after the restart\"");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        keep();
    }
}

package dev.penstock.loadgen.twin;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

import org.jspecify.annotations.Nullable;

import dev.penstock.loadgen.twin.TwinLimit.Per;
import dev.penstock.loadgen.twin.TwinProfile.Latency;
import dev.penstock.loadgen.twin.TwinProfile.Reputation;

/**
 * A receiver's memory of those who send to it, and what it answers them. Confined to its caller; the caller's clock is its
 * only one, in nanoseconds since 1970, which must not go back. The same calls with the same seed get the same answers.
 *
 * <p>Invariant, after every call, for each source: 0 ≤ reputation ≤ 1; connections open = sessions that were let in and
 * have not been closed; no bucket holds less than 0 or more than its burst; a source is blocked ⇔ its excess came to more
 * than the escalation allows, less than {@code block} ago. Of each transaction every recipient is taken or refused once.
 */
public final class Twin {
    /** Of who is blocked, in reports. */
    public static final String BLOCKED = "blocked";
    private static final double NANOS = 1e9;
    private static final double HOUR_NANOS = 3_600e9;
    private static final long MINUTE_NANOS = 60_000_000_000L;
    /** Tenants and recipients remembered, each a few dozen octets: the eldest are forgotten beyond it. */
    private static final int MOST_REMEMBERED = 1_000_000;

    /**
     * An answer.
     *
     * @param delayNanos until it is said
     * @param limit      the name of what refuses; empty when nothing does
     */
    public record Answer(TwinReply reply, long delayNanos, String limit) {
        public boolean isRefusal() {
            return !limit.isEmpty();
        }
    }

    private static final TwinReply GREETING = new TwinReply(220, "", "twin.penstock.test ESMTP", false);
    private static final TwinReply HELLO = new TwinReply(250, "", "twin.penstock.test", false);
    private static final TwinReply SENDER = new TwinReply(250, "2.1.0", "Sender OK", false);
    private static final TwinReply RECIPIENT = new TwinReply(250, "2.1.5", "Recipient OK", false);
    private static final TwinReply TAKEN = new TwinReply(250, "2.0.0", "OK, queued", false);

    private final TwinProfile profile;
    private final SplittableRandom random;
    private final Map<String, Source> sources = new TreeMap<>();
    private final Map<String, Bucket> buckets = remembering();
    /** By source, sender's domain and recipient: when it was first asked for. */
    private final Map<String, Long> greylist = remembering();

    public Twin(TwinProfile profile, long seed) {
        this.profile = profile;
        this.random = new SplittableRandom(seed);
    }

    private static <V> Map<String, V> remembering() {
        return new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
                return size() > MOST_REMEMBERED;
            }
        };
    }

    public TwinProfile profile() {
        return profile;
    }

    /** A connection from that source has come; {@link Session#greeting} is what it hears. */
    public Session connect(String source, long now) {
        Source known = source(source, now);
        known.touch(now);
        return new Session(known, now);
    }

    /** The source is as one that has sent well for long: its reputation is 1. */
    public void trust(String source, long now) {
        Source known = source(source, now);
        known.touch(now);
        known.score = 1;
        known.startScore = 1;
    }

    private Source source(String name, long now) {
        return sources.computeIfAbsent(name, each -> new Source(each, now));
    }

    /** What came of each source until now, by name. */
    public List<TwinReport> reports(long now) {
        return sources.values().stream().map(source -> source.report(now)).toList();
    }

    /** From 0 to 1, as it is at that time; of an unknown source what those have. */
    public double reputation(String source, long now) {
        Source known = sources.get(source);
        if (known == null) {
            return profile.reputation().unknown();
        }
        known.touch(now);
        return known.score;
    }

    /** How long the next connection takes to be there, in nanoseconds; drawn anew by each call. */
    public long connectNanos() {
        return vary(profile.latency().connect());
    }

    private long vary(Duration mean) {
        double nanos = mean.toNanos();
        double spread = profile.latency().spread();
        return (long) (nanos * (1 + spread * (2 * random.nextDouble() - 1)));
    }

    /** A token bucket. */
    private static final class Bucket {
        double tokens;
        long sinceNanos;
        long pausedUntilNanos = Long.MIN_VALUE;

        Bucket(double tokens, long now) {
            this.tokens = tokens;
            this.sinceNanos = now;
        }

        boolean take(TwinLimit.Pace pace, double rate, long now) {
            double most = Math.max(1, rate * pace.burst().toNanos() / NANOS);
            tokens = Math.min(most, tokens + (now - sinceNanos) / NANOS * rate);
            sinceNanos = now;
            if (now < pausedUntilNanos) {
                return false;
            }
            if (tokens >= 1) {
                tokens--;
                return true;
            }
            if (!pace.pause().isZero()) {
                pausedUntilNanos = now + pace.pause().toNanos();
            }
            return false;
        }
    }

    /** Messages of a source on one day. */
    private static final class DayCount {
        private LocalDate day = LocalDate.MIN;
        private int count;

        /** @return the day it is counted on; null when there have been as many as may be */
        @Nullable
        LocalDate reserve(TwinLimit.Daily limit, long now) {
            LocalDate today = Instant.ofEpochSecond(now / (long) NANOS).atZone(limit.zone()).toLocalDate();
            if (!today.equals(day)) {
                day = today;
                count = 0;
            }
            if (count >= limit.most()) {
                return null;
            }
            count++;
            return today;
        }

        void giveBack(LocalDate reserved) {
            if (reserved.equals(day)) {
                count--;
            }
        }
    }

    private record Reserved(DayCount count, LocalDate day) {}

    /** What is known of one source. */
    private final class Source {
        final String name;
        final long firstNanos;
        double startScore = profile.reputation().unknown();
        double score = startScore;
        double excess;
        long touchedNanos;
        long blockedUntilNanos = Long.MIN_VALUE;
        int open;
        int mostOpen;
        long connections;
        long taken;
        int blocks;
        final Map<String, Long> refused = new TreeMap<>();
        final Map<String, DayCount> days = new TreeMap<>();
        final List<TwinReport.Minute> minutes = new ArrayList<>();

        Source(String name, long now) {
            this.name = name;
            this.firstNanos = now;
            this.touchedNanos = now;
        }

        void touch(long now) {
            offer(now);
            double passed = Math.max(0, now - touchedNanos);
            score = Math.min(1, score + profile.reputation().perHour() * passed / HOUR_NANOS);
            Escalation escalation = profile.escalation();
            if (escalation != null) {
                excess = Math.max(0, excess - escalation.after() * passed / escalation.within().toNanos());
            }
            touchedNanos = Math.max(touchedNanos, now);
        }

        /** What it could have sent since it was last seen, at the reputation that it had. */
        private void offer(long now) {
            double rate = TwinReport.rate(profile, score);
            for (long from = touchedNanos; from < now;) {
                long to = Math.min(now, from + MINUTE_NANOS - (from - firstNanos) % MINUTE_NANOS);
                if (!isBlocked(from)) {
                    minute(from).offered += rate * (to - from) / NANOS;
                }
                from = to;
            }
        }

        boolean isBlocked(long now) {
            return now < blockedUntilNanos;
        }

        void refuse(String limit, double weight, boolean permanent, long now) {
            refused.merge(limit, 1L, Long::sum);
            if (limit.equals(BLOCKED)) {
                minute(now).blocked++;
            } else if (permanent) {
                minute(now).rejected++;
            } else {
                minute(now).deferred++;
            }
            if (weight == 0) {
                return;
            }
            score = Math.max(0, score - weight * profile.reputation().excess());
            Escalation escalation = profile.escalation();
            if (escalation != null && !isBlocked(now)) {
                excess += weight;
                if (excess > escalation.after()) {
                    excess = 0;
                    blocks++;
                    blockedUntilNanos = now + escalation.block().toNanos();
                }
            }
        }

        void take(int recipients, long now) {
            taken += recipients;
            minute(now).taken += recipients;
            Reputation reputation = profile.reputation();
            if (reputation.complaints() > 0) {
                for (int i = 0; i < recipients; i++) {
                    if (random.nextDouble() < reputation.complaints()) {
                        score = Math.max(0, score - reputation.complaint());
                    }
                }
            }
        }

        private TwinReport.Minute minute(long now) {
            int at = (int) ((now - firstNanos) / MINUTE_NANOS);
            while (minutes.size() <= at) {
                minutes.add(new TwinReport.Minute());
            }
            return minutes.get(at);
        }

        TwinReport report(long now) {
            touch(now);
            List<TwinReport.Minute> copy = new ArrayList<>();
            for (TwinReport.Minute minute : minutes) {
                copy.add(minute.copy());
            }
            return new TwinReport(profile.name(), name, firstNanos, connections, mostOpen, taken, Map.copyOf(refused),
                    blocks, score,
                    TwinReport.capacity(profile, startScore, firstNanos, now), copy);
        }
    }

    /** One connection. Confined as its twin is. */
    public final class Session {
        private final Source source;
        private final Answer greeting;
        private boolean letIn;
        private int messages;
        private String sender = "";
        private int recipients;
        private final List<Reserved> reserved = new ArrayList<>(1);

        private Session(Source source, long now) {
            this.source = source;
            source.connections++;
            Answer refusal = check(TwinPhase.GREETING, "", now);
            letIn = refusal == null;
            if (letIn) {
                source.open++;
                source.mostOpen = Math.max(source.mostOpen, source.open);
            }
            greeting = refusal != null ? refusal : answer(TwinPhase.GREETING, GREETING);
        }

        /** What it hears first; its delay counts from the connection. */
        public Answer greeting() {
            return greeting;
        }

        public Answer hello(long now) {
            return step(TwinPhase.HELLO, "", HELLO, now);
        }

        /** @param address of the reverse path, without angle brackets */
        public Answer mail(String address, long now) {
            reset();
            sender = address.substring(address.lastIndexOf('@') + 1);
            Answer answer = step(TwinPhase.MAIL, "", SENDER, now);
            if (answer.isRefusal()) {
                giveBack();
            }
            return answer;
        }

        /** @param address without angle brackets */
        public Answer recipient(String address, long now) {
            Answer answer = step(TwinPhase.RCPT, address, RECIPIENT, now);
            recipients += answer.isRefusal() ? 0 : 1;
            return answer;
        }

        /** The message has come, for all recipients that were accepted. */
        public Answer content(long now) {
            Answer answer = step(TwinPhase.CONTENT, "", TAKEN, now);
            if (answer.isRefusal()) {
                giveBack();
            } else {
                messages++;
                reserved.clear();
                source.take(recipients, now);
            }
            recipients = 0;
            return answer;
        }

        /** The transaction under way, if one is, is over without a message. */
        public void reset() {
            giveBack();
            recipients = 0;
        }

        /** The connection is closed, by whomever. Idempotent. */
        public void close() {
            giveBack();
            if (letIn) {
                letIn = false;
                source.open--;
            }
        }

        private void giveBack() {
            reserved.forEach(each -> each.count.giveBack(each.day));
            reserved.clear();
        }

        private Answer step(TwinPhase phase, String recipient, TwinReply good, long now) {
            source.touch(now);
            Answer refusal = check(phase, recipient, now);
            return refusal != null ? refusal : answer(phase, good);
        }

        private @Nullable Answer check(TwinPhase phase, String recipient, long now) {
            Escalation escalation = profile.escalation();
            if (escalation != null && escalation.phase() == phase && source.isBlocked(now)) {
                return refused(phase, BLOCKED, escalation.replies(), 0, now);
            }
            for (TwinLimit limit : profile.limits()) {
                if (limit.phase() == phase && isOver(limit, recipient, now)) {
                    return refused(phase, limit.name(), limit.replies(), limit.excess(), now);
                }
            }
            return null;
        }

        private Answer refused(TwinPhase phase, String limit, List<TwinReply> replies, double excess, long now) {
            TwinReply reply = replies.size() == 1 ? replies.getFirst() : replies.get(random.nextInt(replies.size()));
            source.refuse(limit, excess, reply.isPermanent(), now);
            return new Answer(reply, answer(phase, reply).delayNanos(), limit);
        }

        private boolean isOver(TwinLimit limit, String recipient, long now) {
            return switch (limit) {
                case TwinLimit.Connections connections -> source.open >= connections.most();
                case TwinLimit.Pace pace -> {
                    double rate = pace.rate(source.score);
                    Bucket bucket = buckets.computeIfAbsent(
                            pace.name() + ' ' + source.name + ' ' + whose(pace.per(), recipient),
                            _ -> new Bucket(Math.max(1, rate * pace.burst().toNanos() / NANOS), now));
                    yield !bucket.take(pace, rate, now);
                }
                case TwinLimit.SessionMessages session -> messages >= session.most();
                case TwinLimit.Daily daily -> {
                    DayCount count = source.days.computeIfAbsent(daily.name(), _ -> new DayCount());
                    LocalDate day = count.reserve(daily, now);
                    if (day != null) {
                        reserved.add(new Reserved(count, day));
                    }
                    yield day == null;
                }
                case TwinLimit.Greylist grey -> {
                    Long first = greylist.putIfAbsent(source.name + ' ' + sender + ' ' + recipient, now);
                    yield first == null || now - first < grey.delay().toNanos();
                }
                case TwinLimit.Chance chance -> random.nextDouble() < chance.share();
            };
        }

        private String whose(Per per, String recipient) {
            return switch (per) {
                case SOURCE -> "";
                case TENANT -> sender;
                case RECIPIENT -> recipient;
            };
        }

        private Answer answer(TwinPhase phase, TwinReply reply) {
            Latency latency = profile.latency();
            long delay = switch (phase) {
                case GREETING -> vary(latency.greeting());
                case HELLO, MAIL, RCPT -> vary(latency.command());
                case CONTENT -> vary(latency.content());
            };
            return new Answer(reply, delay + (long) (latency.tarpit().toNanos() * (1 - source.score)), "");
        }
    }
}

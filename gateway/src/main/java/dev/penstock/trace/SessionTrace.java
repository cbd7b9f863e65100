package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Idna;
import dev.penstock.smtp.Reply;
import dev.penstock.trace.TraceFilter.Match;

/**
 * What a session tells those who watch it. Confined to the session's thread.
 *
 * <p>Watchers are looked for at the session's begin and before commands ({@link #isOn}), so that what is told begins with a
 * whole line; with nobody watching, or nobody who wants this session, nothing else is done. For a watcher who may want it
 * later, by the tenant or the domain of a message, the last lines are kept ({@link #MAX_KEPT}, {@link #MAX_KEPT_OCTETS}), but
 * for those of header sections, and told when it does.
 * Once a session is told to somebody, it is to its end.
 */
public final class SessionTrace {
    /** Lines kept for who may want them: a greeting, EHLO, STARTTLS, EHLO, AUTH and an envelope. */
    static final int MAX_KEPT = 64;
    /** Octets of these lines; the longest that is shown has a quarter of it. */
    static final int MAX_KEPT_OCTETS = 8 << 10;

    /** Domains of one transaction that are remembered; who has more recipients is found by the first ones. */
    private static final int MAX_DOMAINS = 1_000;
    private static final String MAIL = "MAIL FROM:";
    private static final String RCPT = "RCPT TO:";

    private final TraceHub hub;
    private final String session;
    private final Direction direction;
    private final Supplier<SessionFacts> facts;
    private final LongSupplier nanoTime;
    private final long begunNanos;
    private final Mask mask = new Mask();

    /** As it was looked at last. */
    private Watchers seen = Watchers.NOBODY;
    private boolean on;
    private List<Watch> told = List.of();
    private List<Watch> undecided = List.of();
    private final Deque<TraceLine> kept = new ArrayDeque<>(0);
    private int keptOctets;
    private long forgotten;
    /** Of the transaction under way, as far as there is room for them. */
    private final Set<String> domains = new HashSet<>(0);
    private long contentOctets;
    /** Some content of a message is said, and not all. */
    private boolean inMessage;
    private final HeaderLines header = new HeaderLines();

    /** @param facts of the session, asked for when they matter */
    public SessionTrace(TraceHub hub, String session, Direction direction, Supplier<SessionFacts> facts,
            LongSupplier nanoTime) {
        this.hub = hub;
        this.session = session;
        this.direction = direction;
        this.facts = facts;
        this.nanoTime = nanoTime;
        this.begunNanos = nanoTime.getAsLong();
    }

    /** Looks who watches. Before a command, and whenever nothing is half said. @return whether anything is to be told */
    public boolean isOn() {
        Watchers now = hub.now();
        return now == seen ? on : look(now);
    }

    /** Whether anything is to be told, by the last look. */
    public boolean tells() {
        return on;
    }

    private boolean look(Watchers watchers) {
        boolean first = !on;
        seen = watchers;
        List<Watch> now = watchers.all();
        told = told.stream().filter(now::contains).toList();
        undecided = undecided.stream().filter(now::contains).toList();
        List<Watch> newcomers = now.stream().filter(watch -> !told.contains(watch) && !undecided.contains(watch))
                .toList();
        on = !told.isEmpty() || !undecided.isEmpty() || !newcomers.isEmpty();
        if (on && first) {
            contentOctets = 0;
            if (inMessage) {
                header.end(); // what it was in nobody knows
            }
        }
        decide(newcomers);
        return on;
    }

    /** Who the session is with has changed altogether: who didn't want it may now. */
    public void anew() {
        look(hub.now());
        learned();
    }

    /** Something has become known that somebody may want the session for. */
    public void learned() {
        if (on && !undecided.isEmpty()) {
            decide(undecided);
        }
    }

    private void decide(List<Watch> candidates) {
        if (!candidates.isEmpty()) {
            SessionFacts known = facts.get();
            List<Watch> following = new ArrayList<>(told);
            List<Watch> waiting = new ArrayList<>(undecided);
            waiting.removeAll(candidates);
            for (Watch watch : candidates) {
                Match match = watch.filter().test(known, domains);
                if (match == Match.YES) {
                    following.add(watch);
                    introduce(watch, known, undecided.contains(watch));
                } else if (match == Match.LATER) {
                    waiting.add(watch);
                }
            }
            told = List.copyOf(following);
            undecided = List.copyOf(waiting);
        }
        if (undecided.isEmpty()) {
            kept.clear();
            keptOctets = 0;
            forgotten = 0;
        }
        on = !told.isEmpty() || !undecided.isEmpty();
    }

    private void introduce(Watch watch, SessionFacts known, boolean withPast) {
        long nowNanos = nanoTime.getAsLong();
        watch.offer(line(Speaker.PENSTOCK, false, mask.words(describe(known))), nowNanos);
        if (withPast) {
            if (forgotten > 0) {
                watch.offer(line(Speaker.PENSTOCK, false, forgotten + " earlier lines are left out"), nowNanos);
            }
            kept.forEach(line -> watch.offer(line, nowNanos));
        }
    }

    private static String describe(SessionFacts known) {
        StringBuilder text = new StringBuilder("session ").append(known.direction().word());
        add(text, known.direction() == Direction.IN ? "client" : "host", known.peer());
        add(text, "listener", known.listener());
        add(text, "source", known.source());
        add(text, "site", known.site());
        add(text, "provider", known.provider());
        return text.toString();
    }

    private static void add(StringBuilder text, String name, String value) {
        if (!value.isEmpty()) {
            text.append(' ').append(name).append('=').append(value);
        }
    }

    // ---- what is said ------------------------------------------------------------------------------------------

    /** A line of the client's, without line end. */
    public void command(byte[] in, int offset, int length) {
        if (on) {
            tell(Speaker.CLIENT, mask.command(in, offset, length));
            addressed(in, offset, length);
        }
    }

    /** Whom a transaction is from or to may be what a watcher waits for. */
    private void addressed(byte[] in, int offset, int length) {
        boolean sender = begins(in, offset, length, MAIL);
        if (sender) {
            domains.clear();
        }
        if (sender || begins(in, offset, length, RCPT)) {
            String domain = domain(new String(in, offset, length, UTF_8));
            if (domain != null && domains.size() < MAX_DOMAINS) {
                domains.add(domain);
                learned();
            }
        }
    }

    private static boolean begins(byte[] in, int offset, int length, String upperCase) {
        return length > upperCase.length()
                && new String(in, offset, upperCase.length(), ISO_8859_1).equalsIgnoreCase(upperCase);
    }

    private static @Nullable String domain(String command) {
        int close = command.indexOf('>');
        int at = command.lastIndexOf('@', close);
        if (at < 0) {
            return null;
        }
        String domain = command.substring(at + 1, close);
        try {
            return Idna.toAscii(domain).toLowerCase(Locale.ROOT);
        } catch (IllegalArgumentException _) {
            return domain.toLowerCase(Locale.ROOT);
        }
    }

    /** A line of the client's in a SASL exchange, without line end. */
    public void response(byte[] in, int offset, int length) {
        if (on) {
            tell(Speaker.CLIENT, mask.response(in, offset, length));
        }
    }

    /** A reply of ours, as it goes over the wire. */
    public void reply(byte[] wire) {
        if (on) {
            int end = wire.length;
            for (int from = 0; from < end;) {
                int next = from;
                while (next < end && wire[next] != '\n') {
                    next++;
                }
                int length = next > from && wire[next - 1] == '\r' ? next - 1 - from : next - from;
                reply(new String(wire, from, length, UTF_8));
                from = next + 1;
            }
        }
    }

    private void reply(String line) {
        int code = line.length() >= 3 && line.chars().limit(3).allMatch(c -> c >= '0' && c <= '9')
                ? Integer.parseInt(line, 0, 3, 10)
                : 0;
        tell(Speaker.SERVER, code == 0
                ? mask.words(line)
                : mask.reply(code, line.length() > 3 && line.charAt(3) == '-', line.length() > 3
                        ? line.substring(4)
                        : ""));
    }

    /** A reply of the host's. */
    public void reply(Reply reply) {
        if (on) {
            String status = reply.status() == null ? "" : reply.status() + " ";
            int last = reply.lines().size() - 1;
            for (int i = 0; i <= last; i++) {
                tell(Speaker.SERVER, mask.reply(reply.code(), i < last, status + reply.lines().get(i)));
            }
        }
    }

    /** A part of a message's content, as it goes over the wire: counted, and its header section shown to who wants that. */
    public void content(byte[] in, int offset, int length) {
        inMessage = true;
        if (on) {
            contentOctets += length;
        }
        if (header.isOpen()) {
            if (on && wantsHeaders()) {
                header.take(in, offset, length, line -> tell(line(Speaker.CLIENT, true, mask.words(line))));
            } else {
                header.end(); // where in the message the next octets are nobody will know
            }
        }
    }

    /**
     * All content is said that was to be said at once: a message, or a chunk of one.
     *
     * @param whole whether the next content is another message's
     */
    public void endOfContent(boolean whole) {
        if (on) {
            tell(Speaker.CLIENT, "[" + contentOctets + " octets]");
            contentOctets = 0;
        }
        if (whole) {
            nextMessage();
        }
    }

    /** What was said of a message is all of it, or forgotten. */
    public void nextMessage() {
        inMessage = false;
        contentOctets = 0;
        header.begin();
    }

    /** Something that nobody said to anybody. */
    public void note(String text) {
        if (on) {
            tell(Speaker.PENSTOCK, mask.words(text));
        }
    }

    /** The password of a login that is said in the session, of which no part is shown. */
    public void login(String user, String password) {
        mask.login(user, password);
    }

    private boolean wantsHeaders() {
        for (Watch watch : told) {
            if (watch.wantsHeaders()) {
                return true;
            }
        }
        for (Watch watch : undecided) {
            if (watch.wantsHeaders()) {
                return true;
            }
        }
        return false;
    }

    private void tell(Speaker speaker, String text) {
        tell(line(speaker, false, text));
    }

    private void tell(TraceLine line) {
        long nowNanos = begunNanos + line.nanos();
        for (Watch watch : told) {
            watch.offer(line, nowNanos);
        }
        if (!undecided.isEmpty()) {
            if (!line.header()) {
                keep(line);
            }
            forget(nowNanos);
        }
    }

    private void keep(TraceLine line) {
        kept.addLast(line);
        keptOctets += line.weight();
        while (kept.size() > MAX_KEPT || keptOctets > MAX_KEPT_OCTETS) {
            keptOctets -= kept.removeFirst().weight();
            forgotten++;
        }
    }

    /** Nothing is kept for who has left. */
    private void forget(long nowNanos) {
        List<Watch> left = undecided.stream().filter(watch -> !watch.endsAt(nowNanos)).toList();
        if (left.size() < undecided.size()) {
            undecided = left;
            decide(List.of());
        }
    }

    private TraceLine line(Speaker speaker, boolean ofHeader, String text) {
        return new TraceLine(session, direction, nanoTime.getAsLong() - begunNanos, speaker, ofHeader, text);
    }
}

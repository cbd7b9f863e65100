package dev.penstock.admin;

import java.net.InetAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

/**
 * How a browser comes to an operator's rights: a ticket, which is taken over a way that says who it is and used once, becomes
 * a session, whose number the browser keeps in a cookie. Thread-safe, in memory alone: a restart ends them all.
 */
public final class ConsoleSessions {
    /** To copy an address from a terminal into a browser. */
    static final Duration TICKET_TIME = Duration.ofMinutes(2);
    /** A session ends when nothing has come for so long, */
    static final Duration IDLE = Duration.ofMinutes(30);
    /** and a working day after it began, whatever comes. */
    static final Duration LIFE = Duration.ofHours(12);
    /** Of each; the one that was used longest ago goes first. */
    static final int MOST = 100;
    /** Of those of one operator, so that he ends nobody else's. */
    static final int MOST_EACH = 10;
    static final String COOKIE = "penstock_console";
    /** Of an operator who comes so. */
    static final String VIA = "console";

    private static final int OCTETS = 32;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LongSupplier nanoTime;
    // Guarded by this; in the order of their last use.
    private final Map<String, Held> tickets = new LinkedHashMap<>();
    private final Map<String, Held> sessions = new LinkedHashMap<>();

    private record Held(Operator operator, long begunNanos, long usedNanos) {}

    public ConsoleSessions(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Whether cookies and tickets may travel so: elsewhere in clear others read them. */
    static boolean mayTravel(boolean encrypted, InetAddress other) {
        return encrypted || other.isLoopbackAddress();
    }

    /** A ticket, for whoever has these rights already. */
    synchronized String ticket(Operator operator) {
        return keep(tickets, operator);
    }

    /** The number of a new session; null when the ticket is wrong, old, or was used. */
    synchronized @Nullable String begin(String ticket) {
        Held held = tickets.remove(ticket);
        return held == null || age(held.begunNanos).compareTo(TICKET_TIME) > 0
                ? null
                : keep(sessions, held.operator);
    }

    /** Who was let in with it, as he was when he took the ticket: what he may now is to be asked anew. Null when there is none of that number, or none any more. */
    synchronized @Nullable Operator operator(String session) {
        Held held = sessions.remove(session);
        if (held == null || age(held.begunNanos).compareTo(LIFE) > 0 || age(held.usedNanos).compareTo(IDLE) > 0) {
            return null;
        }
        sessions.put(session, new Held(held.operator, held.begunNanos, nanoTime.getAsLong()));
        return held.operator;
    }

    /** Ends it. */
    synchronized void end(String session) {
        sessions.remove(session);
    }

    private String keep(Map<String, Held> map, Operator operator) {
        List<String> his = map.entrySet().stream().filter(each -> each.getValue().operator.equals(operator))
                .map(Map.Entry::getKey).toList();
        if (his.size() >= MOST_EACH) {
            map.remove(his.getFirst());
        } else if (map.size() >= MOST) {
            map.remove(map.keySet().iterator().next());
        }
        byte[] number = new byte[OCTETS];
        RANDOM.nextBytes(number);
        String text = Base64.getUrlEncoder().withoutPadding().encodeToString(number);
        long now = nanoTime.getAsLong();
        map.put(text, new Held(operator, now, now));
        return text;
    }

    private Duration age(long sinceNanos) {
        return Duration.ofNanos(nanoTime.getAsLong() - sinceNanos);
    }
}

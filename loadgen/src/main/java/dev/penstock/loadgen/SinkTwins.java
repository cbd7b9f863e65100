package dev.penstock.loadgen;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.loadgen.twin.Twin;
import dev.penstock.loadgen.twin.Twin.Answer;
import dev.penstock.loadgen.twin.TwinProfile;
import dev.penstock.loadgen.twin.TwinReport;

/**
 * The receivers that a sink answers as, one for each of its addresses or one for all; a source is told by its address.
 * Thread-safe: each twin is used under its own lock, since the sessions of several loops share it.
 */
final class SinkTwins {
    private static final String ALL = "*";

    private final Map<String, Twin> byAddress = new LinkedHashMap<>();
    private final long start1970 = ChronoUnit.NANOS.between(Instant.EPOCH, Instant.now());
    private final long startNanos = System.nanoTime();

    SinkTwins(Map<String, TwinProfile> profiles, long seed) {
        profiles.forEach((address, profile) -> byAddress.put(address, new Twin(profile, seed + address.hashCode())));
    }

    private long now() {
        return start1970 + System.nanoTime() - startNanos;
    }

    /** @return null where it answers as nobody */
    @Nullable
    Session connect(InetSocketAddress local, InetAddress peer) {
        if (byAddress.isEmpty()) {
            return null;
        }
        String host = local.getAddress().getHostAddress();
        Twin twin = byAddress.get(host + ":" + local.getPort());
        twin = twin == null ? byAddress.get(host) : twin;
        twin = twin == null ? byAddress.get(ALL) : twin;
        return twin == null ? null : new Session(twin, peer.getHostAddress());
    }

    List<TwinReport> reports() {
        List<TwinReport> reports = new ArrayList<>();
        for (Twin twin : byAddress.values()) {
            synchronized (twin) {
                reports.addAll(twin.reports(now()));
            }
        }
        return reports;
    }

    /** One connection with a twin. Confined to its session's loop. */
    final class Session {
        private final Twin twin;
        private final Twin.Session session;

        private Session(Twin twin, String source) {
            this.twin = twin;
            synchronized (twin) {
                session = twin.connect(source, now());
            }
        }

        Answer greeting() {
            return session.greeting();
        }

        Answer hello() {
            synchronized (twin) {
                return session.hello(now());
            }
        }

        Answer mail(String sender) {
            synchronized (twin) {
                return session.mail(sender, now());
            }
        }

        Answer recipient(String address) {
            synchronized (twin) {
                return session.recipient(address, now());
            }
        }

        Answer content() {
            synchronized (twin) {
                return session.content(now());
            }
        }

        void reset() {
            synchronized (twin) {
                session.reset();
            }
        }

        void close() {
            synchronized (twin) {
                session.close();
            }
        }
    }
}

package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.endtoend.LimitedHost.Rejection;
import dev.penstock.endtoend.LimitedHost.Stage;

/**
 * A host takes three sessions and turns further ones away while the gateway could open ten: its mail goes at the pace of
 * three sessions, none of it is deferred or suspended, and the host is hardly asked for a fourth. However it turns away.
 * A gateway and a host for each way, all at the same time.
 *
 * <p>{@code -Dpenstock.long=true} looks for a minute.
 */
@Timeout(300)
class PartialRefusalTest {
    private static final Logger log = LoggerFactory.getLogger(PartialRefusalTest.class);
    private static final int SESSIONS = 3;
    private static final int MOST_SESSIONS = 10;
    /** Long beside what else a message costs, so that three sessions have nearly the same pace on a busy machine too. */
    private static final Duration PER_MESSAGE = Duration.ofMillis(60);
    private static final double PACE = SESSIONS * 1e9 / PER_MESSAGE.toNanos();
    private static final double SHARE_OF_PACE = 0.9;
    private static final Duration SETTLING = Duration.ofSeconds(3);
    private static final Duration WINDOW = Duration.ofSeconds(Boolean.getBoolean("penstock.long") ? 60 : 10);
    private static final Duration PER_REFUSAL = Duration.ofSeconds(5);
    /** More than three sessions take from the first message to the end of the window. */
    private static final int MESSAGES = (int) (PACE * 1.5 * WINDOW.plus(SETTLING).plusSeconds(5).toSeconds());
    private static final int CLIENTS = 4;
    private static final int SHOWN = 5;

    @TempDir
    static Path directory;

    private static final Map<Way, Seen> seen = new EnumMap<>(Way.class);

    /** How a host says that it is full. */
    enum Way {
        /** It never is: the gateway was told of the three. By this pace the others' are judged, on a busy machine too. */
        NOT_AT_ALL(Stage.CLOSED, ""),
        GREETING_421(Stage.GREETING, "421 4.7.0 too many connections from your IP"),
        GREETING_421_FOREIGN(Stage.GREETING, "421 mx.limited.test Server busy, concurrency limit reached, try later"),
        GREETING_554(Stage.GREETING, "554 5.7.1 Too many concurrent SMTP connections from this IP address"),
        EHLO_421(Stage.EHLO, "421 4.3.2 Too many open connections"),
        MAIL_421(Stage.MAIL, "421 4.7.0 Too many concurrent connections from your host"),
        MAIL_450(Stage.MAIL, "450 4.7.1 Error: too many connections from 127.0.0.1"),
        CLOSED(Stage.CLOSED, ""),
        RESET(Stage.RESET, ""),
        NOT_LISTENING(Stage.NOT_LISTENING, "");

        private final Stage stage;
        private final String reply;

        Way(Stage stage, String reply) {
            this.stage = stage;
            this.reply = reply;
        }
    }

    /** What a host and its gateway saw: within the window, but for the events, which are all since the start. */
    private record Seen(long delivered, long refused, long suspended, List<LoggedEvent> events) {
        /** Neither accepted nor delivered. */
        List<LoggedEvent> others() {
            return events.stream().filter(each -> !each.type().equals("Reception") && !each.type().equals("Delivery"))
                    .toList();
        }
    }

    @BeforeAll
    static void letAllOfThemWork() throws Exception {
        List<AutoCloseable> opened = new ArrayList<>();
        try {
            Map<Way, LimitedHost> hosts = new EnumMap<>(Way.class);
            Map<Way, FileGateway> gateways = new EnumMap<>(Way.class);
            for (Way way : Way.values()) {
                boolean told = way == Way.NOT_AT_ALL;
                // Nobody may get the port of the one that doesn't listen meanwhile.
                LimitedHost host = LimitedHost.start("127.0.0.1", Peers.freePort("127.0.0.1"),
                        told ? MOST_SESSIONS : SESSIONS, new Rejection(way.stage, way.reply), PER_MESSAGE);
                opened.add(host);
                hosts.put(way, host);
                FileGateway gateway = FileGateway.start(directory.resolve(way.name()),
                        "connection_limit = " + (told ? SESSIONS : MOST_SESSIONS),
                        "[delivery]\nstop-timeout = \"0s\"\n" + FileGateway.route("a.test", host, "tls = \"none\""));
                opened.add(gateway);
                gateways.put(way, gateway);
            }
            for (Way way : Way.values()) {
                gateways.get(way).send(MESSAGES, CLIENTS, "a.test");
            }
            await(SETTLING);
            Map<Way, Long> failuresBefore = failures(hosts, gateways);
            Map<Way, Long> deliveredBefore = delivered(hosts);
            long begin = System.nanoTime();
            await(WINDOW);
            double windows = (System.nanoTime() - begin) / (double) WINDOW.toNanos();
            Map<Way, Long> failures = failures(hosts, gateways);
            Map<Way, Long> delivered = delivered(hosts);
            for (Way way : Way.values()) {
                Seen each = new Seen(Math.round((delivered.get(way) - deliveredBefore.get(way)) / windows),
                        failures.get(way) - failuresBefore.get(way), gateways.get(way).suspended(),
                        gateways.get(way).events());
                seen.put(way, each);
                log.warn("{}: {} delivered in {} s, of {} without any delay; {} refused; {} suspended; {} "
                        + "events of deferral", way, each.delivered, WINDOW.toSeconds(), Math.round(atPace()),
                        each.refused, each.suspended, each.others().size());
            }
        } finally {
            for (AutoCloseable each : opened.reversed()) {
                each.close();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void itsMailGoesAtThePaceOfTheSessionsItTakes(Way way) {
        assertThat((double) of(way).delivered).isGreaterThanOrEqualTo(SHARE_OF_PACE * of(Way.NOT_AT_ALL).delivered);
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsDeferredOrSuspended(Way way) {
        assertThat(of(way).others().stream().limit(SHOWN)).isEmpty();
        assertThat(of(way).suspended).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void itIsSeldomAskedForOneMore(Way way) {
        assertThat(of(way).refused).isLessThanOrEqualTo(WINDOW.dividedBy(PER_REFUSAL));
    }

    private static Seen of(Way way) {
        Seen each = seen.get(way);
        assertThat(each).isNotNull();
        return each;
    }

    private static double atPace() {
        return PACE * WINDOW.toNanos() / 1e9;
    }

    private static Map<Way, Long> delivered(Map<Way, LimitedHost> hosts) {
        Map<Way, Long> counts = new EnumMap<>(Way.class);
        hosts.forEach((way, host) -> counts.put(way, (long) host.taken().size()));
        return counts;
    }

    /** A host that doesn't listen can't count, so its gateway is asked. */
    private static Map<Way, Long> failures(Map<Way, LimitedHost> hosts, Map<Way, FileGateway> gateways) {
        Map<Way, Long> counts = new EnumMap<>(Way.class);
        hosts.forEach((way, host) -> counts.put(way, way == Way.NOT_LISTENING
                ? gateways.get(way).connectFailures()
                : host.refused().size()));
        return counts;
    }

    private static void await(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        Awaitility.await().atMost(time.plusSeconds(60)).until(() -> System.nanoTime() - end >= 0);
    }
}

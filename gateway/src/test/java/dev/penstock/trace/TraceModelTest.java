package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.ManualTicker;
import dev.penstock.units.Networks;

/**
 * {@link TraceHub}, {@link Watch} and {@link SessionTrace} beside a plain model that keeps all that was ever said, driven
 * through random schedules: watchers come, take what there is, leave and run out of time; sessions begin, speak, change
 * their tenant and their address, and end. A seed is a schedule.
 */
class TraceModelTest {
    private static final int STEPS = Integer.getInteger("penstock.model.steps", 20_000);
    private static final int MAX_LINES = 30;
    private static final long MAX_OCTETS = 2_400;
    private static final int SESSIONS = 5;
    private static final int TENANTS = 3;
    private static final int DOMAINS = 4;
    private static final int ADDRESSES = 3;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void everyWatcherGetsWhatThePlainModelGives(long seed) {
        new Run(seed).go();
    }

    /** What a watcher is to a session. */
    private enum Stage {
        TOLD,
        UNDECIDED,
        NEVER
    }

    /** A watcher and what it should get. */
    private static final class Watcher {
        final Watch watch;
        final TraceFilter filter;
        final boolean headers;
        final long endNanos;
        final List<String> waiting = new ArrayList<>();
        long octets;
        long leftOut;
        boolean closed;

        Watcher(Watch watch, TraceFilter filter, boolean headers, long endNanos) {
            this.watch = watch;
            this.filter = filter;
            this.headers = headers;
            this.endNanos = endNanos;
        }

        boolean isOver(long nowNanos) {
            closed |= nowNanos - endNanos >= 0;
            return closed;
        }

        void gets(Said said, long nowNanos) {
            if (said.header && !headers || isOver(nowNanos)) {
                return;
            }
            if (leftOut > 0 || waiting.size() == MAX_LINES || octets + 64 + said.length > MAX_OCTETS) {
                leftOut++;
            } else {
                waiting.add(said.text);
                octets += 64 + said.length;
            }
        }
    }

    private record Said(String text, boolean header, int length) {}

    /** A session and all it has said. */
    private static final class Spoken {
        final String id;
        final SessionTrace trace;
        int address;
        String tenant = "";
        final Set<String> domains = new HashSet<>();
        final List<Said> history = new ArrayList<>();
        /** Where what is kept for those who are undecided begins; -1 while nobody is. */
        int keptFrom = -1;
        final Map<Watcher, Stage> stages = new HashMap<>();

        Spoken(TraceHub hub, String id, int address, ManualTicker ticker) {
            this.id = id;
            this.address = address;
            this.trace = new SessionTrace(hub, id, Direction.IN, this::facts, ticker);
        }

        SessionFacts facts() {
            return new SessionFacts(id, Direction.IN, TraceModelTest.address(address), "", "", "", "", "", tenant);
        }
    }

    private static InetAddress address(int number) {
        return InetAddress.ofLiteral("192.0.2." + number);
    }

    private static final class Run {
        private final long seed;
        private final SplittableRandom random;
        private final ManualTicker ticker = new ManualTicker();
        private final TraceHub hub = new TraceHub(ticker, MAX_LINES, MAX_OCTETS);
        private final List<Watcher> watchers = new ArrayList<>();
        private final List<Spoken> sessions = new ArrayList<>();
        private int number;
        private long linesTold;
        private long linesLeftOut;
        private long pastTold;

        Run(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
        }

        void go() {
            for (int step = 0; step < STEPS; step++) {
                switch (random.nextInt(40)) {
                    case 0, 1 -> open();
                    case 2 -> leave();
                    case 3, 4, 5 -> take(step);
                    case 6 -> ticker.advance(Duration.ofMillis(random.nextInt(1_500)));
                    case 7, 8 -> begin();
                    case 9 -> end();
                    default -> speak();
                }
            }
            assertThat(linesTold).as("seed %s", seed).isPositive();
            assertThat(linesLeftOut).as("seed %s", seed).isPositive();
            assertThat(pastTold).as("seed %s", seed).isPositive();
        }

        private void open() {
            TraceFilter filter = filter();
            boolean headers = random.nextBoolean();
            Duration time = Duration.ofMillis(500 + random.nextInt(20_000));
            if (watchers.stream().filter(watcher -> !watcher.closed).count() < 5) {
                watchers.forEach(watcher -> watcher.isOver(ticker.getAsLong())); // it looks for room
                watchers.removeIf(watcher -> watcher.closed && random.nextInt(4) == 0);
                watchers.add(new Watcher(hub.open(filter, headers, time), filter, headers,
                        ticker.getAsLong() + time.toNanos()));
            }
        }

        private TraceFilter filter() {
            List<String> ids = random.nextInt(4) == 0 ? List.of("s" + random.nextInt(number + 1)) : List.of();
            Networks networks = Networks.parse(random.nextInt(4) == 0
                    ? List.of("192.0.2." + random.nextInt(ADDRESSES))
                    : List.of());
            return new TraceFilter(random.nextInt(6) == 0 ? Direction.OUT : null, ids, networks,
                    random.nextInt(3) == 0 ? "d" + random.nextInt(DOMAINS) + ".example" : "",
                    random.nextInt(3) == 0 ? "t" + random.nextInt(TENANTS) : "", "", "", "", "");
        }

        private @Nullable Watcher anyWatcher() {
            return watchers.isEmpty() ? null : watchers.get(random.nextInt(watchers.size()));
        }

        private void leave() {
            Watcher watcher = anyWatcher();
            if (watcher != null) {
                watcher.watch.close();
                watcher.closed = true;
            }
        }

        private void take(int step) {
            Watcher watcher = anyWatcher();
            if (watcher == null) {
                return;
            }
            Watch.Batch batch;
            try {
                batch = watcher.watch.take(Duration.ZERO);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            String as = "seed " + seed + " step " + step + " " + watcher.filter;
            assertThat(batch.lines().stream().map(Run::text)).as(as).containsExactlyElementsOf(watcher.waiting);
            assertThat(batch.leftOut()).as(as).isEqualTo(watcher.leftOut);
            if (watcher.waiting.isEmpty() && watcher.leftOut == 0) {
                assertThat(batch.over()).as(as).isEqualTo(watcher.isOver(ticker.getAsLong()));
            }
            linesTold += batch.lines().size();
            linesLeftOut += batch.leftOut();
            watcher.waiting.clear();
            watcher.octets = 0;
            watcher.leftOut = 0;
        }

        private static String text(TraceLine line) {
            return line.session() + " " + (line.text().startsWith("session in") ? "begins to be told" : line.text());
        }

        private void begin() {
            if (sessions.size() < SESSIONS) {
                sessions.add(new Spoken(hub, "s" + number++, random.nextInt(ADDRESSES), ticker));
            }
        }

        private void end() {
            if (!sessions.isEmpty()) {
                sessions.remove(random.nextInt(sessions.size()));
            }
        }

        private void speak() {
            if (sessions.isEmpty()) {
                return;
            }
            Spoken session = sessions.get(random.nextInt(sessions.size()));
            boolean on = session.trace.isOn();
            looks(session);
            assertThat(on).as("seed %s", seed).isEqualTo(isOn(session));
            switch (random.nextInt(12)) {
                case 0 -> {
                    session.address = random.nextInt(ADDRESSES);
                    session.trace.anew();
                    session.stages.values().removeIf(stage -> stage == Stage.NEVER);
                    looks(session);
                    learns(session);
                }
                case 1, 2 -> {
                    session.tenant = "t" + random.nextInt(TENANTS);
                    session.trace.learned();
                    learns(session);
                }
                case 3 -> command(session, "MAIL FROM:", true);
                case 4, 5 -> command(session, "RCPT TO:", false);
                case 6 -> {
                    byte[] field = "Subject: a\r\n".getBytes(US_ASCII);
                    session.trace.nextMessage();
                    session.trace.content(field, 0, field.length);
                    if (wantsHeaders(session)) {
                        said(session, "Subject: a", true);
                    }
                }
                default -> {
                    String text = "x".repeat(random.nextInt(60));
                    session.trace.note(text);
                    said(session, text, false);
                }
            }
        }

        private void command(Spoken session, String verb, boolean sender) {
            String domain = "d" + random.nextInt(DOMAINS) + ".example";
            String line = verb + "<u@" + (random.nextBoolean() ? domain : domain.toUpperCase(Locale.ROOT))
                    + ">";
            session.trace.command(line.getBytes(US_ASCII), 0, line.length());
            boolean on = isOn(session);
            said(session, line, false);
            if (on) {
                if (sender) {
                    session.domains.clear();
                }
                session.domains.add(domain);
                learns(session);
            }
        }

        // ---- the model ----

        private static boolean isOn(Spoken session) {
            return session.stages.values().stream().anyMatch(stage -> stage != Stage.NEVER);
        }

        private static boolean wantsHeaders(Spoken session) {
            return session.stages.entrySet().stream()
                    .anyMatch(each -> each.getValue() != Stage.NEVER && each.getKey().headers);
        }

        /** Those who have come since the last look, and without those who have left since. */
        private void looks(Spoken session) {
            session.stages.keySet().removeIf(watcher -> watcher.closed);
            for (Watcher watcher : watchers) {
                if (!watcher.closed && !session.stages.containsKey(watcher)) {
                    decide(session, watcher, false);
                }
            }
            kept(session);
        }

        private void learns(Spoken session) {
            for (Watcher watcher : watchers) {
                if (session.stages.get(watcher) == Stage.UNDECIDED) {
                    decide(session, watcher, true);
                }
            }
            kept(session);
        }

        private void decide(Spoken session, Watcher watcher, boolean withPast) {
            TraceFilter filter = watcher.filter;
            boolean never = filter.direction() == Direction.OUT
                    || !filter.sessions().isEmpty() && !filter.sessions().contains(session.id)
                    || !filter.networks().isEmpty() && !filter.networks().contains(address(session.address));
            boolean now = (filter.domain().isEmpty() || session.domains.contains(filter.domain()))
                    && (filter.tenant().isEmpty() || filter.tenant().equals(session.tenant));
            session.stages.put(watcher, never ? Stage.NEVER : now ? Stage.TOLD : Stage.UNDECIDED);
            if (never || !now) {
                return;
            }
            long nowNanos = ticker.getAsLong();
            int length = ("session in client=192.0.2." + session.address).length();
            watcher.gets(new Said(session.id + " begins to be told", false, length), nowNanos);
            if (withPast) {
                int from = from(session);
                if (from > session.keptFrom) {
                    String text = from - session.keptFrom + " earlier lines are left out";
                    watcher.gets(new Said(session.id + " " + text, false, text.length()), nowNanos);
                }
                session.history.subList(from, session.history.size()).forEach(said -> {
                    watcher.gets(said, nowNanos);
                    pastTold++;
                });
            }
        }

        /** Where the past that is told begins: it is bounded in lines and octets. */
        private static int from(Spoken session) {
            int octets = 0;
            int from = session.history.size();
            while (from > session.keptFrom && session.history.size() - from < SessionTrace.MAX_KEPT) {
                octets += 64 + session.history.get(from - 1).length;
                if (octets > SessionTrace.MAX_KEPT_OCTETS) {
                    return from;
                }
                from--;
            }
            return from;
        }

        private void kept(Spoken session) {
            boolean anybody = session.stages.containsValue(Stage.UNDECIDED);
            session.keptFrom = !anybody ? -1 : session.keptFrom < 0 ? session.history.size() : session.keptFrom;
        }

        private void said(Spoken session, String text, boolean header) {
            if (!isOn(session)) {
                return;
            }
            Said said = new Said(session.id + " " + text, header, text.length());
            if (!header) { // header sections are part of no past
                session.history.add(said);
            }
            long nowNanos = ticker.getAsLong();
            session.stages.forEach((watcher, stage) -> {
                if (stage == Stage.TOLD) {
                    watcher.gets(said, nowNanos);
                } else if (stage == Stage.UNDECIDED) {
                    watcher.isOver(nowNanos);
                }
            });
            session.stages.entrySet().removeIf(each -> each.getValue() == Stage.UNDECIDED && each.getKey().closed);
            kept(session);
        }
    }
}

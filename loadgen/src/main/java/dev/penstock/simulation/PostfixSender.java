package dev.penstock.simulation;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

import dev.penstock.loadgen.twin.Twin;
import dev.penstock.loadgen.twin.Twin.Answer;

/**
 * What Postfix would do with the mail, with its defaults: a window of deliveries for each destination, which learns from
 * failed sessions alone; what is deferred comes again when it has waited for as long as it is old, 300 to 4,000 s, and 5xx
 * bounces. Sessions are kept over messages while there is a backlog. Confined to the run's thread.
 */
final class PostfixSender implements Sender {
    /** queue_run_delay, minimal_backoff_time, maximal_backoff_time, smtp_connection_reuse_time_limit. */
    private static final Duration QUEUE_RUN = Duration.ofMinutes(5);
    private static final long SHORTEST_NANOS = Duration.ofMinutes(5).toNanos();
    private static final long LONGEST_NANOS = Duration.ofSeconds(4_000).toNanos();
    private static final long REUSE_NANOS = Duration.ofMinutes(5).toNanos();

    private record Waiting(SimulatedMessage message, long dueNanos) {}

    private static final class Destination {
        final String source;
        final ArrayDeque<SimulatedMessage> active = new ArrayDeque<>();
        final PostfixWindow window = new PostfixWindow();
        final Twin twin;
        int busy;
        long deadUntilNanos;

        Destination(String source, Twin twin) {
            this.source = source;
            this.twin = twin;
        }
    }

    private final World world;
    private final VirtualTime time;
    private final List<String> sources;
    private final Map<String, Destination> destinations = new LinkedHashMap<>();
    private final PriorityQueue<Waiting> deferred = new PriorityQueue<>(
            (a, b) -> a.dueNanos != b.dueNanos
                    ? Long.compare(a.dueNanos, b.dueNanos)
                    : Long.compare(a.message.id(), b.message.id()));
    private long queued;

    /** @param sources whose turn it is goes by the message */
    PostfixSender(World world, List<String> sources) {
        this.world = world;
        this.time = world.time;
        this.sources = sources;
        time.in(QUEUE_RUN.toNanos(), this::queueRun);
    }

    @Override
    public long queued() {
        return queued;
    }

    @Override
    public void submit(SimulatedMessage message) {
        queued++;
        activate(message);
    }

    private void activate(SimulatedMessage message) {
        String source = sources.get((int) (message.id() % sources.size()));
        Destination destination = destinations.computeIfAbsent(source + ' ' + message.domain(),
                _ -> new Destination(source, world.twin(message.domain())));
        if (destination.window.isDead() && time.nanos() < destination.deadUntilNanos) {
            defer(message);
            return;
        }
        if (destination.window.isDead()) {
            destination.window.revive();
        }
        destination.active.add(message);
        start(destination);
    }

    private void queueRun() {
        for (Waiting next = deferred.peek(); next != null && next.dueNanos <= time.nanos(); next = deferred.peek()) {
            deferred.remove();
            activate(next.message);
        }
        time.in(QUEUE_RUN.toNanos(), this::queueRun);
    }

    private void defer(SimulatedMessage message) {
        long age = time.nanos() - message.arrivalNanos();
        deferred.add(new Waiting(message, time.nanos() + Math.clamp(age, SHORTEST_NANOS, LONGEST_NANOS)));
    }

    private void start(Destination to) {
        while (!to.window.isDead() && to.busy < to.window.window() && !to.active.isEmpty()) {
            SimulatedMessage message = to.active.remove();
            to.busy++;
            time.in(to.twin.connectNanos(), () -> connected(to, message));
        }
    }

    private void connected(Destination to, SimulatedMessage message) {
        Twin.Session session = to.twin.connect(to.source, time.nanosSince1970());
        Answer greeting = session.greeting();
        time.in(greeting.delayNanos(), () -> {
            if (greeting.isRefusal()) {
                handshakeFailed(to, session, message, greeting);
                return;
            }
            Answer hello = session.hello(time.nanosSince1970());
            time.in(hello.delayNanos(), () -> {
                if (hello.isRefusal()) {
                    handshakeFailed(to, session, message, hello);
                } else {
                    send(to, session, message, time.nanos());
                }
            });
        });
    }

    private void handshakeFailed(Destination to, Twin.Session session, SimulatedMessage message, Answer answer) {
        session.close();
        to.busy--;
        world.figures.sessionFailed(to.twin.profile().name());
        settle(to, message, answer);
        if (to.window.failed()) {
            world.figures.suspended(to.twin.profile().name());
            to.deadUntilNanos = time.nanos() + SHORTEST_NANOS;
            for (SimulatedMessage each : to.active) {
                defer(each);
            }
            to.active.clear();
        }
        start(to);
    }

    private void send(Destination to, Twin.Session session, SimulatedMessage message, long openedNanos) {
        Answer mail = session.mail(message.sender(), time.nanosSince1970());
        time.in(mail.delayNanos(), () -> {
            if (mail.isRefusal()) {
                answered(to, session, message, mail, openedNanos);
                return;
            }
            Answer recipient = session.recipient(message.recipient(), time.nanosSince1970());
            time.in(recipient.delayNanos(), () -> {
                if (recipient.isRefusal()) {
                    answered(to, session, message, recipient, openedNanos);
                    return;
                }
                Answer content = session.content(time.nanosSince1970());
                time.in(content.delayNanos(), () -> answered(to, session, message, content, openedNanos));
            });
        });
    }

    private void answered(Destination to, Twin.Session session, SimulatedMessage message, Answer answer,
            long openedNanos) {
        settle(to, message, answer);
        to.window.succeeded(to.busy);
        SimulatedMessage next = to.busy <= to.window.window() ? to.active.poll() : null;
        if (next != null && !answer.reply().closes() && time.nanos() - openedNanos < REUSE_NANOS) {
            send(to, session, next, openedNanos);
        } else {
            session.close();
            to.busy--;
            if (next != null) {
                to.active.addFirst(next);
            }
        }
        start(to);
    }

    private void settle(Destination to, SimulatedMessage message, Answer answer) {
        Figures.Kind kind = !answer.isRefusal()
                ? Figures.Kind.DELIVERED
                : answer.reply().isPermanent() ? Figures.Kind.BOUNCED : Figures.Kind.DEFERRED;
        world.figures.came(to.twin.profile().name(), kind, answer.limit(), time.nanos());
        if (kind == Figures.Kind.DEFERRED) {
            defer(message);
        } else {
            queued--;
        }
    }
}

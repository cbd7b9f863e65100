package dev.penstock.simulation;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyBook;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.delivery.Cause;
import dev.penstock.delivery.Consequences;
import dev.penstock.delivery.FailurePolicy;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.delivery.Outcome;
import dev.penstock.delivery.Phase;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Quota;
import dev.penstock.egress.SourceHealth;
import dev.penstock.loadgen.twin.Twin;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.Admission;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.Placement;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.queue.ReadyQueueListener;
import dev.penstock.queue.RetrySchedule;
import dev.penstock.queue.RouteFailureHandler;
import dev.penstock.queue.SteppedQueue;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.rules.SiteFinder.Answer;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SpoolEntry;

/**
 * The gateway without spool, sockets and threads: its queue, ready queues, admission, limiters, failure policy and reply
 * rules, in virtual time. Confined to the run's thread.
 */
final class GatewaySender implements Sender, ReadyQueueListener, RouteFailureHandler {
    /** As {@code delivery.Dispatcher} shares out max-sessions. */
    private static final int RESERVE_SHARE = 10;
    private static final int OPENING_PERCENT = 75;
    private static final long NONE = Long.MAX_VALUE;
    /** Limiters without anybody who waits are looked at as often: it costs nothing. */
    private static final long LONGEST_WAIT_NANOS = 3_600_000_000_000L;
    private static final int HOST_PORT = 25;
    private static final int MX_PREFERENCE = 10;
    private static final int OCTET = 256;
    private static final long NANOS_PER_MILLI = 1_000_000;
    /** Of one message of so many it is asked when it goes: what that costs does not show; a prime, in step with no mix. */
    private static final int ASKED_ABOUT = 53;

    final World world;
    final MailQueue queue;
    final SteppedQueue stepped;
    final Admission admission;
    final Steering steering;
    private final Shaper shaper;
    final Consequences consequences;
    private final QueueConfig queueConfig;
    private final FailurePolicy policy;
    private final ReplyBook replies;
    private final SplittableRandom random;
    private final SourceHealth health = new SourceHealth();
    private final Map<String, Route> routes = new HashMap<>();
    private long wakeNanos = NONE;
    private long healthNanos = NONE;
    private long slotsNanos = NONE;
    /** What was said of a message when it came: until it goes. */
    private final Map<Long, Said> said = new HashMap<>();
    private long submitted;

    private record Said(long nanos, long goesMillis) {}

    GatewaySender(World world, GatewayConfig config, Steering steering, long seed) {
        this.world = world;
        this.steering = steering;
        this.queueConfig = config.queue();
        this.random = new SplittableRandom(seed);
        this.policy = new FailurePolicy(config.queue().maxAge());
        this.replies = new ReplyBook(config.delivery().classificationFiles());
        VirtualTime time = world.time;
        Router router = domain -> CompletableFuture.completedFuture(route(domain));
        this.shaper = steering.shaper(config, domain -> CompletableFuture.completedFuture(site(domain)), time,
                time::nanos);
        this.queue = new MailQueue(config.queue(), shaper, router,
                new Placement(Pools.of(config), health, Quota.NONE), time, time::nanos);
        this.stepped = new SteppedQueue(queue);
        int sessions = config.delivery().maxSessions();
        int comingUp = Math.ceilDiv(sessions * OPENING_PERCENT, 100);
        SessionLimiter total = new SessionLimiter("max-sessions", sessions, Math.max(1, sessions / RESERVE_SHARE));
        this.admission = new Admission(total, total,
                new OpeningLimiter("max-sessions that come up", comingUp, comingUp / RESERVE_SHARE),
                (_, hosts, _) -> hosts, time::nanos, session -> new SimulatedSession(this, session).start());
        this.consequences = new Consequences(queue, time, time::nanos, this::eachOfReceiver,
                (ready, _) -> world.figures.suspended(twinName(ready)));
        stepped.open(this, this);
        steering.begins(queue, time);
        time.afterEach(this::follow);
    }

    /** In an order that no run changes. */
    private void eachOfReceiver(ReadyQueue ready, Consumer<ReadyQueue> action) {
        String provider = queue.provider(ready);
        List<ReadyQueue> all = new ArrayList<>();
        queue.forEachReadyQueue(other -> {
            if (provider.isEmpty()
                    ? other.key().site().equals(ready.key().site())
                    : queue.provider(other).equals(provider)) {
                all.add(other);
            }
        });
        all.sort(Comparator.comparing(other -> other.key().toString()));
        all.forEach(action);
    }

    /** What fell due meanwhile is done, and the next time asked for. */
    private void follow() {
        long wait;
        do {
            if (stepped.isRoused()) {
                turn();
            }
            wait = shaper.turn();
        } while (wait == 0 || stepped.isRoused());
        long at = world.time.nanos() + Math.min(wait, LONGEST_WAIT_NANOS);
        if (at < slotsNanos) {
            slotsNanos = at;
            world.time.at(at, () -> { // what is due then is done behind it
                if (slotsNanos == at) {
                    slotsNanos = NONE;
                }
            });
        }
    }

    private void turn() {
        long at = world.time.nanos() + stepped.turn();
        if (at < wakeNanos) {
            wakeNanos = at;
            world.time.at(at, () -> {
                if (wakeNanos == at) {
                    wakeNanos = NONE;
                    turn();
                }
            });
        }
    }

    /** Blocked sources come back when their time is over; as often as something is suspended. */
    void followSources() {
        long next = health.expire(world.time.millis());
        if (next <= 0 || next == Long.MAX_VALUE) {
            return;
        }
        long at = Math.max(world.time.nanos() + 1,
                next * 1_000_000 - world.time.nanosSince1970() + world.time.nanos());
        if (at < healthNanos) {
            healthNanos = at;
            world.time.at(at, () -> {
                if (healthNanos == at) {
                    healthNanos = NONE;
                    followSources();
                }
            });
        }
    }

    /** Also of domains that none of the mix's mail is for: the twins have their own. */
    private Answer site(String domain) {
        for (Twin twin : world.twins().values()) {
            if (world.takes(twin, domain)) {
                return new Answer.At(new Site(twin.profile().host()));
            }
        }
        return new Answer.Nowhere(domain + " is no domain of the mix");
    }

    private Route route(String domain) {
        return routes.computeIfAbsent(domain, each -> {
            String host = world.twin(each).profile().host();
            return new Route.Hosts(new Site(host),
                    List.of(new MailHost(host, address(host), HOST_PORT, MX_PREFERENCE)), false);
        });
    }

    /** Of the range for benchmarks (RFC 2544), each host in a network of its own. */
    private InetAddress address(String host) {
        int place = 0;
        for (Twin twin : world.twins().values()) {
            if (twin.profile().host().equals(host)) {
                break;
            }
            place++;
        }
        return InetAddress.ofLiteral("198." + (18 + place / OCTET % 2) + "." + place % OCTET + ".1");
    }

    /** Who takes the queue's mail. */
    Twin twin(ReadyQueue ready) {
        if (!(ready.route() instanceof Route.Hosts hosts)) {
            throw new IllegalStateException("mail of a simulation goes to hosts, not by " + ready.route());
        }
        String host = hosts.hosts().getFirst().name();
        for (Twin twin : world.twins().values()) {
            if (twin.profile().host().equals(host)) {
                return twin;
            }
        }
        throw new IllegalStateException("nobody has the host " + host);
    }

    private String twinName(ReadyQueue ready) {
        return twin(ready).profile().name();
    }

    @Override
    public void submit(SimulatedMessage message) {
        Envelope envelope = new Envelope(new MessageId(message.messageId()), message.sender(),
                List.of(new Recipient(message.recipient(), message.domain())), BodyType.SEVEN_BIT, false,
                message.tenant(), message.campaign(), world.time.millis(), Origin.LOCAL, Options.NONE);
        queue.submit(new QueuedDestination(SpoolEntry.withoutSpool(message.messageId(), 0), envelope, message.domain(),
                0, 0, message.size()));
        if (++submitted % ASKED_ABOUT == 0) {
            queue.why(message.domain(), new MessageId(message.messageId()))
                    .filter(why -> why.state() != QueueItem.State.ACTIVE)
                    .ifPresent(
                            why -> said.put(message.messageId(), new Said(world.time.nanos(), why.expectedMillis())));
        }
    }

    /** An attempt begins: what was said of it shows to be right or wrong. */
    void goes(QueueItem item) {
        Said before = said.isEmpty() ? null : said.remove(item.entry().messageId());
        if (before != null) {
            long waited = world.time.nanos() - before.nanos;
            long expected = before.goesMillis * NANOS_PER_MILLI - world.time.nanosSince1970() + waited;
            world.figures.forecast(world.twin(item.domain()).profile().name(), waited,
                    before.goesMillis == 0 ? -1 : Math.max(0, expected));
        }
    }

    @Override
    public String steering() {
        return steering.name();
    }

    @Override
    public long queued() {
        return queue.stats().queued();
    }

    @Override
    public void wantsSession(ReadyQueue ready) {
        admission.seek(ready);
    }

    @Override
    public void mayGrant(ReadyQueue ready, Limiter limiter) {
        admission.mayGrant(ready, limiter);
    }

    @Override
    public void failed(QueueItem item, Route.Failure failure) {
        throw new IllegalStateException("every domain of a mix has a host, but " + item.domain() + ": " + failure);
    }

    /** @param item null when it answers no message */
    Classification meaning(ReadyQueue ready, @Nullable QueueItem item, Phase phase, Reply reply, long sentNanos) {
        String provider = queue.provider(ready);
        return steering.refused(ready, provider, item, reply, replies.classify(phase.ofReply(), reply, provider),
                sentNanos, () -> sessions(ready));
    }

    /** Of the queue's source with its receiver. */
    private int sessions(ReadyQueue ready) {
        int[] sum = {0};
        queue.forEachReadyQueue(other -> {
            if (other.key().source().equals(ready.key().source())
                    && queue.provider(other).equals(queue.provider(ready))) {
                sum[0] += other.throttle().sessions().sessions();
            }
        });
        return sum[0];
    }

    /** @param item null before one was taken */
    Outcome decide(@Nullable QueueItem item, Phase phase, Reply reply, boolean reused, boolean othersOpen,
            Classification meaning) {
        return policy.decide(new Situation(phase, new Cause.Replied(reply), reused, phase == Phase.END_OF_DATA, true,
                othersOpen, item == null ? 0 : item.attempts(),
                item == null ? 0 : world.time.millis() - item.receivedMillis(), meaning));
    }

    /** @return whether it has expired, and is settled */
    boolean expires(QueueItem item) {
        Outcome.Expired expired = policy.beforeAttempt(item.attempts(), world.time.millis() - item.receivedMillis(),
                false);
        if (expired != null) {
            settle(item, expired, "");
        }
        return expired != null;
    }

    long maxAgeMillis() {
        return policy.maxAge().toMillis();
    }

    /** @param limit what the receiver refused for; empty for nothing */
    void settle(QueueItem item, Outcome outcome, String limit) {
        String twin = world.twin(item.domain()).profile().name();
        long nanos = world.time.nanos();
        switch (outcome) {
            case Outcome.Delivered _ -> finish(item, twin, Figures.Kind.DELIVERED, limit);
            case Outcome.Bounced _ -> finish(item, twin, Figures.Kind.BOUNCED, limit);
            case Outcome.Expired _ -> finish(item, twin, Figures.Kind.EXPIRED, limit);
            case Outcome.Deferred deferred -> {
                world.figures.came(twin, Figures.Kind.DEFERRED, limit, nanos);
                int attempts = item.attempts() + 1;
                long wait = Math.max(RetrySchedule.delay(attempts, queueConfig, random).toMillis(),
                        deferred.reason().meaning().retryAfter().toMillis());
                long now = world.time.millis();
                queue.retry(item, Math.min(now + wait, Math.max(now, item.receivedMillis() + maxAgeMillis())),
                        attempts);
            }
            case Outcome.Untried _ -> queue.requeue(item);
        }
    }

    private void finish(QueueItem item, String twin, Figures.Kind kind, String limit) {
        world.figures.came(twin, kind, limit, world.time.nanos());
        queue.finished(item);
    }
}

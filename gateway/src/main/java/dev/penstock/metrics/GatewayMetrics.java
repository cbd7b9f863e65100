package dev.penstock.metrics;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.netty.buffer.PooledByteBufAllocator;
import jdk.management.VirtualThreadSchedulerMXBean;

import dev.penstock.auth.AuthStats;
import dev.penstock.delivery.DeliveryStats;
import dev.penstock.delivery.Phase;
import dev.penstock.events.DeliveryLogStats;
import dev.penstock.http.ConnectionGate;
import dev.penstock.inbound.InboundStats;
import dev.penstock.inbound.SessionRefusal;
import dev.penstock.inbound.Slowness;
import dev.penstock.injection.InjectionStats;
import dev.penstock.local.LocalStats;
import dev.penstock.policy.PolicyStats;
import dev.penstock.queue.QueueStats;
import dev.penstock.routing.RoutingStats;
import dev.penstock.spool.SpoolStats;

/**
 * Every metric of the gateway in one table. Thread-safe.
 *
 * <p>The parts count for themselves; here their figures are only read, each part's once per scrape, on the thread that
 * scrapes. Nothing is registered or measured on the way of a message.
 */
public final class GatewayMetrics implements AutoCloseable {
    /** Where the figures come from. Called on the scraping thread; must not block. */
    public record Sources(Supplier<InboundStats> inbound, Supplier<SpoolStats> spool, Supplier<QueueStats> queue,
            Supplier<RoutingStats> routing, Supplier<DeliveryStats.Snapshot> delivery,
            Supplier<DeliveryLogStats> deliveryLog, Supplier<InjectionStats> injection,
            Supplier<TlsFigures> tls, Supplier<AuthStats> auth, Supplier<PolicyStats> policy,
            Supplier<LocalStats> local, List<MemoryAccount> accounts) {}

    /**
     * An account of what others can make the gateway keep.
     *
     * @param name  the table of the configuration that limits it
     * @param used  octets
     * @param limit octets
     */
    public record MemoryAccount(String name, LongSupplier used, LongSupplier limit) {}

    private static final double NANOS_PER_SECOND = 1e9;
    private static final String CONNECTIONS_REFUSED = "Connections closed at once, by the limit";

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final List<Part<?>> parts = new ArrayList<>();
    private final JvmGcMetrics garbageCollection = new JvmGcMetrics();
    private final ReentrantLock scraping = new ReentrantLock(); // guards the parts' figures

    public GatewayMetrics(Sources sources) {
        inbound(part("penstock.inbound.", sources.inbound()));
        spool(part("penstock.spool.", sources.spool()));
        queue(part("penstock.queue.", sources.queue()));
        routing(part("penstock.routing.", sources.routing()));
        delivery(part("penstock.delivery.", sources.delivery()));
        deliveryLog(part("penstock.delivery.log.", sources.deliveryLog()));
        injection(part("penstock.injection.", sources.injection()));
        tls(part("penstock.tls.", sources.tls()));
        auth(part("penstock.auth.", sources.auth()));
        policy(part("penstock.policy.", sources.policy()));
        local(part("penstock.local.", sources.local()));
        sources.accounts().forEach(this::account);
        process();
    }

    private void account(MemoryAccount account) {
        Gauge.builder("penstock.memory.used.bytes", account, one -> one.used.getAsLong())
                .description("Octets that an account of memory holds").tag("account", account.name)
                .strongReference(true).register(registry);
        Gauge.builder("penstock.memory.limit.bytes", account, one -> one.limit.getAsLong())
                .description("Octets that it may hold").tag("account", account.name).strongReference(true)
                .register(registry);
    }

    /** Everything in Prometheus's text format. */
    public String scrape() {
        scraping.lock();
        try {
            parts.forEach(Part::refresh);
            return registry.scrape();
        } finally {
            scraping.unlock();
        }
    }

    @Override
    public void close() {
        garbageCollection.close();
        registry.close();
    }

    private static void inbound(Part<InboundStats> part) {
        part.gauge("sessions.open", "SMTP sessions open", InboundStats::sessions);
        part.counter("sessions", "SMTP sessions greeted", InboundStats::sessionsTotal);
        part.counter("sessions.refused", "Sessions refused for the limits", InboundStats::sessionsRefused);
        part.counter("messages", "Messages answered with 250", InboundStats::messages);
        part.counter("bytes", "Octets of their content", InboundStats::octets);
        part.counter("recipients", "Their recipients", InboundStats::recipients);
        part.counter("recipients.refused", "RCPT answered with 4xx or 5xx", InboundStats::recipientsRefused);
        part.counter("messages.refused", "Messages answered with 5xx", InboundStats::messagesRefused);
        part.counter("messages.deferred", "Messages answered with 4xx for want of room",
                InboundStats::messagesDeferred);
        part.counter("messages.aborted", "Messages whose connection was lost", InboundStats::messagesAborted);
        part.counter("errors", "Commands answered with an error", InboundStats::errors);
        part.counter("timeouts", "Sessions closed for silence", InboundStats::timeouts);
        part.gauge("receiving.bytes", "Octets of messages being received", InboundStats::receivingOctets);
        hostility(part);
    }

    private static void hostility(Part<InboundStats> part) {
        for (SessionRefusal refusal : SessionRefusal.values()) {
            part.counter("refusals", "Sessions refused, by the limit", stats -> stats.hostility().refused()
                    .getOrDefault(refusal, 0L), "limit", label(refusal));
        }
        for (Slowness slowness : Slowness.values()) {
            part.counter("slow", "Sessions closed because the client took too long, by the deadline",
                    stats -> stats.hostility().slow().getOrDefault(slowness, 0L), "deadline", label(slowness));
        }
        part.counter("messages.limited", "MAIL commands beyond the client's rate",
                stats -> stats.hostility().messagesLimited());
        part.counter("recipients.limited", "RCPT commands beyond the client's rate",
                stats -> stats.hostility().recipientsLimited());
        part.counter("proxy.failures", "Connections of proxies closed for want of a valid PROXY header",
                stats -> stats.hostility().proxyFailures());
        part.counter("early.talkers", "Clients that spoke before they were greeted",
                stats -> stats.hostility().earlyTalkers());
        part.counter("foreign.commands", "Sessions closed for a command of another protocol",
                stats -> stats.hostility().foreignCommands());
        part.counter("out.of.step", "Sessions closed for input behind a command that ends its group",
                stats -> stats.hostility().outOfStep());
        part.counter("stressed", "Times that sessions came near their limit", stats -> stats.hostility().stressed());
        part.gauge("stress", "1 while the stress limits apply", stats -> stats.hostility().stress() ? 1 : 0);
    }

    private static void spool(Part<SpoolStats> part) {
        part.gauge("messages", "Messages not done yet", SpoolStats::messages);
        part.gauge("segments", "Segment files", SpoolStats::segments);
        part.gauge("disk.bytes", "Their length", SpoolStats::bytesOnDisk);
        part.gauge("live.bytes", "Octets in them that are still needed", SpoolStats::liveBytes);
        part.gauge("cached.bytes", "Octets of content in memory", SpoolStats::cachedBytes);
        part.gauge("waiting", "Requests the committer hasn't taken yet", SpoolStats::waiting);
        part.counter("reads", "Reads of content", SpoolStats::cacheHits, "from", "memory");
        part.counter("reads", "Reads of content", SpoolStats::cacheMisses, "from", "disk");
        part.counter("commits", "Batches written", SpoolStats::commits);
        part.counter("syncs", "Syncs that returned", SpoolStats::syncs);
        part.counter("sync.seconds", "Time spent in syncs", stats -> stats.syncNanos() / NANOS_PER_SECOND);
        part.counter("records", "Records appended", SpoolStats::recordsWritten);
        part.counter("bytes", "Octets appended", SpoolStats::bytesWritten);
        part.counter("segments.reclaimed", "Segment files deleted", SpoolStats::segmentsReclaimed);
        part.counter("deletions.refused", "Deletions refused because something in the segment is needed",
                SpoolStats::deletionsRefused);
        part.gauge("recording", "1 while outcomes can be recorded, and mail is handed out therefore",
                stats -> stats.canRecord() ? 1 : 0);
        part.counter("moved.bytes", "Octets appended again to cold segments", SpoolStats::bytesMoved);
        part.counter("quarantined", "Damaged records or tails set aside", SpoolStats::quarantined);
    }

    private static void queue(Part<QueueStats> part) {
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::scheduled, "state",
                "scheduled");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::routing, "state",
                "routing");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::ready, "state",
                "ready");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::suspended, "state",
                "suspended");
        part.gauge("destinations", "Destinations in the queue, by what they wait for", QueueStats::active, "state",
                "active");
        part.gauge("domains", "Domains that have or lately had mail", QueueStats::domains);
        part.gauge("ready_queues", "Ready queues that have or lately had mail", QueueStats::readyQueues);
        part.counter("submitted", "Destinations queued, recovered ones included", QueueStats::submitted);
        part.counter("finished", "Destinations finished", QueueStats::finished);
        part.counter("retried", "Destinations put back for a later attempt", QueueStats::retried);
        part.counter("requeued", "Destinations put back untried", QueueStats::requeued);
        part.counter("route.failures", "Destinations without a route", QueueStats::routeFailures);
        part.counter("moved", "Domains moved to another ready queue", QueueStats::moved);
    }

    private static void routing(Part<RoutingStats> part) {
        part.counter("routes", "Routes given, by where from", RoutingStats::hits, "from", "cache");
        part.counter("routes", "Routes given, by where from", RoutingStats::misses, "from", "lookup");
        part.counter("stale", "Routes given past their time while being refreshed", RoutingStats::staleServed);
        part.counter("refreshes", "Look-ups in the background", RoutingStats::refreshes);
        part.counter("refreshes.failed", "Of these, those that failed", RoutingStats::failedRefreshes);
        part.counter("queries", "Questions sent to DNS servers", RoutingStats::queries);
        part.counter("queries.tcp", "Asked again over TCP", RoutingStats::overTcp);
        part.counter("answers.mismatched", "Answers that weren't ours or unreadable", RoutingStats::mismatched);
        part.counter("timeouts", "Questions left unanswered", RoutingStats::timeouts);
        part.counter("server.failures", "SERVFAIL, REFUSED, closed ports", RoutingStats::serverFailures);
        failed(part, "bad-domain", RoutingStats::badDomains);
        failed(part, "no-such-domain", RoutingStats::noSuchDomain);
        failed(part, "no-mail-host", RoutingStats::noMailHost);
        failed(part, "null-mx", RoutingStats::nullMx);
        failed(part, "loop", RoutingStats::loops);
        failed(part, "ignored-network", RoutingStats::ignored);
        failed(part, "dns-trouble", RoutingStats::trouble);
        failed(part, "dns-silent", RoutingStats::unasked);
        part.gauge("queries.running", "Queries being asked", RoutingStats::inFlight);
        part.gauge("queries.waiting", "Queries that wait for a place", RoutingStats::waitingQueries);
        part.gauge("lookups.running", "Look-ups at work", RoutingStats::running);
        part.gauge("lookups.waiting", "Look-ups not started yet", RoutingStats::waiting);
        part.gauge("wait.longest.seconds", "For how long the first of those that wait has waited",
                stats -> stats.longestWait() / NANOS_PER_SECOND);
        part.gauge("silence.seconds", "For how long no DNS server has answered; 0 while one does",
                stats -> stats.silence() / NANOS_PER_SECOND);
        part.gauge("cached.domains", "Domains in the cache", RoutingStats::domains);
        part.gauge("cached.hosts", "Mail hosts in the cache", RoutingStats::hosts);
    }

    private static void failed(Part<RoutingStats> part, String reason, ToDoubleFunction<RoutingStats> value) {
        part.counter("failures", "Routes refused or deferred", value, "reason", reason);
    }

    private static void delivery(Part<DeliveryStats.Snapshot> part) {
        part.counter("sessions.tried", "Sessions begun, reused ones once", DeliveryStats.Snapshot::sessionsTried);
        part.counter("sessions", "Sessions that came as far as an answer to EHLO",
                DeliveryStats.Snapshot::sessionsOpened);
        part.counter("connect.failures", "Hosts that could not be reached or refused",
                DeliveryStats.Snapshot::connectFailures);
        part.counter("sessions.broken", "Sessions ended by a failure", DeliveryStats.Snapshot::sessionsBroken);
        part.counter("sessions.refused", "Sessions that failed while others with the same receiver stood",
                DeliveryStats.Snapshot::sessionsRefused);
        part.counter("suspensions", "Suspensions of ready queues, each failed try counted",
                DeliveryStats.Snapshot::suspensions);
        part.counter("tls.fallbacks", "Connections made anew in clear because the TLS handshake had failed",
                DeliveryStats.Snapshot::tlsFallbacks);
        part.counter("transactions", "Transactions answered for", DeliveryStats.Snapshot::transactions);
        recipients(part, "delivered", DeliveryStats.Snapshot::delivered);
        recipients(part, "deferred", DeliveryStats.Snapshot::deferred);
        recipients(part, "bounced", DeliveryStats.Snapshot::bounced);
        recipients(part, "expired", DeliveryStats.Snapshot::expired);
        for (Phase phase : Phase.values()) {
            part.counter("failed.recipients", "Recipients deferred, bounced or expired, by where it was decided",
                    stats -> stats.failuresByPhase().getOrDefault(phase, 0L), "phase",
                    label(phase));
        }
        part.counter("requeued", "Items put back untried", DeliveryStats.Snapshot::requeued);
        part.counter("bytes", "Octets of content delivered", DeliveryStats.Snapshot::octets);
        part.counter("unknown", "Messages of which it isn't known whether the host took them: possible duplicates",
                DeliveryStats.Snapshot::lostAfterEndOfData);
        part.counter("reports", "Reports to senders queued", DeliveryStats.Snapshot::reports);
        part.counter("reports.failed", "Reports to senders the spool couldn't keep, to be made later",
                DeliveryStats.Snapshot::reportsFailed);
        part.counter("reports.impossible", "Reports that could not be made, because the sender's address is none",
                DeliveryStats.Snapshot::reportsImpossible);
        part.counter("memory.refused", "Times that something of a delivery didn't fit into its account of memory",
                DeliveryStats.Snapshot::memoryRefused);
        part.counter("postponed", "Messages with many recipients that wait because their account of memory is full",
                DeliveryStats.Snapshot::postponed);
        part.counter("unreadable", "Items the spool couldn't read", DeliveryStats.Snapshot::unreadable);
        part.counter("spool.failures", "Outcomes the spool couldn't record: possible duplicates after a restart",
                DeliveryStats.Snapshot::spoolFailures);
    }

    private static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static void recipients(Part<DeliveryStats.Snapshot> part, String outcome,
            ToDoubleFunction<DeliveryStats.Snapshot> value) {
        part.counter("recipients", "Outcomes per recipient", value, "outcome", outcome);
    }

    private static void deliveryLog(Part<DeliveryLogStats> part) {
        part.counter("events", "Events that reached a file", DeliveryLogStats::written);
        part.counter("dropped", "Events given up", DeliveryLogStats::dropped);
        part.counter("rejections.dropped", "Events about refused receptions given up beyond their rate",
                DeliveryLogStats::rejectionsDropped);
        part.counter("bytes", "Octets written", DeliveryLogStats::bytes);
        part.counter("failures", "Writes, rotations, compressions and deletions that failed and are tried again",
                DeliveryLogStats::failures);
        part.counter("files", "Files begun", DeliveryLogStats::files);
        part.gauge("pending", "Events that wait", DeliveryLogStats::pending);
    }

    private static void injection(Part<InjectionStats> part) {
        part.gauge("requests.open", "HTTP requests being answered", InjectionStats::requests);
        requests(part, "accepted", InjectionStats::requestsAccepted);
        requests(part, "refused", InjectionStats::requestsRefused);
        requests(part, "unauthorized", InjectionStats::unauthorized);
        requests(part, "throttled", InjectionStats::throttled);
        requests(part, "unavailable", InjectionStats::unavailable);
        part.counter("replayed", "Requests answered from their idempotency key", InjectionStats::replayed);
        part.counter("messages", "Messages kept", InjectionStats::messages);
        part.counter("bytes", "Octets of their content", InjectionStats::octets);
        part.counter("recipients", "Recipients accepted", InjectionStats::recipients);
        part.counter("recipients.refused", "Recipients refused", InjectionStats::recipientsRefused);
        part.gauge("keys", "Idempotency keys remembered", InjectionStats::keys);
        part.gauge("receiving.bytes", "Octets that requests being worked on hold", InjectionStats::heldOctets);
        part.gauge("connections.open", "HTTP connections open", InjectionStats::connections);
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefused, "limit", "all");
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefusedToAddress, "limit",
                "address");
        part.counter("connections.refused", CONNECTIONS_REFUSED, InjectionStats::connectionsRefusedForDescriptors,
                "limit", "descriptors");
    }

    /** Those of the port that serves this. */
    public void connections(ConnectionGate gate) {
        Part<ConnectionGate> part = part("penstock.http.", () -> gate);
        part.gauge("connections.open", "HTTP connections to this port", ConnectionGate::open);
        part.counter("connections.refused", CONNECTIONS_REFUSED, ConnectionGate::refused, "limit", "all");
        part.counter("connections.refused", CONNECTIONS_REFUSED, ConnectionGate::refusedToClient, "limit", "address");
        part.counter("connections.refused", CONNECTIONS_REFUSED, ConnectionGate::refusedForDescriptors, "limit",
                "descriptors");
    }

    private static void requests(Part<InjectionStats> part, String outcome, ToDoubleFunction<InjectionStats> value) {
        part.counter("requests", "HTTP requests answered, by outcome", value, "outcome", outcome);
    }

    private static void tls(Part<TlsFigures> part) {
        part.counter("handshakes", "Handshakes of clients, by what they came to",
                tls -> tls.stats().handshakes(), "outcome", "done");
        part.counter("handshakes", "Handshakes of clients, by what they came to",
                tls -> tls.stats().failedHandshakes(), "outcome", "failed");
        part.gauge("handshakes.waiting", "Steps of handshakes that wait for a thread", TlsFigures::waiting);
        part.counter("reloads", "Certificates read anew because their files had changed",
                tls -> tls.stats().reloads());
        part.counter("reloads.failed", "Changed certificates that can't be used; the ones from before stay",
                tls -> tls.stats().failedReloads());
        part.counter("floods", "Connections ended because their TLS records brought no data",
                tls -> tls.stats().floods());
        part.gauge("certificate.not.after.seconds",
                "When the certificate that expires first does, in seconds since 1970; NaN without TLS",
                tls -> tls.notAfter().map(time -> (double) time.getEpochSecond()).orElse(Double.NaN));
    }

    private static void auth(Part<AuthStats> part) {
        logins(part, "success", AuthStats::successes);
        logins(part, "refused", AuthStats::refused);
        logins(part, "malformed", AuthStats::malformed);
        logins(part, "undecided", AuthStats::undecided);
        part.counter("hashes", "Password hashes computed", AuthStats::hashes);
        part.counter("recalled", "Passwords that took no hash: they had been right a short while ago",
                AuthStats::recalled);
        part.counter("busy", "Password checks not made because too many waited", AuthStats::busy);
        part.counter("unanswered", "Questions to others about logins that weren't decided", AuthStats::unanswered);
        part.gauge("users", "Users in the credentials file", AuthStats::users);
        part.counter("reloads", "Changes of the credentials file taken over", AuthStats::reloads);
        part.counter("reloads.failed", "Changes of it that weren't, because of an error in it",
                AuthStats::reloadsRefused);
    }

    private static void logins(Part<AuthStats> part, String outcome, ToDoubleFunction<AuthStats> value) {
        part.counter("logins", "Logins by what they came to, those over HTTP included", value, "outcome", outcome);
    }

    private static void policy(Part<PolicyStats> part) {
        part.counter("relay.denied", "Recipients refused by the relay rules", PolicyStats::relayDenied);
        part.counter("senders.refused", "Senders that weren't the user's, in MAIL or in the From field",
                PolicyStats::sendersRefused);
        part.counter("headers.refused", "Messages whose tenant or campaign field can't be one",
                PolicyStats::headersRefused);
        part.counter("questions", "Questions to plug-ins and the call-out", PolicyStats::questions);
        part.counter("refusals", "Of these, those answered by a refusal", PolicyStats::refusals);
        unanswered(part, "timeout", PolicyStats::timeouts);
        unanswered(part, "overload", PolicyStats::overloads);
        unanswered(part, "failure", PolicyStats::failures);
        part.gauge("questions.open", "Questions that plug-ins and the call-out are at, late ones included",
                PolicyStats::inFlight);
    }

    private static void unanswered(Part<PolicyStats> part, String reason, ToDoubleFunction<PolicyStats> value) {
        part.counter("unanswered", "Questions answered as on-failure says, by the reason", value, "reason", reason);
    }

    private static void local(Part<LocalStats> part) {
        answers(part, "known", LocalStats::known);
        answers(part, "unknown", LocalStats::unknown);
        answers(part, "undecided", LocalStats::undecided);
        part.counter("questions", "Call-aheads to stores", LocalStats::asked);
        part.counter("questions.unanswered", "Call-aheads that weren't decided", LocalStats::askedInVain);
        part.gauge("remembered", "Answers of stores in memory", LocalStats::remembered);
        part.gauge("listed", "Recipients that the files name", LocalStats::listed);
        part.counter("reloads", "Recipients files read", LocalStats::fileReads);
        part.counter("reloads.failed", "Recipients files that can't be used; the list from before stays",
                LocalStats::fileFailures);
    }

    private static void answers(Part<LocalStats> part, String answer, ToDoubleFunction<LocalStats> value) {
        part.counter("recipients", "Recipients in local domains, by what was found", value, "found", answer);
    }

    private void process() {
        for (MeterBinder binder : List.of(new JvmMemoryMetrics(), garbageCollection, new JvmThreadMetrics(),
                new ProcessorMetrics(), new UptimeMetrics(), new FileDescriptorMetrics())) {
            binder.bindTo(registry);
        }
        Gauge.builder("penstock.build.info", () -> 1).description("Always 1; the version is a label")
                .tag("version", BuildInfo.version()).tag("java", Runtime.version().toString()).register(registry);
        Gauge.builder("penstock.netty.direct.bytes", PooledByteBufAllocator.DEFAULT.metric(),
                pool -> pool.usedDirectMemory()).description("Direct memory of Netty's pooled allocator")
                .strongReference(true).register(registry);
        VirtualThreadSchedulerMXBean scheduler = ManagementFactory
                .getPlatformMXBean(VirtualThreadSchedulerMXBean.class);
        Gauge.builder("penstock.carriers", scheduler, VirtualThreadSchedulerMXBean::getPoolSize)
                .description("Platform threads that carry virtual ones").strongReference(true).register(registry);
        Gauge.builder("penstock.carriers.mounted", scheduler,
                VirtualThreadSchedulerMXBean::getMountedVirtualThreadCount)
                .description("Virtual threads that run now").strongReference(true).register(registry);
        Gauge.builder("penstock.carriers.queued", scheduler, VirtualThreadSchedulerMXBean::getQueuedVirtualThreadCount)
                .description("Virtual threads that could run and wait for a carrier").strongReference(true)
                .register(registry);
    }

    private <T> Part<T> part(String prefix, Supplier<T> source) {
        Part<T> part = new Part<>(registry, prefix, source);
        parts.add(part);
        return part;
    }

    /** One part's figures as of the last scrape, and the names they go by. */
    private static final class Part<T> {
        private final MeterRegistry registry;
        private final String prefix;
        private final Supplier<T> source;
        private volatile T figures;

        Part(MeterRegistry registry, String prefix, Supplier<T> source) {
            this.registry = registry;
            this.prefix = prefix;
            this.source = source;
            figures = source.get();
        }

        void refresh() {
            figures = source.get();
        }

        void counter(String name, String help, ToDoubleFunction<T> value, String... tags) {
            FunctionCounter.builder(prefix + name, this, part -> value.applyAsDouble(part.figures)).description(help)
                    .tags(tags).register(registry);
        }

        void gauge(String name, String help, ToDoubleFunction<T> value, String... tags) {
            Gauge.builder(prefix + name, this, part -> value.applyAsDouble(part.figures)).description(help).tags(tags)
                    .register(registry);
        }
    }
}

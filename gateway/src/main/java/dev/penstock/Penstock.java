package dev.penstock;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.auth.AuthMetrics;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.callout.HttpCallout;
import dev.penstock.config.Budget;
import dev.penstock.config.ConfigChange;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.config.TlsReportsConfig;
import dev.penstock.delivery.DeliveryMetrics;
import dev.penstock.delivery.DeliveryStats;
import dev.penstock.delivery.Dispatcher;
import dev.penstock.delivery.HeldMail;
import dev.penstock.delivery.ProviderMetrics;
import dev.penstock.delivery.RecipientProbe;
import dev.penstock.delivery.ReplyRoutes;
import dev.penstock.delivery.TlsOut;
import dev.penstock.dkim.Signing;
import dev.penstock.dkim.SigningMetrics;
import dev.penstock.egress.AddressWatch;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceWarden;
import dev.penstock.egress.Sources;
import dev.penstock.egress.WarmUp;
import dev.penstock.egress.WarmUpMetrics;
import dev.penstock.events.DeliveryLog;
import dev.penstock.events.DeliveryLogMetrics;
import dev.penstock.events.DeliveryLogStats;
import dev.penstock.http.ConnectionGateMetrics;
import dev.penstock.http.HttpRoute;
import dev.penstock.http.HttpServer;
import dev.penstock.http.OperatorPort;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.inbound.InboundMetrics;
import dev.penstock.inbound.InboundStats;
import dev.penstock.inbound.SmtpServer;
import dev.penstock.injection.InjectionMetrics;
import dev.penstock.injection.InjectionServer;
import dev.penstock.injection.InjectionStats;
import dev.penstock.injection.OldJournal;
import dev.penstock.local.LocalMetrics;
import dev.penstock.local.LocalRecipients;
import dev.penstock.local.LocalStats;
import dev.penstock.message.Envelope;
import dev.penstock.meters.MemoryAccount;
import dev.penstock.meters.PartMeters;
import dev.penstock.metrics.Health;
import dev.penstock.metrics.MetricsRegistry;
import dev.penstock.metrics.OperatorRoutes;
import dev.penstock.mtasts.HttpsFetch;
import dev.penstock.mtasts.StsMetrics;
import dev.penstock.mtasts.StsPolicies;
import dev.penstock.mtasts.StsRouter;
import dev.penstock.policy.PolicyEngine;
import dev.penstock.policy.PolicyMetrics;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.PreflightMetrics;
import dev.penstock.queue.Curfews;
import dev.penstock.queue.FairnessMetrics;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.Placement;
import dev.penstock.queue.QueueMetrics;
import dev.penstock.queue.QueueRoom;
import dev.penstock.queue.QueueStats;
import dev.penstock.queue.SourceMetrics;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.reception.Acceptance;
import dev.penstock.reception.PreflightPolicy;
import dev.penstock.reception.Reception;
import dev.penstock.reception.SignaturesToCome;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.RoutingMetrics;
import dev.penstock.routing.RoutingStats;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.ControlMetrics;
import dev.penstock.shaping.control.RuleAutomation;
import dev.penstock.shaping.control.Scope;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.spool.SpoolMetrics;
import dev.penstock.spool.SpoolStats;
import dev.penstock.tls.ClientTls;
import dev.penstock.tls.HttpsExchange;
import dev.penstock.tls.TlsListeners;
import dev.penstock.tls.TlsMetrics;
import dev.penstock.tls.TlsResult;
import dev.penstock.tlsreport.ReceptionMailer;
import dev.penstock.tlsreport.TlsReports;

/**
 * The composition root: makes the parts of the gateway, wires them by constructor, starts and stops them in order.
 * Thread-safe.
 */
public final class Penstock implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Penstock.class);

    /** For a report that goes by HTTPS. */
    private static final Duration TLS_REPORT_TIME = Duration.ofMinutes(1);

    private final DeliveryLog deliveryLog;
    private final Sources sources;
    private final SourceHealth sourceHealth = new SourceHealth();
    private final WarmUp warmUp;
    private final Placement placement;
    private final AddressWatch addresses;
    private final DnsRouter router;
    private final RuleBook rules;
    private final Shaper shaper;
    private final AdaptiveControl control;
    private final StsPolicies stsPolicies;
    private volatile @Nullable TlsReports tlsReports; // sessions count in it
    private final MailQueue queue;
    private final SegmentSpool spool;
    private final Signing signing;
    private final Reception reception;
    private final Dispatcher dispatcher;
    private final SaslAuthenticator authenticator;
    private final LocalRecipients recipients;
    private final PolicyEngine policy;
    private final Preflight preflight;
    private final PreflightPolicy judging;
    private final TlsListeners tls;
    private final SmtpServer smtp;
    private final OldJournal oldJournal;
    private final @Nullable InjectionServer injection;
    private final HttpServer http;
    private final QueueRoom room;
    private final List<AutoCloseable> parts = new ArrayList<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final MetricsRegistry metrics;
    /** Sources that have their figures in it. */
    private final Set<String> metered = new HashSet<>();
    private volatile GatewayConfig config;

    /** Starts a gateway. When a part can't start, those that had are stopped again and its exception is thrown. */
    public static Penstock start(GatewayConfig config) throws IOException {
        return new Penstock(config);
    }

    private Penstock(GatewayConfig config) throws IOException {
        this.config = config;
        Resources.check(config);
        InstantSource clock = InstantSource.system();
        try {
            sources = Sources.of(config);
            SourceWarden warden = started(new SourceWarden(sources, sourceHealth, clock));
            addresses = started(new AddressWatch(sources, warden));
            warmUp = WarmUp.of(config, clock);
            placement = new Placement(Pools.of(config), sourceHealth, warmUp);
            deliveryLog = started(new DeliveryLog(config.events(), config.hostname(), clock));
            router = new DnsRouter(config.allRoutes(), config.dns(), config.delivery().port(), OwnAddresses.NONE,
                    System::nanoTime, Thread::startVirtualThread, DnsRouter.SHARED_RANDOM);
            rules = started(new RuleBook(config.shaping(), new RouterSites(router), System::nanoTime));
            control = new AdaptiveControl(config.control(), rules, new RuleAutomation(rules),
                    config.spool().directory(), clock, System::nanoTime);
            shaper = new Shaper(rules, control.limits(), clock, System::nanoTime);
            control.listen(new AdaptiveControl.Listener() {
                @Override
                public void limitsChanged(Scope scope) {
                    shaper.changed(scope.source(), scope.provider(), scope.site());
                }

                @Override
                public void resumed(String source, String site) {
                    suspensionIsOver(source, site);
                }
            });
            TlsResult.Listener tlsResults = config.tlsReports().mode() == TlsReportsConfig.Mode.OFF
                    ? TlsResult.Listener.NONE
                    : this::tlsResult;
            stsPolicies = started(
                    new StsPolicies(router, new HttpsFetch(router, new ClientTls(config.delivery().httpsCa())),
                            config.spool().directory(), clock, tlsResults));
            queue = new MailQueue(config.queue(), shaper,
                    new StsRouter(router, stsPolicies, this::keepsToMtaSts, tlsResults), placement,
                    clock, System::nanoTime);
            queue.lookAtHeldEvery(config.preflight().recheck());
            queue.reconfigure(TenantRules.of(config), Curfews.of(config));
            room = new QueueRoom(queue::heapOctets, Budget.forQueue(config, Runtime.getRuntime().maxMemory()));
            oldJournal = OldJournal.open(config.injection());
            spool = started(
                    SegmentSpool.open(config.spool(), config.queue().laneSharePercent(), config.node(), clock,
                            this::recovered));
            started(warmUp.open());
            started(control.open());
            signing = started(Signing.open(config.dkim(), clock));
            reception = new Reception(spool, new Intake(), deliveryLog, clock, signing);
            tlsReports = config.tlsReports().mode() == TlsReportsConfig.Mode.OFF ? null : started(tlsReports(clock));
            dispatcher = started(
                    new Dispatcher(config.hostname(), config.delivery(), config.queue(), sources,
                            warden, spool, queue, reception, deliveryLog, clock, System::nanoTime,
                            new TlsOut(router, tlsResults)));
            dispatcher.controlledBy(control);
            warden.start(dispatcher::probe);
            started(queue);
            authenticator = started(
                    SaslAuthenticator.open(config.auth(), config.inbound().clients(), config.spool().directory()));
            RecipientProbe probe = started(
                    new RecipientProbe(config.hostname(), config.delivery(), sources, router, System::nanoTime));
            recipients = started(new LocalRecipients(config.localDomains(), probe, System::nanoTime));
            policy = started(new PolicyEngine(config.policy(), recipients, placement::pools));
            policy.reconfigure(config.policy(), TenantRules.of(config));
            preflight = new Preflight(config.preflight(), router::records, Thread::startVirtualThread,
                    System::nanoTime);
            judging = new PreflightPolicy(policy, preflight, new SignaturesToCome(signing));
            dispatcher.decidesAboutHeld(new HeldMail(preflight, queue, spool, deliveryLog));
            tls = started(new TlsListeners(config.listeners(), config.injection().tls()));
            smtp = started(
                    new SmtpServer(config.hostname(), config.listeners(), config.inbound(), tls.servers(), judging,
                            authenticator, reception, deliveryLog, clock));
            smtp.start();
            oldJournal.takeOver(spool, clock.millis());
            injection = config.injection().enabled() ? started(injection(clock)) : null;
            metrics = metrics();
            meterSources();
            parts.addFirst(metrics);
            List<HttpRoute> routes = new ArrayList<>(OperatorRoutes.of(metrics, this::health));
            routes.addAll(ReplyRoutes.of(dispatcher.replyCounts()));
            http = new HttpServer(OperatorPort.of(config.http()), Routes.of(new TextErrors(), routes));
            metrics.add(ConnectionGateMetrics.of("penstock.http.", http.gate()));
            parts.add(1, http); // closed when all mail has come to rest, so that a stop can be watched
            router.reconfigure(config.allRoutes(), config.dns(), config.delivery().port(), ownAddresses());
            addresses.start();
            rules.start(this::rolledUp);
            queue.start(dispatcher, dispatcher);
        } catch (IOException | RuntimeException | Error e) {
            closeParts();
            throw e;
        }
        log.info("event=started hostname={} smtp={} http={} queued={}", config.hostname(), smtp.addresses(),
                http.address(),
                queue.stats().queued());
    }

    private InjectionServer injection(InstantSource clock) {
        return new InjectionServer(config.hostname(), config.injection(), config.inbound(), oldJournal, spool,
                reception, authenticator, judging, deliveryLog, clock, tls.injection());
    }

    private TlsReports tlsReports(InstantSource clock) throws IOException {
        return new TlsReports(config.tlsReports(), config.hostname(), router,
                new HttpsExchange(new ClientTls(config.delivery().httpsCa()), TLS_REPORT_TIME, HttpCallout.MAX_ANSWER),
                new ReceptionMailer(reception), clock);
    }

    /** Policies are looked up before there are reports to count in. */
    private void tlsResult(TlsResult result) {
        TlsReports reports = tlsReports;
        if (reports != null) {
            reports.on(result);
        }
    }

    private <T extends AutoCloseable> T started(T part) {
        parts.add(part);
        return part;
    }

    /** Once each: a source that is configured no more keeps its figures. */
    private void meterSources() {
        for (Source source : sources.all()) {
            String name = source.name();
            if (metered.add(name)) {
                metrics.add(SourceMetrics.of(name, () -> queue.sourceStats(name), dispatcher.stats()::deliveredFrom));
            }
        }
    }

    private MetricsRegistry metrics() {
        List<PartMeters<?>> meters = new ArrayList<>(List.of(InboundMetrics.of(smtp::stats, smtp::acceptTimes),
                SpoolMetrics.of(spool::stats, spool::syncTimes), QueueMetrics.of(queue::stats, queue::ages),
                FairnessMetrics.ofTenants(queue.accounts()::stats), FairnessMetrics.ofCurfews(queue::curfewStats),
                RoutingMetrics.of(router::stats, router::lookUpTimes),
                DeliveryMetrics.of(this::deliveryStats, dispatcher.stats()::firstAttempts,
                        dispatcher.stats()::transits),
                ProviderMetrics.of(dispatcher.stats()::providers), WarmUpMetrics.of(warmUp::progress),
                ControlMetrics.of(() -> control.figures(ControlMetrics.MAX_SHOWN)),
                DeliveryMetrics.of(dispatcher.replyCounts()),
                DeliveryLogMetrics.of(deliveryLog::stats),
                InjectionMetrics.of(this::injectionStats), TlsMetrics.of(tls::figures),
                AuthMetrics.of(authenticator::stats), PolicyMetrics.of(policy::stats),
                LocalMetrics.of(recipients::stats), SigningMetrics.of(signing::stats),
                StsMetrics.of(stsPolicies::stats), PreflightMetrics.of(preflight::stats, queue::held)));
        accounts().forEach(account -> meters.add(account.meters()));
        return new MetricsRegistry(meters);
    }

    private List<MemoryAccount> accounts() {
        return List.of(
                new MemoryAccount("inbound", () -> smtp.stats().receivingOctets(),
                        () -> config.inbound().memoryLimit().bytes()),
                new MemoryAccount("spool-cache", () -> spool.stats().cachedBytes(),
                        () -> config.spool().cacheSize().bytes()),
                new MemoryAccount("spool-waiting", spool::waitingOctets,
                        () -> config.spool().maxWaiting().bytes()),
                new MemoryAccount("dns-domains", router::cachedDomainOctets,
                        () -> config.dns().cacheOctets()),
                new MemoryAccount("dns-hosts", router::cachedHostOctets,
                        () -> config.dns().cacheOctets()),
                new MemoryAccount("dns-records", router::cachedRecordOctets,
                        () -> config.dns().recordOctets()),
                new MemoryAccount("delivery", dispatcher::heldOctets,
                        () -> config.delivery().memoryLimit().bytes()),
                new MemoryAccount("injection", () -> injectionStats().heldOctets(),
                        () -> config.injection().memoryLimit().bytes()),
                new MemoryAccount("queue", queue::heapOctets, room::limit),
                new MemoryAccount("events", deliveryLog::pendingOctets,
                        () -> config.events().maxPendingOctets()));
    }

    /** Ready is who takes mail: the listeners are bound before this is first asked. */
    private List<Health.Check> health() {
        SpoolHealth kept = spool.health();
        String trouble = deliveryLog.trouble();
        return List.of(
                new Health.Check("spool", kept.state() == SpoolHealth.State.READY,
                        kept.state() + (kept.detail().isEmpty() ? "" : ": " + kept.detail())),
                new Health.Check("queue", room.hasRoom(), room.hasRoom() ? "" : "full: queue.memory-limit"),
                new Health.Check("smtp", !closing.get(), closing.get() ? "stopping" : addresses()),
                // A delivery log that can't be written never stops mail.
                new Health.Check("delivery-log", true, trouble == null ? "" : trouble));
    }

    private String addresses() {
        return smtp.addresses().stream().map(NetUtil::toSocketAddressString).collect(Collectors.joining(", "));
    }

    /** On the thread that starts: recovered mail goes where new mail goes, with the attempts and times it had. */
    private void recovered(QueuedDestination destination) {
        if (!oldJournal.withholds(destination.entry())) {
            queue.submit(destination);
        }
    }

    /** What is received goes into the queue; from clients, as long as that has room. */
    private final class Intake implements Acceptance {
        @Override
        public void accepted(QueuedDestination destination) {
            queue.submit(destination);
        }

        @Override
        public boolean hasRoom() {
            return room.hasRoom();
        }

        @Override
        public void accepted(QueuedDestination destination, TenantAccounts.Taken taken) {
            queue.submit(destination, true);
        }

        @Override
        public @Nullable Reply refusal(String tenant) {
            return queue.accounts().refusal(tenant);
        }

        @Override
        public TenantAccounts.Answer take(Envelope envelope, long size) {
            return queue.accounts().take(envelope.tenant(), envelope.destinations().size(), size);
        }

        @Override
        public void settle(TenantAccounts.Taken taken, long size) {
            queue.accounts().settle(taken, size);
        }

        @Override
        public void giveBack(TenantAccounts.Taken taken) {
            queue.accounts().giveBack(taken);
        }

        @Override
        public String notice(Envelope envelope) {
            return queue.outlasted(envelope);
        }
    }

    private boolean keepsToMtaSts(String domain, Site site) {
        return shaper.limits(EgressPath.DEFAULT_SOURCE, shaper.key(domain, site), rules.provider(domain, site))
                .enableMtaSts();
    }

    private void suspensionIsOver(String source, String site) {
        queue.resume(source, site);
    }

    /** Sections of the shaping file are for other sites now: mail that is queued goes by what they say. */
    private void rolledUp() {
        control.limitsChanged();
        shaper.changed();
        queue.reroute();
    }

    private OwnAddresses ownAddresses() {
        return new OwnAddresses(Set.of(config.hostname()), smtp.addresses());
    }

    /**
     * Applies a changed configuration, to mail that is queued too.
     *
     * @throws IllegalArgumentException when something differs that only a restart can change; the old one stays in
     *                                  force
     */
    public synchronized void reload(GatewayConfig changed) {
        List<String> fixed = ConfigChange.notReloadable(config, changed);
        if (!fixed.isEmpty()) {
            throw new IllegalArgumentException("a restart is needed to change " + String.join(", ", fixed));
        }
        takeUpFiles(changed);
        dispatcher.prefer(changed.delivery().addressPreference());
        router.reconfigure(changed.allRoutes(), changed.dns(), changed.delivery().port(), ownAddresses());
        recipients.reconfigure(changed.localDomains());
        shaper.reconfigure(changed.shaping());
        control.reconfigure(changed.control());
        policy.reconfigure(changed.policy(), TenantRules.of(changed));
        signing.reconfigure(changed.dkim());
        preflight.reconfigure(changed.preflight());
        queue.lookAtHeldEvery(changed.preflight().recheck());
        smtp.reconfigure(changed.listeners(), changed.inbound(), tls.servers());
        if (injection != null) {
            injection.reconfigure(changed.injection(), changed.inbound(), tls.injection());
        }
        dispatcher.reconfigure(changed.queue(), changed.delivery());
        queue.reconfigure(changed.queue());
        queue.reconfigure(TenantRules.of(changed), Curfews.of(changed));
        addresses.check();
        sourceHealth.keepOnly(sources.all().stream().map(Source::name).collect(Collectors.toSet()));
        queue.reconfigure(Pools.of(changed));
        meterSources();
        room.limit(Budget.forQueue(changed, Runtime.getRuntime().maxMemory()));
        deliveryLog.reconfigure(changed.events());
        config = changed;
        Resources.check(changed);
    }

    /** Ends the current file of the delivery log: the next event begins another. */
    public void reopenLog() {
        deliveryLog.reopen();
    }

    /** What the configuration names and can't be used after all leaves everything as it was. */
    private void takeUpFiles(GatewayConfig changed) {
        try {
            TlsListeners.Change certificates = tls.prepare(changed.listeners(), changed.injection().tls());
            Sources.Change newSources = sources.prepare(changed);
            warmUp.reconfigure(changed);
            authenticator.reconfigure(changed.auth(), changed.inbound().clients());
            certificates.apply();
            newSources.apply();
        } catch (IOException | RuntimeException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** Where SMTP is spoken, ports as bound. */
    public List<InetSocketAddress> smtpAddresses() {
        return smtp.addresses();
    }

    /** Where mail is taken over HTTP, port as bound; null when it isn't. */
    public @Nullable InetSocketAddress injectionAddress() {
        return injection == null ? null : injection.address();
    }

    /** All zero when no mail is taken over HTTP. */
    public InjectionStats injectionStats() {
        return injection == null ? InjectionStats.NONE : injection.stats();
    }

    /** Where metrics and health are served, port as bound. */
    public InetSocketAddress httpAddress() {
        return http.address();
    }

    public SpoolHealth spoolHealth() {
        return spool.health();
    }

    public DeliveryLogStats deliveryLogStats() {
        return deliveryLog.stats();
    }

    public InboundStats inboundStats() {
        return smtp.stats();
    }

    public SpoolStats spoolStats() {
        return spool.stats();
    }

    public QueueStats queueStats() {
        return queue.stats();
    }

    public RoutingStats routingStats() {
        return router.stats();
    }

    public DeliveryStats.Snapshot deliveryStats() {
        return dispatcher.stats().snapshot();
    }

    public LocalStats localStats() {
        return recipients.stats();
    }

    /** Returns when the gateway was closed. */
    public void awaitStop() throws InterruptedException {
        stopped.await();
    }

    /**
     * A clean stop, in the reverse order of the start: (1) no new mail, sessions get 421; (2) the queue gives out
     * nothing more; (3) deliveries under way finish or are put back; (4) the spool writes what is left and is sealed; (5) the delivery log ends with the last event; (6) health and metrics go last.
     */
    @Override
    public void close() {
        if (!closing.compareAndSet(false, true)) {
            return;
        }
        closeParts();
        log.info("event=stopped hostname={}", config.hostname());
        stopped.countDown();
    }

    private void closeParts() {
        for (AutoCloseable part : parts.reversed()) {
            try {
                part.close();
            } catch (Exception e) {
                log.error("event=close-failed part={}", part.getClass().getSimpleName(), e);
            }
        }
        parts.clear();
    }
}

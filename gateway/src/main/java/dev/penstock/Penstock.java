package dev.penstock;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.admin.AdminApi;
import dev.penstock.admin.AdminMetrics;
import dev.penstock.admin.AdminRoute;
import dev.penstock.admin.AdminSocket;
import dev.penstock.admin.AuditLog;
import dev.penstock.admin.AuditRoutes;
import dev.penstock.admin.BuildRoutes;
import dev.penstock.admin.ConfigRoutes;
import dev.penstock.admin.ConfiguredAccess;
import dev.penstock.admin.ConsoleFiles;
import dev.penstock.admin.ConsoleRoutes;
import dev.penstock.admin.ConsoleSessions;
import dev.penstock.admin.LatencyRoutes;
import dev.penstock.admin.LiveRoutes;
import dev.penstock.admin.LocalAccess;
import dev.penstock.admin.SessionRoutes;
import dev.penstock.admin.ShapingRoutes;
import dev.penstock.admin.Standing;
import dev.penstock.admin.StandingAnswer;
import dev.penstock.admin.StoryRoutes;
import dev.penstock.admin.TokenRoutes;
import dev.penstock.admin.Tokens;
import dev.penstock.admin.TraceRoutes;
import dev.penstock.admin.VerbRoutes;
import dev.penstock.admin.ViewRoutes;
import dev.penstock.auth.AuthMetrics;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.callout.HttpCallout;
import dev.penstock.config.AdminConfig;
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
import dev.penstock.delivery.SenderMetrics;
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
import dev.penstock.history.History;
import dev.penstock.history.HistoryMetrics;
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
import dev.penstock.metrics.BuildInfo;
import dev.penstock.metrics.ConfigurationState;
import dev.penstock.metrics.DiskSpace;
import dev.penstock.metrics.Health;
import dev.penstock.metrics.HealthMetrics;
import dev.penstock.metrics.MemoryWatch;
import dev.penstock.metrics.MetricsRegistry;
import dev.penstock.metrics.OperatorRoutes;
import dev.penstock.metrics.Watch;
import dev.penstock.mtasts.HttpsFetch;
import dev.penstock.mtasts.StsMetrics;
import dev.penstock.mtasts.StsPolicies;
import dev.penstock.mtasts.StsRouter;
import dev.penstock.policy.PolicyEngine;
import dev.penstock.policy.PolicyMetrics;
import dev.penstock.preflight.HeldWatch;
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
import dev.penstock.revision.Reloads;
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
import dev.penstock.trace.TraceHub;
import dev.penstock.units.Durations;
import dev.penstock.verbs.Drain;
import dev.penstock.verbs.Jobs;
import dev.penstock.verbs.Suspensions;
import dev.penstock.verbs.VerbMetrics;

/**
 * The composition root: makes the parts of the gateway, wires them by constructor, starts and stops them in order.
 * Thread-safe.
 */
public final class Penstock implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Penstock.class);

    /** For a report that goes by HTTPS. */
    private static final Duration TLS_REPORT_TIME = Duration.ofMinutes(1);
    /** Parts that are in trouble where they say something, and stop no mail. */
    private static final Set<String> NEVER_UNREADY = Set.of("delivery-log", "history");
    /** Accounts of memory that are full when they are of use. */
    private static final Set<String> CACHES = Set.of("spool-cache", "dns-domains", "dns-hosts", "dns-records");

    private final @Nullable History history;
    private final DeliveryLog deliveryLog;
    private final Sources sources;
    private final TraceHub trace = new TraceHub(System::nanoTime);
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
    private final Suspensions suspensions;
    private final Jobs jobs;
    private final Drain drain;
    private final List<AutoCloseable> parts = new ArrayList<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final ConfigurationState configuration = new ConfigurationState(InstantSource.system());
    private final DiskSpace disk;
    private final MetricsRegistry metrics;
    /** Sources that have their figures in it. */
    private final Set<String> metered = new HashSet<>();
    private volatile GatewayConfig config;
    private volatile @Nullable Reloads reloads;
    private volatile @Nullable AuditLog audit;
    private @Nullable ConfiguredAccess access;
    private @Nullable HttpServer adminPort;

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
            history = config.history().enabled()
                    ? started(History.open(config.history(), config.events().directory(), clock))
                    : null; // closed behind the log, whose last lines it reads
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
            drain = started(new Drain(() -> queue.stats().queued(), this::comingOctets, this::close, clock));
            suspensions = Suspensions.open(config.spool().directory(), queue, sourceHealth, clock);
            started(warmUp.open());
            started(control.open());
            signing = started(Signing.open(config.dkim(), clock));
            reception = new Reception(spool, new Intake(), deliveryLog, clock, signing);
            tlsReports = config.tlsReports().mode() == TlsReportsConfig.Mode.OFF ? null : started(tlsReports(clock));
            dispatcher = started(
                    new Dispatcher(config.hostname(), config.delivery(), config.queue(), sources,
                            warden, spool, queue, reception, deliveryLog, clock, System::nanoTime,
                            new TlsOut(router, tlsResults), trace));
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
            tls = started(new TlsListeners(config.listeners(), config.injection().tls(), config.admin().tls()));
            smtp = started(
                    new SmtpServer(config.hostname(), config.listeners(), config.inbound(), tls.servers(), judging,
                            authenticator, reception, deliveryLog, clock, trace));
            smtp.start();
            oldJournal.takeOver(spool, clock.millis());
            injection = config.injection().enabled() ? started(injection(clock)) : null;
            jobs = started(Jobs.open(config.spool().directory(), queue, dispatcher.verbs(), spool, clock));
            disk = diskSpace();
            MemoryWatch memory = new MemoryWatch(accounts().stream()
                    .filter(account -> !CACHES.contains(account.name())).toList());
            started(new Watch(List.of(disk::look, memory::look, warmUp::tellChanges,
                    new HeldWatch(queue::held)::look, this::lookAtAudit)).start());
            metrics = metrics();
            meterSources();
            parts.addFirst(metrics);
            List<HttpRoute> routes = new ArrayList<>(OperatorRoutes.of(metrics, this::health));
            routes.addAll(ReplyRoutes.of(dispatcher.replyCounts()));
            Routes operators = administered(routes, clock);
            http = new HttpServer(OperatorPort.of(config.http()), operators);
            metrics.add(ConnectionGateMetrics.of("penstock.http.", http.gate()));
            // Closed when all mail has come to rest, so that a stop can be watched.
            parts.add(1, http);
            Optional<Path> socket = config.admin().socketPath(config.spool());
            if (socket.isPresent()) {
                parts.add(1, new AdminSocket(socket.get(), config.admin().socketGroup(), operators));
            }
            if (config.admin().hasPort()) {
                adminPort = new HttpServer(OperatorPort.of(config.admin(), tls::admin), operators);
                parts.add(1, adminPort);
            }
            router.reconfigure(config.allRoutes(), config.dns(), config.delivery().port(), ownAddresses());
            addresses.start();
            rules.start(this::rolledUp);
            queue.start(dispatcher, dispatcher);
            jobs.start();
        } catch (IOException | RuntimeException | Error e) {
            closeParts();
            throw e;
        }
        log.info("event=started hostname={} smtp={} http={} queued={}", config.hostname(), smtp.addresses(),
                http.address(),
                queue.stats().queued());
    }

    /** With the administration API below its root, unless it is off. */
    private Routes administered(List<HttpRoute> routes, InstantSource clock) throws IOException {
        AdminConfig admin = config.admin();
        if (!admin.enabled()) {
            return Routes.of(new TextErrors(), routes);
        }
        AuditLog kept = started(new AuditLog(config.events().directory(), admin, clock));
        audit = kept;
        metrics.add(AdminMetrics.of(kept));
        jobs.whenOver(kept::jobOver);
        Tokens tokens = Tokens.open(config.spool().directory().resolve(Tokens.FILE), clock);
        ConsoleSessions console = new ConsoleSessions(System::nanoTime);
        access = new ConfiguredAccess(config.hostname(), admin, tokens, console, tls::admin);
        List<AdminRoute> all = new ArrayList<>(administration());
        all.addAll(ConfigRoutes.of(() -> reloads));
        all.addAll(TokenRoutes.of(tokens, clock));
        all.addAll(AuditRoutes.of(kept));
        all.addAll(ConsoleRoutes.of(console, this::consoleBase));
        routes.add(ConsoleRoutes.login(console));
        routes.add(ConsoleFiles.withoutSlash());
        return Routes.of(new TextErrors(), routes, Map.of(AdminApi.ROOT + "/", new AdminApi(access, all, kept),
                ConsoleFiles.ROOT, new ConsoleFiles()));
    }

    private void lookAtAudit() {
        AuditLog kept = audit;
        if (kept != null) {
            kept.look();
        }
    }

    private String consoleBase() {
        HttpServer own = adminPort;
        return own == null
                ? "http://" + NetUtil.toSocketAddressString(http.address().getAddress().isAnyLocalAddress()
                        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), http.address().getPort())
                        : http.address())
                : (tls.admin() == null ? "http://" : "https://") + NetUtil.toSocketAddressString(own.address());
    }

    private List<AdminRoute> administration() {
        List<AdminRoute> routes = new ArrayList<>(BuildRoutes.of(config.hostname(), config.node()));
        routes.addAll(VerbRoutes.of(suspensions, jobs, drain, placement::pools));
        Standing standing = new Standing(new Standing.Facts(config.hostname(), BuildInfo.version(), Instant.now(),
                queue, control, sourceHealth, sources, warmUp, placement::pools, () -> TenantRules.of(config),
                () -> smtp.stats().sessions(), dispatcher::sessionCount, this::partsThatWork));
        routes.addAll(ViewRoutes.of(queue.views(), spool, standing));
        routes.addAll(new LiveRoutes(standing).routes());
        routes.addAll(ShapingRoutes.of(rules::rules, new RouterSites(router)));
        routes.addAll(new LatencyRoutes(dispatcher.stats(), InstantSource.system()).routes());
        routes.addAll(StoryRoutes.of(history, queue.views(), spool, InstantSource.system()));
        routes.addAll(new SessionRoutes(smtp::sessions, dispatcher::sessions,
                (id, why) -> smtp.abort(id, why) || dispatcher.abort(id, why), InstantSource.system()).routes());
        routes.addAll(new TraceRoutes(trace).routes());
        return routes;
    }

    private List<StandingAnswer.Part> partsThatWork() {
        List<StandingAnswer.Part> checked = new ArrayList<>();
        health().forEach(check -> checked.add(new StandingAnswer.Part(check.name(),
                check.ready() && (check.detail().isEmpty() || !NEVER_UNREADY.contains(check.name())), check.detail())));
        RoutingStats dns = router.stats();
        checked.add(new StandingAnswer.Part("dns", dns.silence() == 0, dns.silence() == 0
                ? dns.domains() + " domains known"
                : "no server has answered for " + Durations.format(Duration.ofSeconds(
                        Duration.ofNanos(dns.silence()).toSeconds()))));
        return checked;
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
                metrics.add(SourceMetrics.of(name, () -> queue.sourceStats(name), dispatcher.stats()::ofSource));
            }
        }
    }

    private MetricsRegistry metrics() {
        List<PartMeters<?>> meters = new ArrayList<>(List.of(InboundMetrics.of(smtp::stats, smtp::acceptTimes),
                InboundMetrics.ofListeners(smtp::listenerStats), SpoolMetrics.of(spool::stats, spool::syncTimes),
                QueueMetrics.of(queue::stats), QueueMetrics.ages(() -> queue),
                FairnessMetrics.ofTenants(queue.accounts()::stats), FairnessMetrics.ofCurfews(queue::curfewStats),
                RoutingMetrics.of(router::stats, router::lookUpTimes),
                DeliveryMetrics.of(this::deliveryStats), DeliveryMetrics.times(dispatcher::stats),
                ProviderMetrics.of(dispatcher.stats()::providers),
                SenderMetrics.ofTenants(dispatcher.stats()::senders, queue.accounts()::destinations),
                SenderMetrics.ofPools(dispatcher.stats()::senders), WarmUpMetrics.of(warmUp::progress),
                ControlMetrics.of(() -> control.figures(ControlMetrics.MAX_SHOWN)),
                DeliveryMetrics.of(dispatcher.replyCounts()),
                DeliveryLogMetrics.of(deliveryLog::stats),
                InjectionMetrics.of(this::injectionStats), TlsMetrics.of(tls::figures, tls::handshakeTimes),
                AuthMetrics.of(authenticator::stats), PolicyMetrics.of(policy::stats),
                LocalMetrics.of(recipients::stats), SigningMetrics.of(signing::stats),
                StsMetrics.of(stsPolicies::stats), PreflightMetrics.of(preflight::stats, queue::held),
                VerbMetrics.of(jobs, suspensions, drain, dispatcher.stats()::removed),
                disk.meters(), configuration.meters(), HealthMetrics.of(this::health)));
        if (history != null) {
            meters.add(HistoryMetrics.of(history::stats));
        }
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

    /** Where mail lies, and what is told of it. */
    private DiskSpace diskSpace() {
        return new DiskSpace(Map.of(
                "spool", new DiskSpace.Place(config.spool().directory(), () -> config.spool().minFreeSpace().bytes()),
                "delivery-log", new DiskSpace.Place(config.events().directory(), () -> 0)));
    }

    /** Ready is who takes mail: the listeners are bound before this is first asked. */
    private List<Health.Check> health() {
        SpoolHealth kept = spool.health();
        String trouble = deliveryLog.trouble();
        Drain.View draining = drain.view();
        List<Health.Check> checks = new ArrayList<>(List.of(
                new Health.Check("spool", kept.state() == SpoolHealth.State.READY,
                        kept.state() + (kept.detail().isEmpty() ? "" : ": " + kept.detail())),
                new Health.Check("queue", room.hasRoom(), room.hasRoom() ? "" : "full: queue.memory-limit"),
                new Health.Check("smtp", !closing.get(), closing.get() ? "stopping" : addresses()),
                // A delivery log that can't be written never stops mail.
                new Health.Check("delivery-log", true, trouble == null ? "" : trouble)));
        if (draining.isAnnounced()) {
            checks.add(new Health.Check("drain", false,
                    draining.phase() + " by " + draining.who() + ": " + draining.why()));
        }
        if (history != null) { // nor does its index
            String indexTrouble = history.stats().trouble();
            checks.add(new Health.Check("history", true, indexTrouble == null ? "" : indexTrouble));
        }
        return checks;
    }

    /** Of mail that is just coming in. */
    private long comingOctets() {
        return smtp.stats().receivingOctets() + injectionStats().heldOctets();
    }

    /** What operators have suspended. */
    public Suspensions suspensions() {
        return suspensions;
    }

    /** What operators do to queued mail. */
    public Jobs jobs() {
        return jobs;
    }

    /** Empties the gateway before it stops. */
    public Drain drain() {
        return drain;
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
        public boolean isDraining() {
            return drain.refuses();
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
        try {
            takeUp(changed);
        } catch (RuntimeException e) {
            configuration.refused();
            throw e;
        }
        configuration.applied();
    }

    /** Is told of changes that were refused by who read them and don't come to {@link #reload}, and counts them. */
    public Reloads.Refusals refusals() {
        return new Reloads.Refusals() {
            @Override
            public void refused() {
                configuration.refused();
            }

            @Override
            public void putBack() {
                configuration.putBack();
            }
        };
    }

    private void takeUp(GatewayConfig changed) {
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
        AuditLog kept = audit;
        if (kept != null && access != null) {
            kept.reconfigure(changed.admin());
            access.reconfigure(changed.admin());
        }
        config = changed;
        Resources.check(changed);
    }

    /** Through whom the administration API changes the configuration; without, it says that there is no file. */
    public void configuredBy(Reloads files) {
        reloads = files;
    }

    /** Ends the current file of the delivery log: the next event begins another. */
    public void reopenLog() {
        deliveryLog.reopen();
    }

    /** What the configuration names and can't be used after all leaves everything as it was. */
    private void takeUpFiles(GatewayConfig changed) {
        try {
            TlsListeners.Change certificates = tls.prepare(changed.listeners(), changed.injection().tls(),
                    changed.admin().tls());
            Sources.Change newSources = sources.prepare(changed);
            Runnable newWarmUp = warmUp.prepare(changed);
            // the last that may fail: from here on all is taken up
            authenticator.reconfigure(changed.auth(), changed.inbound().clients());
            certificates.apply();
            newSources.apply();
            newWarmUp.run();
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

    /** Finds what became of messages; null when it is switched off. */
    public @Nullable History history() {
        return history;
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
     * nothing more; (3) deliveries under way finish or are put back; (4) the spool writes what is left and is sealed; (5) the delivery log ends with the last event, and its index; (6) health and metrics go last.
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

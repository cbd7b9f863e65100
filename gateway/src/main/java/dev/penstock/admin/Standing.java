package dev.penstock.admin;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer.Alarm;
import dev.penstock.admin.StandingAnswer.Connections;
import dev.penstock.admin.StandingAnswer.Control;
import dev.penstock.admin.StandingAnswer.Decision;
import dev.penstock.admin.StandingAnswer.LastHour;
import dev.penstock.admin.StandingAnswer.Part;
import dev.penstock.admin.StandingAnswer.ProviderRow;
import dev.penstock.admin.StandingAnswer.Status;
import dev.penstock.admin.StandingAnswer.Suspension;
import dev.penstock.admin.StandingAnswer.Tenant;
import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.config.WarmUpSchedule;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.Sources;
import dev.penstock.egress.WarmUp;
import dev.penstock.queue.Grouping;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.QueueTable;
import dev.penstock.queue.Rates;
import dev.penstock.queue.Selection;
import dev.penstock.queue.SourceStats;
import dev.penstock.shaping.control.AdaptiveControl;

/**
 * How the gateway, its providers, sources and tenants stand: what several parts know, put together. Thread-safe; it takes
 * milliseconds, so it isn't for event loops.
 */
public final class Standing {
    /** What the first screen shows. */
    private static final int TOP_PROVIDERS = 5;
    /** Of a provider. */
    private static final int DECISIONS = 10;
    /** Scopes of adaptive control that are looked at. */
    private static final int MOST_SCOPES = 10_000;
    /** Of a provider with so many answers in the hour, that so many are deferrals is worth a look. */
    private static final int ENOUGH = 100;
    private static final double HIGH_DEFERRALS = 0.2;
    private static final String PROVIDER = "provider";
    private static final String INCIDENT = "incident";
    private static final String OVER = "-over";
    /** Decisions that aren't against anybody; those that end in {@link #OVER} aren't either. */
    private static final Set<String> RELAXING = Set.of("return", "release", "probe-taken");
    private static final List<String> STRICTNESS = List.of("open", "starting", "paced", "probing", "blocked");

    private final Facts facts;
    private final AtomicLong topIn = new AtomicLong();
    private final AtomicLong topOut = new AtomicLong();

    /**
     * What is asked, by whoever knows it.
     *
     * @param pools   those in force
     * @param tenants what is configured of them
     * @param in      connections of clients now
     * @param out     connections to receivers now
     * @param parts   that work or don't
     */
    public record Facts(String hostname, String version, Instant started, MailQueue queue, AdaptiveControl control,
            SourceHealth health, Sources sources, WarmUp warmUp, Supplier<Pools> pools, Supplier<TenantRules> tenants,
            LongSupplier in, LongSupplier out, Supplier<List<Part>> parts) {}

    public Standing(Facts facts) {
        this.facts = facts;
        facts.queue.traffic().eachSecond(this::look);
    }

    private void look() {
        topIn.accumulateAndGet(facts.in.getAsLong(), Math::max);
        topOut.accumulateAndGet(facts.out.getAsLong(), Math::max);
    }

    Status status() {
        look();
        MailQueue queue = facts.queue;
        QueueTable table = queue.views().table(Grouping.PROVIDER, Selection.EVERYTHING);
        List<Part> parts = facts.parts.get();
        Modes modes = modes();
        List<ProviderRow> top = rows(modes, QueueTable.Column.QUEUED, false, TOP_PROVIDERS);
        return new Status(facts.hostname, facts.version, Instant.ofEpochMilli(table.atMillis()), facts.started,
                Flow.of(queue.traffic().in()), Flow.of(queue.traffic().delivered()),
                Lately.of(queue.traffic().rates()), new Connections(facts.in.getAsLong(), topIn.get()),
                new Connections(facts.out.getAsLong(), topOut.get()), Counts.of(table.total()), top, parts,
                alarms(parts, table, modes));
    }

    private List<Alarm> alarms(List<Part> parts, QueueTable providers, Modes modes) {
        List<Alarm> alarms = new ArrayList<>();
        for (Part part : parts) {
            if (!part.ok()) {
                alarms.add(new Alarm("part", part.name(),
                        part.name() + ": " + (part.detail().isEmpty() ? "doesn't work" : part.detail())));
            }
        }
        for (SourceHealth.Suspension suspension : facts.health.all()) {
            alarms.add(new Alarm("source", suspension.source(), "source " + suspension.source() + " isn't used ("
                    + suspension.scope() + "): " + suspension.why()));
        }
        for (QueueTable.Row row : providers.rows()) {
            String name = row.name().isEmpty() ? NamePattern.NONE : row.name();
            String mode = modes.of(row.name());
            if (!row.name().isEmpty() && (mode.equals("blocked") || mode.equals("incident"))) {
                alarms.add(new Alarm(PROVIDER, name, "provider " + name + ": "
                        + (mode.equals("blocked") ? "a source is blocked" : "incident, bulk mail waits")));
            }
            Rates lately = row.rates();
            if (lately.deliveredHour() + lately.deferredHour() + lately.bouncedHour() >= ENOUGH
                    && lately.deferralShare() >= HIGH_DEFERRALS) {
                alarms.add(new Alarm(PROVIDER, name, "provider " + name + " deferred "
                        + Math.round(100 * lately.deferralShare()) + " % in the last hour"));
            }
        }
        return alarms;
    }

    /** How control has each provider. */
    private record Modes(Map<String, List<AdaptiveControl.Standing>> byProvider, Set<String> incidents,
            List<dev.penstock.shaping.control.Decision> decisions, Map<String, Double> rateLimits) {
        String of(String provider) {
            return incidents.contains(provider)
                    ? INCIDENT
                    : strictest(provider).map(AdaptiveControl.Standing::mode).orElse("open");
        }

        private Optional<AdaptiveControl.Standing> strictest(String provider) {
            return byProvider.getOrDefault(provider, List.of()).stream()
                    .max(Comparator.comparingInt(standing -> STRICTNESS.indexOf(standing.mode())));
        }

        /** The last decision against the strictest scope, or for the incident. */
        @Nullable
        Decision cause(String provider) {
            Predicate<dev.penstock.shaping.control.Decision> wanted = incidents.contains(provider)
                    ? decision -> decision.what().equals(INCIDENT) && decision.scope().provider().equals(provider)
                    : strictest(provider).<Predicate<dev.penstock.shaping.control.Decision>>map(
                            standing -> decision -> decision.scope().equals(standing.scope())
                                    && !RELAXING.contains(decision.what()) && !decision.what().endsWith(OVER))
                            .orElse(_ -> false);
            return decisions.stream().filter(wanted).findFirst().map(Standing::decision).orElse(null);
        }

        ProviderRow row(QueueTable.Row row) {
            return new ProviderRow(Row.of(row), of(row.name()), rateLimits.get(row.name()), cause(row.name()));
        }
    }

    private Modes modes() {
        AdaptiveControl.Figures figures = facts.control.figures(MOST_SCOPES);
        Map<String, List<AdaptiveControl.Standing>> byProvider = new TreeMap<>();
        figures.standings().forEach(standing -> byProvider
                .computeIfAbsent(standing.scope().provider(), _ -> new ArrayList<>()).add(standing));
        return new Modes(byProvider, figures.incidents(), facts.control.decisions(),
                facts.queue.views().rateLimits());
    }

    private List<ProviderRow> rows(Modes modes, QueueTable.Column order, boolean reversed, int most) {
        return facts.queue.views().page(Grouping.PROVIDER, Selection.EVERYTHING, order, reversed, 0, most).rows()
                .stream().map(modes::row).toList();
    }

    StandingAnswer.Providers providers(QueueTable.Column order, boolean reversed, int most) {
        return new StandingAnswer.Providers(
                Instant.ofEpochMilli(
                        facts.queue.views().table(Grouping.PROVIDER, Selection.EVERYTHING).atMillis()),
                rows(modes(), order, reversed, most));
    }

    /** @param name empty for nobody known */
    StandingAnswer.Provider provider(String name) {
        Selection selection = Selection.parse(Map.of(Selection.Attribute.PROVIDER.word(),
                List.of(name.isEmpty() ? NamePattern.NONE : name)));
        Modes modes = modes();
        List<Control> control = modes.byProvider.getOrDefault(name, List.of()).stream()
                .map(standing -> new Control(standing.scope().toString(), standing.mode(),
                        Double.isInfinite(standing.perSecond()) ? null : standing.perSecond(),
                        standing.window() == Integer.MAX_VALUE ? null : standing.window()))
                .toList();
        List<Decision> decisions = modes.decisions.stream()
                .filter(decision -> decision.scope().provider().equals(name)).limit(DECISIONS)
                .map(Standing::decision).toList();
        return new StandingAnswer.Provider(name, Lately.of(facts.queue.traffic().rates(Grouping.PROVIDER, name)),
                modes.incidents.contains(name), control, decisions,
                WhyOf.of(selection, facts.queue.views().why(selection)));
    }

    private static Decision decision(dev.penstock.shaping.control.Decision decision) {
        return new Decision(Instant.ofEpochMilli(decision.atMillis()), decision.scope().toString(), decision.what(),
                decision.from(), decision.to(), decision.reply(), decision.className(), decision.rule(),
                decision.ends());
    }

    /** Of all. */
    LastHour lastHour() {
        return LastHour.of(facts.queue.traffic().lastHour());
    }

    LastHour lastHour(Grouping by, String name) {
        return LastHour.of(facts.queue.traffic().lastHour(by, name));
    }

    StandingAnswer.Sources sources() {
        List<WarmUp.Progress> progress = facts.warmUp.progress();
        Map<String, Map<String, Rates>> byProvider = facts.queue.traffic().sourcesByProvider();
        return new StandingAnswer.Sources(facts.sources.all().stream().sorted(Comparator.comparing(Source::name))
                .map(source -> source(source, progress, byProvider)).toList());
    }

    /** Null when there is no such. */
    StandingAnswer.@Nullable Source source(String name) {
        Source source = facts.sources.find(name);
        return source == null
                ? null
                : source(source, facts.warmUp.progress(), facts.queue.traffic().sourcesByProvider());
    }

    private StandingAnswer.Source source(Source source, List<WarmUp.Progress> progress,
            Map<String, Map<String, Rates>> byProvider) {
        SourceStats stats = facts.queue.sourceStats(source.name());
        List<String> addresses = new ArrayList<>();
        if (source.four() != null) {
            addresses.add(NetUtil.toAddressString(source.four()));
        }
        if (source.six() != null) {
            addresses.add(NetUtil.toAddressString(source.six()));
        }
        Source.Proxy proxy = source.proxy();
        return new StandingAnswer.Source(source.name(), addresses, source.ehloName(),
                proxy == null ? "" : proxy.toString(),
                facts.pools.get().with(source.name()).stream().map(Pool::name).sorted().toList(), stats.ready(),
                stats.sessions(), Lately.of(facts.queue.traffic().rates(Grouping.SOURCE, source.name())),
                facts.health.all().stream().filter(each -> each.source().equals(source.name()))
                        .map(Standing::suspension).toList(),
                progress.stream().filter(each -> each.source().equals(source.name())).map(Standing::warmUp).toList(),
                lately(byProvider.getOrDefault(source.name(), Map.of())));
    }

    private static Suspension suspension(SourceHealth.Suspension suspension) {
        return new Suspension(suspension.scope().toString(), suspension.cause().name().toLowerCase(Locale.ROOT),
                suspension.why(), Instant.ofEpochMilli(suspension.sinceMillis()),
                suspension.untilMillis() == SourceHealth.UNTIL_RESUMED
                        ? null
                        : Instant.ofEpochMilli(suspension.untilMillis()));
    }

    private static StandingAnswer.WarmUp warmUp(WarmUp.Progress progress) {
        return new StandingAnswer.WarmUp(progress.provider(), progress.schedule(), progress.day(),
                progress.allowance() == WarmUpSchedule.UNLIMITED ? null : progress.allowance(), progress.sent(),
                QueueAnswer.time(progress.nextMillis()));
    }

    private static Map<String, Lately> lately(Map<String, Rates> rates) {
        Map<String, Lately> lately = new TreeMap<>();
        rates.forEach((name, of) -> lately.put(name, Lately.of(of)));
        return lately;
    }

    /** @param by {@link Grouping#TENANT} or {@link Grouping#CAMPAIGN} */
    StandingAnswer.Tenants tenants(Grouping by, QueueTable.Column order, boolean reversed, int most) {
        QueueTable.Page page = facts.queue.views().page(by, Selection.EVERYTHING, order, reversed, 0, most);
        TenantRules rules = facts.tenants.get();
        Map<String, Map<String, Rates>> byProvider = by == Grouping.TENANT
                ? facts.queue.traffic().tenantsByProvider()
                : facts.queue.traffic().campaignsByProvider();
        return new StandingAnswer.Tenants(Instant.ofEpochMilli(page.atMillis()),
                page.rows().stream()
                        .map(row -> tenant(by, row, rules, lately(byProvider.getOrDefault(row.name(), Map.of()))))
                        .toList());
    }

    private Tenant tenant(Grouping by, QueueTable.Row row, TenantRules rules, Map<String, Lately> byProvider) {
        if (by != Grouping.TENANT || row.name().isEmpty()) {
            return new Tenant(Row.of(row), null, null, byProvider);
        }
        TenantConfig config = rules.tenant(row.name());
        return new Tenant(Row.of(row), config.queueLimit() == 0 ? null : config.queueLimit(),
                config.queueOctets().bytes() == 0 ? null : config.queueOctets().bytes(), byProvider);
    }
}

package dev.penstock.shaping.control;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyNormalizer;
import dev.penstock.config.BounceClass;
import dev.penstock.config.ControlConfig;
import dev.penstock.config.ReplyScope;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/**
 * Learns from what receivers answer how fast they take mail, and carries out the automation rules. Thread-safe: each scope
 * has a lock of its own, held for nanoseconds, and there is none for all. A message that was taken costs two look-ups and an
 * addition where nothing is limited.
 *
 * <p>What it has decided is read as limits from {@link #limits()}; who is to read anew hears it from the {@link Listener}.
 * What it has learned is kept in a file, written by a thread of its own some seconds after a decision and at the end.
 */
public final class AdaptiveControl implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AdaptiveControl.class);
    private static final String FILE = "control";
    /** From a decision until it is in the file. */
    private static final long WRITE_NANOS = Duration.ofSeconds(5).toNanos();
    private static final long TICK_NANOS = Duration.ofSeconds(1).toNanos();
    private static final long REAP_NANOS = Duration.ofMinutes(1).toNanos();
    /** A scope that got no mail for so long, and has nothing to remember, is forgotten. */
    private static final long IDLE_NANOS = Duration.ofHours(1).toNanos();
    /** Decisions that are kept to be shown. */
    static final int MOST_DECISIONS = 1_000;
    /** Senders told apart at one receiver. */
    static final int MOST_SENDERS = 10_000;
    /** A rate that has moved less than this part since it was last told isn't told again. */
    private static final double WORTH_TELLING = 0.02;
    private static final int PERMANENT = 500;
    private static final int PERMANENT_END = 600;
    private static final double NANOS = 1e9;

    /** Hears what follows from decisions; on any thread, without a lock held. */
    @FunctionalInterface
    public interface Listener {
        Listener NONE = _ -> {};

        /** Limits of paths that the scope concerns are others than before. */
        void limitsChanged(Scope scope);

        /**
         * Suspensions that automation rules began are over before their time.
         *
         * @param source whose mail
         * @param site   by its name, where to
         */
        default void resumed(String source, String site) {
            // nothing is kept
        }
    }

    /**
     * Whose mail it is, and where to.
     *
     * @param provider empty when it isn't known
     * @param domain   of the recipients; empty before there is a message
     * @param tenant   empty when it isn't known
     * @param campaign empty when it isn't known
     */
    public record Mail(EgressPath path, String provider, String domain, String tenant, String campaign) {}

    /** Whose mail waits. */
    public enum Whose {
        /** All of the path. */
        ALL, TENANT, CAMPAIGN
    }

    /** Mail that isn't to be sent for a while. */
    public record Suspension(Whose whose, Duration time, String why) {}

    /**
     * What is made of a refusal.
     *
     * @param meaning     by which the message is decided about
     * @param suspensions that an automation rule wants
     */
    public record Verdict(Classification meaning, List<Suspension> suspensions) {}

    /**
     * How a scope stands, for people and metrics.
     *
     * @param mode       {@code starting}, {@code paced}, {@code probing}, {@code blocked}, {@code open}
     * @param perSecond  messages; infinite for no limit of its own
     * @param window     sessions; {@link Integer#MAX_VALUE} for no limit of its own
     */
    public record Standing(Scope scope, String mode, double perSecond, int window) {}

    /**
     * What was counted.
     *
     * @param decisions by what
     * @param standings of scopes that are limited, at most so many
     * @param incidents providers at which one is on
     * @param effects   of automation rules that are in force
     */
    public record Figures(Map<String, Long> decisions, List<Standing> standings, Set<String> incidents, int effects) {}

    private record Limits(@Nullable Rate rate, double perSecond, int window, boolean probesOnly) {
        static final Limits NONE = new Limits(null, Double.POSITIVE_INFINITY, Controller.NO_WINDOW, false);

        static Limits of(double perSecond, int window, boolean probesOnly) {
            return new Limits(Double.isInfinite(perSecond) ? null : AdaptiveRate.of(perSecond), perSecond, window,
                    probesOnly);
        }

        boolean isFarFrom(double otherPerSecond, int otherWindow, boolean otherProbesOnly) {
            return window != otherWindow || probesOnly != otherProbesOnly
                    || Double.isInfinite(perSecond) != Double.isInfinite(otherPerSecond)
                    || !Double.isInfinite(perSecond)
                            && Math.abs(perSecond - otherPerSecond) > WORTH_TELLING * perSecond;
        }
    }

    /**
     * What binds paths together, about: what some share bounds them and those before them. Zeros of none. Confined to who
     * adds them up.
     */
    private static final class Most {
        private double perSecond;
        private int sessions;

        void include(PathLimits of) {
            Rate own = of.own().maxMessageRate();
            double rates = perSecond + (own == null ? Double.POSITIVE_INFINITY : AdaptiveControl.perSecond(own));
            long all = (long) sessions + of.own().connectionLimit();
            for (SharedLimit shared : of.shared()) {
                if (shared.id().measure() == Measure.MESSAGE_RATE
                        && shared.bound() instanceof Bound.Spaced(Rate rate)) {
                    rates = Math.min(rates, AdaptiveControl.perSecond(rate));
                } else if (shared.id().measure() == Measure.CONNECTIONS
                        && shared.bound() instanceof Bound.Count(int most)) {
                    all = Math.min(all, most);
                }
            }
            perSecond = rates;
            sessions = (int) Math.min(all, Integer.MAX_VALUE - 1);
        }
    }

    /** One scope. The controller is guarded by the node. */
    private final class Node {
        private final Scope scope;
        private final Goodput goodput;
        /** Of all senders, where this is of one: his mail isn't counted before he is told apart, and has no paths of its own. */
        private final Node all;
        private final Watch watch;
        private final Map<String, Node> senders = new ConcurrentHashMap<>(0);
        private volatile boolean hasSenders;
        private volatile boolean learns;
        private volatile Limits limits = Limits.NONE;
        /** Messages a second, of all its paths; 0 while none is known. */
        private volatile double ceiling;
        /** What binds each of its paths. Guarded by the node. */
        private final Map<EgressPath, PathLimits> ofPaths = new LinkedHashMap<>(0);
        private Most most = new Most();
        /** Of all its paths; 0 while none is known. */
        private volatile int mostSessions;
        private @Nullable Controller controller;

        Node(Scope scope, Watch watch, long nowNanos) {
            this.scope = scope;
            this.watch = watch;
            this.goodput = new Goodput(nowNanos);
            this.all = this;
        }

        Node(Node all, String tenant, String campaign, long nowNanos) {
            this.scope = all.scope.of(tenant, campaign);
            this.watch = all.watch;
            this.goodput = new Goodput(nowNanos);
            this.all = all;
        }

        private double taken(long now) {
            double own = goodput.rate(now);
            return own > 0 ? own : all.goodput.rate(now);
        }

        /** A path of the scope; locked, as is what is remembered of it. */
        void add(EgressPath path, PathLimits of) {
            if (ofPaths.put(path, of) == null) {
                most.include(of);
                publishMost();
            }
        }

        /** A path that is of another scope now, or isn't used any more; locked. */
        void drop(EgressPath path) {
            if (ofPaths.remove(path) != null) {
                most = new Most();
                ofPaths.values().forEach(most::include);
                publishMost();
            }
        }

        synchronized void dropAll() {
            ofPaths.clear();
            most = new Most();
            publishMost();
        }

        private void publishMost() {
            ceiling = most.perSecond;
            mostSessions = most.sessions;
        }

        void delivered(long sentNanos, long now) {
            Controller.Change change;
            Limits before;
            Limits after;
            synchronized (this) {
                Controller known = controller;
                if (known == null) {
                    return;
                }
                change = known.delivered(answer(sentNanos, 0, 0, now)); // what is taken needs no measure
                int sessions = all.mostSessions;
                if (sessions > 0) {
                    known.mostSessions(sessions);
                }
                before = limits;
                after = publish(known);
                learns = known.learnsFromDeliveries();
            }
            told(this, change, before, after, "", Classification.NONE);
        }

        Controller.Mode refused(Signal signal, long sentNanos, IntSupplier open, String reply, Classification meaning,
                long now, Duration[] interval) {
            int sessions = signal == Signal.CONCURRENCY ? open.getAsInt() : 0;
            Controller.Change change;
            Limits before;
            Limits after;
            Controller.Mode mode;
            synchronized (this) {
                Controller known = controller;
                if (known == null) {
                    known = new Controller(config, now);
                    controller = known;
                }
                change = known.refused(signal, answer(sentNanos, sessions, taken(now), now));
                before = limits;
                after = publish(known);
                learns = known.learnsFromDeliveries();
                mode = known.mode();
                interval[0] = known.interval();
            }
            told(this, change, before, after, reply, meaning);
            return mode;
        }

        private Controller.Answer answer(long sentNanos, int open, double taken, long now) {
            double known = all.ceiling;
            return new Controller.Answer(sentNanos, open, taken, known == 0 ? Double.POSITIVE_INFINITY : known, now);
        }

        /** @return what is in force now; what has hardly moved isn't */
        private Limits publish(Controller known) {
            double rate = known.rate();
            int window = known.window();
            boolean probesOnly = known.probesOnly();
            Limits now = limits;
            if (!now.isFarFrom(rate, window, probesOnly)) {
                return now;
            }
            Limits next = Limits.of(rate, window, probesOnly);
            limits = next;
            return next;
        }

        synchronized void reconfigure(ControlConfig next) {
            if (controller != null) {
                controller.reconfigure(next);
            }
        }

        /** Forgets all that was learned. */
        void forget() {
            boolean limited = hasSenders;
            senders.clear();
            hasSenders = false;
            synchronized (this) {
                limited |= !limits.equals(Limits.NONE);
                controller = null;
                learns = false;
                limits = Limits.NONE;
            }
            if (limited) {
                listener.limitsChanged(scope);
            }
        }

        /** Forgets what is of the past. @return whether there is nothing left */
        boolean reap(long now) {
            senders.values().removeIf(sender -> sender.reap(now));
            hasSenders = !senders.isEmpty();
            Limits before;
            synchronized (this) {
                if (controller != null && !controller.isForgettable(now)) {
                    return false;
                }
                before = limits;
                controller = null;
                learns = false;
                limits = Limits.NONE;
            }
            if (!before.equals(Limits.NONE)) {
                listener.limitsChanged(scope);
            }
            return !hasSenders && now - goodput.lastNanos() > IDLE_NANOS;
        }

        synchronized Controller.@Nullable Kept kept(long now) {
            return controller == null || controller.isForgettable(now) ? null : controller.kept(now);
        }

        synchronized void restore(Controller.Kept state, long now) {
            Controller known = new Controller(config, state, now);
            controller = known;
            publish(known);
            learns = known.learnsFromDeliveries();
        }

        synchronized Prospect prospect() {
            return controller == null ? Prospect.OPEN : controller.prospect();
        }

        synchronized Standing standing() {
            Controller known = controller;
            return new Standing(scope,
                    (known == null ? Controller.Mode.OPEN : known.mode()).name().toLowerCase(Locale.ROOT),
                    known == null ? Double.POSITIVE_INFINITY : known.rate(),
                    known == null ? Controller.NO_WINDOW : known.window());
        }
    }

    /** One provider, whatever the source. The incident is guarded by the watch. */
    private final class Watch {
        private final String provider;
        private Incident incident = new Incident();
        private volatile boolean isOn;
        /** Messages that were taken, whoever sent them; and how many of them the incident knows of. */
        private final LongAdder taken = new LongAdder();
        private long counted;

        Watch(String provider) {
            this.provider = provider;
        }

        void deferred(String tenant, String reply, Classification meaning, long now) {
            Incident.Seen seen;
            synchronized (this) {
                count(now);
                seen = incident.deferred(tenant, config, now);
                isOn = incident.isOn();
            }
            if (seen != null) {
                turned(true, seen.toString(), reply, meaning);
            }
        }

        void delivered(long sentNanos, long now) {
            boolean over;
            synchronized (this) {
                over = incident.delivered(sentNanos, config, now);
                isOn = incident.isOn();
            }
            if (over) {
                turned(false, Incident.PROVED + " messages in a row were taken", "", Classification.NONE);
            }
        }

        void pass(long now) {
            boolean over;
            synchronized (this) {
                count(now);
                over = incident.passes(config, now);
                isOn = incident.isOn();
            }
            if (over) {
                turned(false, "nobody has asked for " + Durations.format(config.incidentWindow()), "",
                        Classification.NONE);
            }
        }

        void forget() {
            boolean over;
            synchronized (this) {
                over = isOn;
                incident = new Incident();
                isOn = false;
            }
            if (over) {
                turned(false, "control was switched off or on", "", Classification.NONE);
            }
        }

        /** Locked. What was taken since this was last asked; while there is an incident each tells it by itself. */
        private void count(long now) {
            long all = taken.sum();
            if (all != counted) {
                incident.taken(all - counted, config, now);
                counted = all;
            }
        }

        private void turned(boolean begins, String why, String reply, Classification meaning) {
            incidents.addAndGet(begins ? 1 : -1);
            Scope scope = new Scope("", provider, "", "", "");
            decided(new Decision(clock.millis(), scope, begins ? "incident" : "incident-over",
                    begins ? "all mail goes" : "bulk mail waits",
                    begins ? "bulk mail waits, " + why : "all mail goes", reply,
                    meaning.bounceClass(), meaning.rule(),
                    begins ? "when " + Incident.PROVED + " messages in a row are taken" : why));
            listener.limitsChanged(scope);
        }
    }

    /** A path's scope, and when it was last of use. */
    private static final class Known {
        private final String provider;
        private final Node node;
        private volatile long usedNanos;

        Known(String provider, Node node, long nowNanos) {
            this.provider = provider;
            this.node = node;
            usedNanos = nowNanos;
        }
    }

    private final LimitBook base;
    private final ControlFile file;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final Automation automation;
    private final AdaptiveLimits limits;
    private final Map<EgressPath, Known> paths = new ConcurrentHashMap<>();
    private final Map<Scope, Node> nodes = new ConcurrentHashMap<>();
    private final Map<String, Watch> watches = new ConcurrentHashMap<>();
    private final Map<String, AtomicLong> counts = new ConcurrentHashMap<>();
    private final Deque<Decision> decisions = new ArrayDeque<>(); // guarded by itself
    private volatile ControlConfig config;
    private volatile Listener listener = Listener.NONE;
    private final AtomicInteger incidents = new AtomicInteger();
    /** How often the rules' limits have changed. */
    private final AtomicInteger changes = new AtomicInteger();
    private volatile boolean hasSenders;
    private volatile boolean dirty;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;
    private boolean writable = true; // the thread's
    private long writtenNanos; // the thread's
    private long reapedNanos; // the thread's

    /**
     * @param base      the limits of the rules
     * @param book      the automation rules
     * @param directory where the file is
     */
    public AdaptiveControl(ControlConfig config, LimitBook base, AutomationBook book, Path directory,
            InstantSource clock, LongSupplier nanoTime) {
        this.config = config;
        this.base = base;
        this.file = new ControlFile(directory.resolve(FILE));
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.automation = new Automation(book);
        this.limits = new AdaptiveLimits(this, base);
    }

    /** Who hears of changes; before anything is delivered. */
    public void listen(Listener next) {
        listener = next;
    }

    /** What binds mail by the rules and by what was decided here. */
    public LimitBook limits() {
        return limits;
    }

    /**
     * Takes up what was learned before, and keeps what is from now on.
     *
     * @throws IOException when the file can't be read
     */
    public AdaptiveControl open() throws IOException {
        recover();
        thread = Thread.ofPlatform().name("adaptive-control").daemon().start(() -> {
            while (!closed) {
                LockSupport.parkNanos(this, TICK_NANOS);
                tick();
            }
        });
        return this;
    }

    /** What the file has. For {@link #open}, and for tests that tick by themselves. */
    void recover() throws IOException {
        long now = nanoTime.getAsLong();
        writtenNanos = now;
        reapedNanos = now;
        ControlFile.Kept kept = file.read(clock.millis(), now);
        kept.effects().forEach(automation::restore);
        endRuleless();
        if (!config.enabled()) {
            dirty = true; // what was learned is forgotten
            return;
        }
        for (ControlFile.KeptController each : kept.controllers()) {
            Scope scope = each.scope();
            Node node = node(scope.of("", ""), now);
            (scope.isOfSender() ? sender(node, scope.tenant(), scope.campaign(), now) : node)
                    .restore(each.state(), now);
        }
        for (String provider : kept.incidents()) {
            Watch watch = watch(provider);
            synchronized (watch) {
                watch.incident.isOnSince(now);
                watch.isOn = true;
            }
            incidents.incrementAndGet();
        }
    }

    /**
     * From now on by this configuration; what is known stays, unless control is switched off or on by it. For when the
     * rules are in force that came with it.
     */
    public void reconfigure(ControlConfig next) {
        endRuleless();
        boolean switched = next.enabled() != config.enabled();
        config = next;
        limitsChanged();
        if (switched) {
            nodes.values().forEach(Node::forget);
            watches.values().forEach(Watch::forget);
            hasSenders = false;
            dirty = true;
        }
        for (Node node : nodes.values()) {
            node.reconfigure(next);
            node.senders.values().forEach(sender -> sender.reconfigure(next));
        }
    }

    /** What rules began that there are no more ends. */
    private void endRuleless() {
        for (Effect effect : ended(automation.dropRuleless(), "its rule is gone")) {
            if (effect.kind().suspends()) {
                listener.resumed(effect.source(), effect.site());
            }
        }
    }

    private List<Effect> ended(List<Effect> over, String why) {
        for (Effect effect : over) {
            Scope scope = effect.scope();
            decided(new Decision(clock.millis(), scope.of(effect.tenant(), effect.campaign()),
                    effect.word() + "-over", setting(effect), "", "", "", effect.place(), why));
            if (effect.kind() == Effect.Kind.SET) {
                listener.limitsChanged(scope);
            }
        }
        return over;
    }

    /** The rules' limits are others: ceilings are asked for anew, and what was just asked for isn't taken any more. */
    public void limitsChanged() {
        changes.incrementAndGet();
        for (Node node : nodes.values()) {
            node.dropAll();
        }
        paths.clear();
    }

    private Node node(EgressPath path, String provider, long now) {
        Known known = paths.get(path);
        if (known != null && known.provider.equals(provider)) {
            if (now - known.usedNanos > REAP_NANOS) { // few writes to what many threads read
                known.usedNanos = now;
            }
            return known.node;
        }
        Node node = node(Scope.of(path, provider), now);
        int as = changes.get();
        PathLimits of = base.of(path, provider); // asked with no lock held
        synchronized (node) {
            if (changes.get() == as) {
                paths.put(path, new Known(provider, node, now));
                node.add(path, of);
            }
        }
        if (known != null) {
            synchronized (known.node) {
                known.node.drop(path);
            }
        }
        return node;
    }

    private Node node(Scope scope, long now) {
        return nodes.computeIfAbsent(scope, _ -> new Node(scope, watch(scope.provider()), now));
    }

    private Watch watch(String provider) {
        return watches.computeIfAbsent(provider, Watch::new);
    }

    private Node sender(Node node, String tenant, String campaign, long now) {
        String key = senderKey(tenant, campaign);
        if (node.senders.size() >= MOST_SENDERS && !node.senders.containsKey(key)) {
            return node;
        }
        Node sender = node.senders.computeIfAbsent(key,
                _ -> new Node(node, campaign.isEmpty() ? key : tenant, campaign, now));
        node.hasSenders = true;
        hasSenders = true;
        return sender;
    }

    private static String senderKey(String tenant, String campaign) {
        if (campaign.isEmpty()) {
            return tenant.isEmpty() ? Scope.NO_TENANT : tenant;
        }
        return tenant + '\n' + campaign;
    }

    // Answers

    /**
     * A receiver has taken a message.
     *
     * @param provider  empty when it isn't known
     * @param sentNanos when it was sent, by {@link System#nanoTime()}
     */
    public void delivered(EgressPath path, String provider, String tenant, String campaign, long sentNanos) {
        if (!config.enabled()) {
            return;
        }
        long now = nanoTime.getAsLong();
        Node node = node(path, provider, now);
        node.goodput.add(now);
        if (node.learns) {
            node.delivered(sentNanos, now);
        }
        if (node.hasSenders) {
            deliveredOf(node, tenant, "", sentNanos, now);
            if (!campaign.isEmpty()) {
                deliveredOf(node, tenant, campaign, sentNanos, now);
            }
        }
        if (!provider.isEmpty()) {
            Watch watch = node.watch;
            if (watch.isOn) {
                watch.delivered(sentNanos, now);
            } else {
                watch.taken.increment();
            }
        }
    }

    private static void deliveredOf(Node node, String tenant, String campaign, long sentNanos, long now) {
        Node sender = node.senders.get(senderKey(tenant, campaign));
        if (sender != null) {
            sender.goodput.add(now);
            if (sender.learns) {
                sender.delivered(sentNanos, now);
            }
        }
    }

    /**
     * A receiver has refused a message or a session, or something failed here.
     *
     * @param meaning   by the rules
     * @param code      of the reply
     * @param text      of the reply
     * @param internal  whether no host has said it
     * @param sentNanos when what was refused was sent, the session's begin where it was the session
     * @param open      sessions that the source has with the provider, or the site; asked only when it matters
     * @param counts    whether it is the first refusal of its message in this attempt
     */
    public Verdict refused(Mail mail, Classification meaning, int code, String status, String text, boolean internal,
            long sentNanos, IntSupplier open, boolean counts) {
        long now = nanoTime.getAsLong();
        List<Suspension> suspensions = counts ? automate(mail, code, status, text, internal, now) : List.of();
        if (!config.enabled() || internal) {
            return new Verdict(meaning, suspensions);
        }
        Node node = node(mail.path, mail.provider, now);
        Signal signal = Signal.of(meaning, code);
        boolean isPermanent = code >= PERMANENT && code < PERMANENT_END;
        if (counts && !mail.provider.isEmpty() && (signal != null || !isPermanent)
                && meaning.scope() != ReplyScope.RECIPIENT && meaning.scope() != ReplyScope.SESSION) {
            node.watch.deferred(mail.tenant, normal(code, status, text), meaning, now);
        }
        if (signal == null) {
            return new Verdict(meaning, suspensions);
        }
        if (Signal.isOfSender(meaning.scope())) {
            node = sender(node, mail.tenant, meaning.scope() == ReplyScope.CAMPAIGN ? mail.campaign : "", now);
        }
        Duration[] interval = new Duration[1];
        Controller.Mode mode = null;
        if (counts || signal == Signal.BLOCKED) {
            mode = node.refused(signal, sentNanos, open, normal(code, status, text), meaning, now, interval);
        }
        Classification paced = switch (signal) {
            case CONCURRENCY, LOAD -> meaning;
            case RATE -> meaning.paced();
            case BLOCKED -> mode == Controller.Mode.BLOCKED ? meaning.suspendedFor(interval[0]) : meaning;
        };
        return new Verdict(paced, suspensions);
    }

    private List<Suspension> automate(Mail mail, int code, String status, String text, boolean internal, long now) {
        String line = status.isEmpty() ? code + " " + text : code + " " + status + " " + text;
        List<Effect> begin = automation.replied(line, internal, mail.path, mail.provider, mail.domain, mail.tenant,
                mail.campaign, now);
        List<Suspension> suspensions = List.of();
        for (Effect effect : begin) {
            Duration time = Duration.ofNanos(effect.untilNanos() - now);
            Scope scope = effect.scope();
            decided(new Decision(clock.millis(), scope.of(effect.tenant(), effect.campaign()), effect.word(), "",
                    setting(effect), normal(code, status, text), "",
                    effect.place(), "after " + Durations.format(time)));
            switch (effect.kind()) {
                case SET -> listener.limitsChanged(scope);
                case SUSPEND, SUSPEND_TENANT, SUSPEND_CAMPAIGN -> {
                    suspensions = suspensions.isEmpty() ? new ArrayList<>() : suspensions;
                    suspensions.add(new Suspension(whose(effect), time, effect.place() + ": " + line));
                }
                case BOUNCE, BOUNCE_TENANT, BOUNCE_CAMPAIGN -> {
                    // asked for message by message
                }
            }
        }
        return suspensions;
    }

    private static String setting(Effect effect) {
        var set = effect.set();
        return (effect.domain().isEmpty() ? "" : effect.domain() + " ")
                + (set == null ? "" : set.name() + " = " + set.value());
    }

    private static Whose whose(Effect effect) {
        return switch (effect.kind()) {
            case SUSPEND_TENANT, BOUNCE_TENANT -> Whose.TENANT;
            case SUSPEND_CAMPAIGN, BOUNCE_CAMPAIGN -> Whose.CAMPAIGN;
            case SUSPEND, BOUNCE, SET -> Whose.ALL;
        };
    }

    /**
     * Why the message is to be returned, by an automation rule; null when it is not.
     *
     * @param mail with the domain
     */
    public @Nullable String bounces(Mail mail) {
        if (automation.isIdle()) {
            return null;
        }
        Effect effect = automation.find(each -> each.kind().bounces()
                && each.concerns(mail.domain, mail.tenant, mail.campaign), nanoTime.getAsLong());
        return effect == null ? null : effect.place() + " returns it since: " + effect.why();
    }

    /** What an automation rule wants to wait still, of that mail; null for nothing. */
    public @Nullable Suspension suspended(Mail mail) {
        if (automation.isIdle()) {
            return null;
        }
        long now = nanoTime.getAsLong();
        Effect effect = automation.find(each -> each.kind().suspends()
                && each.isOfPath(mail.path.source(), mail.path.site().name())
                && (each.kind() == Effect.Kind.SUSPEND || !mail.domain.isEmpty()
                        && each.concerns(mail.domain, mail.tenant, mail.campaign)),
                now);
        return effect == null
                ? null
                : new Suspension(whose(effect), Duration.ofNanos(effect.untilNanos() - now),
                        effect.place() + ": " + effect.why());
    }

    /** Whether bulk mail to that provider waits. */
    public boolean isIncident(String provider) {
        Watch watch = watches.get(provider);
        return config.enabled() && watch != null && watch.isOn;
    }

    // What was decided

    private void told(Node node, Controller.@Nullable Change change, Limits before, Limits after, String reply,
            Classification meaning) {
        if (change != null) {
            decided(new Decision(clock.millis(), node.scope, change.what(), change.from(), change.to(), reply,
                    change.what().equals("return") ? "" : meaning.bounceClass(), meaning.rule(), change.ends()));
        }
        if (!before.equals(after)) {
            dirty = true;
            listener.limitsChanged(node.scope);
        }
    }

    private static String normal(int code, String status, String text) {
        return code + (status.isEmpty() ? " " : " " + status + " ") + ReplyNormalizer.normalize(text);
    }

    private void decided(Decision decision) {
        dirty = true;
        counts.computeIfAbsent(decision.what(), _ -> new AtomicLong()).incrementAndGet();
        synchronized (decisions) {
            decisions.addLast(decision);
            if (decisions.size() > MOST_DECISIONS) {
                decisions.removeFirst();
            }
        }
        String className = decision.className().equals(BounceClass.UNCATEGORIZED.label()) ? "" : decision.className();
        log.info("event=shaping-decision scope={} what={} from={} to={} class={} rule={} reply={} ends={}",
                decision.scope(), decision.what(), decision.from(), decision.to(), className, decision.rule(),
                decision.reply(), decision.ends());
    }

    /** The last decisions, the latest first. */
    public List<Decision> decisions() {
        synchronized (decisions) {
            return List.copyOf(decisions.reversed());
        }
    }

    /** @param most scopes that are shown; the first by name */
    public Figures figures(int most) {
        Map<String, Long> counted = new TreeMap<>();
        counts.forEach((what, count) -> counted.put(what, count.get()));
        List<Standing> standings = new ArrayList<>();
        Map<String, Node> byName = new TreeMap<>();
        nodes.values().forEach(node -> {
            if (!node.limits.equals(Limits.NONE)) {
                byName.put(node.scope.toString(), node);
            }
        });
        byName.values().stream().limit(most).forEach(node -> standings.add(node.standing()));
        Set<String> on = new HashSet<>();
        watches.values().stream().filter(watch -> watch.isOn).forEach(watch -> on.add(watch.provider));
        return new Figures(counted, standings, on, automation.inForce().size());
    }

    // What AdaptiveLimits reads

    /** Of the path's scope; empty when it isn't limited here. */
    List<SharedLimit> shared(EgressPath path, String provider) {
        Node node = find(path, provider);
        return node == null ? List.of() : shared(node);
    }

    /** Of the path's scope. */
    boolean probesOnly(EgressPath path, String provider) {
        Node node = find(path, provider);
        return node != null && node.limits.probesOnly;
    }

    /** Of the path's scope. */
    Prospect prospect(EgressPath path, String provider) {
        Node node = find(path, provider);
        return node == null || node.limits.rate == null ? Prospect.OPEN : node.prospect();
    }

    private @Nullable Node find(EgressPath path, String provider) {
        if (!config.enabled()) {
            return null;
        }
        Known known = paths.get(path);
        return known != null && known.provider.equals(provider) ? known.node : nodes.get(Scope.of(path, provider));
    }

    List<SharedLimit> shared(EgressPath path, String provider, String tenant, String campaign) {
        Node node = nodes.get(Scope.of(path, provider));
        if (!config.enabled() || node == null || !node.hasSenders) {
            return List.of();
        }
        List<SharedLimit> all = new ArrayList<>();
        addShared(all, node.senders.get(senderKey(tenant, "")));
        if (!campaign.isEmpty()) {
            addShared(all, node.senders.get(senderKey(tenant, campaign)));
        }
        return all;
    }

    private static void addShared(List<SharedLimit> all, @Nullable Node sender) {
        if (sender != null) {
            all.addAll(shared(sender));
        }
    }

    private static List<SharedLimit> shared(Node node) {
        Limits now = node.limits;
        if (now.equals(Limits.NONE)) {
            return List.of();
        }
        List<SharedLimit> all = new ArrayList<>(2);
        String scope = node.scope.toString();
        if (now.rate != null) {
            all.add(new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "adaptive_rate", scope),
                    new Bound.Spaced(now.rate), AdaptiveLimits.PLACE));
        }
        if (now.window != Controller.NO_WINDOW) {
            all.add(new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, "adaptive_connections", scope),
                    new Bound.Count(now.window), AdaptiveLimits.PLACE));
        }
        return all;
    }

    boolean limitsSenders() {
        return hasSenders || incidents.get() > 0 || automation.inForce().stream()
                .anyMatch(each -> each.kind() == Effect.Kind.SET && !each.domain().isEmpty());
    }

    List<Effect> effects() {
        return automation.inForce();
    }

    long nanos() {
        return nanoTime.getAsLong();
    }

    // Time, and the file

    /** What time alone ends, and the file. One thread at a time. */
    void tick() {
        try {
            pass();
            if (dirty && nanoTime.getAsLong() - writtenNanos >= WRITE_NANOS) {
                write();
            }
        } catch (RuntimeException e) {
            log.error("event=control-failed", e);
        }
    }

    /** What comes with time alone: effects and incidents end, what is idle is forgotten. Writes nothing. */
    public void pass() {
        long now = nanoTime.getAsLong();
        ended(automation.expire(now), "its time is over");
        watches.values().forEach(watch -> watch.pass(now));
        if (now - reapedNanos > REAP_NANOS) {
            reapedNanos = now;
            nodes.values().removeIf(node -> node.reap(now));
            paths.forEach((path, known) -> forgetIdle(path, known, now));
            hasSenders = nodes.values().stream().anyMatch(node -> node.hasSenders);
        }
    }

    private void forgetIdle(EgressPath path, Known known, long now) {
        Node node = known.node;
        if (now - known.usedNanos > IDLE_NANOS || !nodes.containsKey(node.scope)) {
            synchronized (node) {
                if (paths.remove(path, known)) {
                    node.drop(path);
                }
            }
        }
    }

    /** Paths that are remembered. */
    int paths() {
        return paths.size();
    }

    private void write() {
        long now = nanoTime.getAsLong();
        dirty = false;
        writtenNanos = now;
        List<ControlFile.KeptController> kept = new ArrayList<>();
        for (Node node : nodes.values()) {
            keep(node, now, kept);
            node.senders.values().forEach(sender -> keep(sender, now, kept));
        }
        List<String> on = watches.values().stream().filter(watch -> watch.isOn).map(watch -> watch.provider).toList();
        try {
            file.write(new ControlFile.Kept(kept, automation.inForce(), on), clock.millis(), now);
            if (!writable) {
                writable = true;
                log.info("event=control-written-again");
            }
        } catch (IOException e) {
            dirty = true;
            if (writable) {
                writable = false;
                log.error(
                        "event=control-not-written why={} effect=\"what was learned since is forgotten at a restart\"",
                        e.getMessage());
            }
        }
    }

    private static void keep(Node node, long now, List<ControlFile.KeptController> kept) {
        Controller.Kept state = node.kept(now);
        if (state != null) {
            kept.add(new ControlFile.KeptController(node.scope, state));
        }
    }

    private static double perSecond(Rate rate) {
        return rate.count() * NANOS / rate.period().toNanos();
    }

    /** What was learned is in the file. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        Thread ticks = thread;
        if (ticks != null) {
            LockSupport.unpark(ticks);
            try {
                ticks.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        if (dirty) {
            write();
        }
    }
}

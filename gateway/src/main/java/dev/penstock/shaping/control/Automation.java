package dev.penstock.shaping.control;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.PatternSet;
import dev.penstock.config.AutomationRule;
import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.AutomationRule.Trigger;
import dev.penstock.shaping.EgressPath;

/**
 * KumoMTA's automation rules, and what those that were triggered do until their time is over. Thread-safe, pure of I/O and
 * of clocks; reading what is in force takes no lock, and a reply in which no rule's literals are costs one pass over it.
 * Times are {@link System#nanoTime()}'s.
 *
 * <p>Invariant: of effects that are the same but for their end one is in force, the one that ends last.
 */
final class Automation {
    /** Of what is counted for thresholds; what was counted longest ago is forgotten first. */
    static final int MOST_COUNTS = 10_000;
    /** In force at one time; more than that is not carried out. */
    static final int MOST_EFFECTS = 10_000;

    /** A rule's expressions, made ready. */
    private record Rules(List<AutomationRule> all, PatternSet patterns, List<Integer> ruleOf) {}

    /** What a threshold counts apart. */
    private record CountKey(AutomationRule rule, String source, String site, String tenant, String campaign) {}

    private final AutomationBook book;
    private final ReentrantLock lock = new ReentrantLock();
    /** Guarded by the lock. */
    private final Map<CountKey, Deque<Long>> counts = new LinkedHashMap<>(16, 0.75f, true);
    /** Replaced under the lock. */
    private volatile List<Effect> effects = List.of();
    private volatile Rules rules = new Rules(List.of(), PatternSet.NONE, List.of());

    Automation(AutomationBook book) {
        this.book = book;
    }

    /**
     * A reply has come.
     *
     * @param line     code, status and text
     * @param internal whether it was made here
     * @return what begins, or lasts longer, because of it
     */
    List<Effect> replied(String line, boolean internal, EgressPath path, String provider, String domain, String tenant,
            String campaign, long nowNanos) {
        Rules now = rules();
        List<Integer> found = now.patterns.found(line);
        if (found.isEmpty()) {
            return List.of();
        }
        List<Effect> begin = new ArrayList<>();
        for (AutomationRule rule : book.of(path, provider, domain)) {
            if ((!internal || rule.matchInternal())
                    && found.stream().anyMatch(n -> now.all.get(now.ruleOf.get(n)).equals(rule))
                    && isTriggered(rule, path, tenant, campaign, nowNanos)) {
                begin(rule, line, path, provider, domain.isEmpty() ? path.site().domain().orElse("") : domain,
                        tenant, campaign, nowNanos, begin);
            }
        }
        return begin;
    }

    @SuppressWarnings("ReferenceEquality") // another list is another configuration's
    private Rules rules() {
        Rules now = rules;
        List<AutomationRule> all = book.all();
        if (now.all == all) {
            return now;
        }
        List<String> expressions = new ArrayList<>();
        List<Integer> ruleOf = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            expressions.addAll(all.get(i).regex());
            for (int each = 0; each < all.get(i).regex().size(); each++) {
                ruleOf.add(i);
            }
        }
        Rules next = new Rules(all, new PatternSet(expressions),
                List.copyOf(ruleOf));
        rules = next;
        return next;
    }

    private boolean isTriggered(AutomationRule rule, EgressPath path, String tenant, String campaign, long nowNanos) {
        if (!(rule.trigger() instanceof Trigger.Threshold(var rate))) {
            return true;
        }
        boolean ofSender = rule.actions().stream().allMatch(Automation::isOfSender);
        CountKey key = new CountKey(rule, path.source(), path.site().name(), ofSender ? tenant : "",
                ofSender ? campaign : "");
        lock.lock();
        try {
            Deque<Long> times = counts.computeIfAbsent(key, _ -> new ArrayDeque<>());
            times.add(nowNanos);
            long period = rate.period().toNanos();
            while (times.size() > rate.count() || nowNanos - times.getFirst() >= period) {
                times.removeFirst();
            }
            if (counts.size() > MOST_COUNTS) {
                counts.remove(counts.keySet().iterator().next());
            }
            return times.size() >= rate.count();
        } finally {
            lock.unlock();
        }
    }

    private static boolean isOfSender(Action action) {
        return switch (action) {
            case Action.SuspendTenant _,Action.SuspendCampaign _,Action.BounceTenant _,Action.BounceCampaign _ -> true;
            case Action.Suspend _,Action.Bounce _,Action.Set _ -> false;
        };
    }

    private void begin(AutomationRule rule, String line, EgressPath path, String provider, String domain,
            String tenant, String campaign, long nowNanos, List<Effect> begin) {
        for (Action action : rule.actions()) {
            Effect effect = effect(action, rule, line, path, provider, domain, tenant, campaign, nowNanos);
            if (effect != null && put(effect)) {
                begin.add(effect);
            }
        }
    }

    private static @Nullable Effect effect(Action action, AutomationRule rule, String line, EgressPath path,
            String provider, String domain, String tenant, String campaign, long nowNanos) {
        long until = nowNanos + rule.duration().toNanos();
        String source = path.source();
        String site = path.site().name();
        return switch (action) {
            case Action.Suspend _ -> new Effect(Effect.Kind.SUSPEND, source, site, provider, "", "", "", null, until,
                    rule.identity(), rule.place(), line);
            case Action.SuspendTenant _ when tenant.isEmpty() -> null;
            case Action.SuspendTenant _ ->
                new Effect(Effect.Kind.SUSPEND_TENANT, source, site, provider, domain, tenant, "",
                        null, until, rule.identity(), rule.place(), line);
            case Action.SuspendCampaign _ when tenant.isEmpty() && campaign.isEmpty() -> null;
            case Action.SuspendCampaign _ -> new Effect(
                    campaign.isEmpty() ? Effect.Kind.SUSPEND_TENANT : Effect.Kind.SUSPEND_CAMPAIGN, source, site,
                    provider, domain, tenant, campaign, null, until, rule.identity(), rule.place(), line);
            case Action.Bounce _ when domain.isEmpty() -> null;
            case Action.Bounce _ -> new Effect(Effect.Kind.BOUNCE, source, site, provider, domain, "", "", null, until,
                    rule.identity(), rule.place(), line);
            case Action.BounceTenant _ when tenant.isEmpty() || domain.isEmpty() -> null;
            case Action.BounceTenant _ ->
                new Effect(Effect.Kind.BOUNCE_TENANT, source, site, provider, domain, tenant, "", null,
                        until, rule.identity(), rule.place(), line);
            case Action.BounceCampaign _ when domain.isEmpty() || tenant.isEmpty() && campaign.isEmpty() -> null;
            case Action.BounceCampaign _ -> new Effect(
                    campaign.isEmpty() ? Effect.Kind.BOUNCE_TENANT : Effect.Kind.BOUNCE_CAMPAIGN, source, site,
                    provider, domain,
                    tenant, campaign, null, until, rule.identity(), rule.place(), line);
            case Action.Set set when set.domain() && domain.isEmpty() -> null;
            case Action.Set set ->
                new Effect(Effect.Kind.SET, source, site, provider, set.domain() ? domain : "", "", "", set,
                        until, rule.identity(), rule.place(), line);
        };
    }

    /** @return whether it says anything that wasn't so before */
    private boolean put(Effect effect) {
        lock.lock();
        try {
            List<Effect> next = new ArrayList<>(effects.size() + 1);
            boolean stands = false;
            for (Effect each : effects) {
                if (!each.isSame(effect)) {
                    next.add(each);
                } else if (each.untilNanos() - effect.untilNanos() >= 0) {
                    return false;
                } else {
                    stands = each.kind() == Effect.Kind.SET && each.set() != null && each.set().equals(effect.set());
                }
            }
            if (next.size() >= MOST_EFFECTS) {
                return false;
            }
            next.add(effect);
            effects = List.copyOf(next);
            return !stands;
        } finally {
            lock.unlock();
        }
    }

    /** Puts back what was kept over a restart. */
    void restore(Effect effect) {
        put(effect);
    }

    /** Those whose rule there is no more are in force no more. @return which */
    List<Effect> dropRuleless() {
        if (effects.isEmpty()) {
            return List.of();
        }
        Set<String> known = book.all().stream().map(AutomationRule::identity).collect(Collectors.toSet());
        lock.lock();
        try {
            List<Effect> gone = effects.stream().filter(each -> !known.contains(each.rule())).toList();
            effects = effects.stream().filter(each -> known.contains(each.rule())).toList();
            return gone;
        } finally {
            lock.unlock();
        }
    }

    /** Those that are over are in force no more. @return which */
    List<Effect> expire(long nowNanos) {
        if (effects.stream().noneMatch(each -> each.isOver(nowNanos))) {
            return List.of();
        }
        lock.lock();
        try {
            List<Effect> over = effects.stream().filter(each -> each.isOver(nowNanos)).toList();
            effects = effects.stream().filter(each -> !each.isOver(nowNanos)).toList();
            return over;
        } finally {
            lock.unlock();
        }
    }

    /** Whether nothing is in force. */
    boolean isIdle() {
        return effects.isEmpty();
    }

    /** What is in force. */
    List<Effect> inForce() {
        return effects;
    }

    /** The first in force that is such; null for none. */
    @Nullable
    Effect find(Predicate<Effect> which, long nowNanos) {
        for (Effect each : effects) {
            if (!each.isOver(nowNanos) && which.test(each)) {
                return each;
            }
        }
        return null;
    }
}

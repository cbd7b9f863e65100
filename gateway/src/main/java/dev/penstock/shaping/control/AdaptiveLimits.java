package dev.penstock.shaping.control;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Prospect;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

/** The rules' limits with those that control has decided on beside them. Thread-safe; answers from memory. */
final class AdaptiveLimits implements LimitBook {
    /** Who says so. */
    static final String PLACE = "control";
    /** Probes of a provider at which an incident is on, of all sources. */
    private static final Rate PROBES = new Rate(1, Duration.ofSeconds(10), 1);

    private final AdaptiveControl control;
    private final LimitBook base;

    AdaptiveLimits(AdaptiveControl control, LimitBook base) {
        this.control = control;
        this.base = base;
    }

    @Override
    public PathLimits of(EgressPath path, String provider) {
        PathLimits rules = base.of(path, provider);
        List<SharedLimit> decided = control.shared(path, provider);
        TrafficLimits own = rules.own();
        long now = control.nanos();
        for (Effect effect : control.effects()) {
            var set = effect.set();
            if (set != null && !effect.isOver(now) && effect.isOfPath(path.source(), path.site().name())
                    && (effect.domain().isEmpty() || path.site().equals(Site.ofDomain(effect.domain())))) {
                own = set.in(own);
            }
        }
        if (decided.isEmpty() && own.equals(rules.own())) {
            return rules;
        }
        List<SharedLimit> all = new ArrayList<>(rules.shared());
        all.addAll(decided);
        return new PathLimits(own, all, control.probesOnly(path, provider));
    }

    @Override
    public Prospect prospect(EgressPath path, String provider) {
        return control.prospect(path, provider);
    }

    @Override
    public boolean limitsSenders() {
        return base.limitsSenders() || control.limitsSenders();
    }

    @Override
    public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
        List<SharedLimit> all = new ArrayList<>(base.of(path, provider, sender));
        all.addAll(control.shared(path, provider, sender.tenant(), sender.campaign()));
        if (!sender.isUrgent() && control.isIncident(provider)) {
            all.add(new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, "incident_rate", provider),
                    new Bound.Spaced(PROBES),
                    PLACE));
        }
        long now = control.nanos();
        for (Effect effect : control.effects()) {
            if (effect.set() != null && !effect.isOver(now) && effect.domain().equals(sender.domain())
                    && effect.isOfPath(path.source(), path.site().name())
                    && !path.site().equals(Site.ofDomain(sender.domain()))) {
                add(all, effect, path, provider);
            }
        }
        return all;
    }

    /** Of a domain that is shaped together with others: its part of a value that bounds is a limit by sender. */
    private void add(List<SharedLimit> all, Effect effect, EgressPath path, String provider) {
        var set = effect.set();
        if (set == null) {
            return;
        }
        TrafficLimits own = base.of(path, provider).own();
        TrafficLimits changed = set.in(own);
        String scope = path.source() + "->" + effect.domain();
        Rate rate = changed.maxMessageRate();
        if (rate != null && !rate.equals(own.maxMessageRate())) {
            all.add(new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, set.name(), scope), new Bound.Spaced(rate),
                    effect.place()));
        }
        if (changed.connectionLimit() != own.connectionLimit()) {
            all.add(new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, set.name(), scope),
                    new Bound.Count(changed.connectionLimit()), effect.place()));
        }
    }
}

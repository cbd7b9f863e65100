package dev.penstock.shaping.control;

import java.util.ArrayList;
import java.util.List;

import dev.penstock.config.AutomationRule;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingRules;
import dev.penstock.config.ShapingSection;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.Rules;

/** The automation rules of the shaping file in force. Thread-safe. */
public final class RuleAutomation implements AutomationBook {
    private final RuleBook book;
    private volatile Known known;

    private record Known(ShapingConfig config, List<AutomationRule> all) {}

    public RuleAutomation(RuleBook book) {
        this.book = book;
        this.known = new Known(book.config(), all(book.config()));
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // another object is another configuration
    public List<AutomationRule> all() {
        Known now = known;
        ShapingConfig config = book.config();
        if (now.config != config) {
            now = new Known(config, all(config));
            known = now;
        }
        return now.all;
    }

    private static List<AutomationRule> all(ShapingConfig config) {
        ShapingRules rules = config.rules();
        List<AutomationRule> all = new ArrayList<>(rules.defaults().automation());
        for (ShapingSection section : rules.providers().values()) {
            all.addAll(section.automation());
        }
        for (ShapingSection section : rules.sections().values()) {
            all.addAll(section.automation());
        }
        return List.copyOf(all);
    }

    @Override
    public List<AutomationRule> of(EgressPath path, String provider, String domain) {
        return book.rules().automation(path.site(), provider).stream().map(Rules.Automation::rule).toList();
    }
}

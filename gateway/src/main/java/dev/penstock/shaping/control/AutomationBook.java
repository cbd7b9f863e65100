package dev.penstock.shaping.control;

import java.util.List;

import dev.penstock.config.AutomationRule;
import dev.penstock.shaping.EgressPath;

/** Which automation rules there are, and which of them are for which mail. Thread-safe; answers from memory. */
public interface AutomationBook {
    AutomationBook NONE = new AutomationBook() {
        @Override
        public List<AutomationRule> all() {
            return List.of();
        }

        @Override
        public List<AutomationRule> of(EgressPath path, String provider, String domain) {
            return List.of();
        }
    };

    /** Every rule; the same list until the rules change. */
    List<AutomationRule> all();

    /**
     * Those for mail to that domain by that path, in the order in which they are carried out.
     *
     * @param provider empty when it isn't known
     * @param domain   of the recipients, lower case; empty before there is a message
     */
    List<AutomationRule> of(EgressPath path, String provider, String domain);
}

package dev.penstock.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import dev.penstock.units.Rate;

/**
 * An {@code automation} block of the shaping file: what is done when replies of a kind come. Immutable. The words are
 * KumoMTA's (docs/reference/kumo.shaping/load.md, "Traffic Shaping Automation Rules").
 *
 * @param regex         RE2 expressions, found anywhere in the reply; one of them is enough
 * @param actions       at least one, in the file's order
 * @param trigger       how many replies it takes
 * @param duration      how long an action's effect lasts, longer than zero
 * @param matchInternal whether replies that were made here, not by the receiver, count too
 * @param place         {@code FILE:LINE}
 */
public record AutomationRule(List<String> regex, List<Action> actions, Trigger trigger, Duration duration,
        boolean matchInternal, String place) {
    public AutomationRule {
        regex = List.copyOf(regex);
        actions = List.copyOf(actions);
    }

    /** What makes it the same rule wherever it stands in the file, though its duration is another. For comparing. */
    public String identity() {
        return regex + " " + actions + " " + trigger;
    }

    /** What is done. Each concerns mail to the rule's destination. */
    public sealed interface Action {
        /** The source's mail to the site isn't sent. */
        record Suspend() implements Action {}

        /** The tenant's mail to the domain isn't sent; nothing where no tenant is known. */
        record SuspendTenant() implements Action {}

        /** The campaign's mail to the domain isn't sent; the tenant's where no campaign is known. */
        record SuspendCampaign() implements Action {}

        /** All mail to the domain is returned. */
        record Bounce() implements Action {}

        /** The tenant's mail to the domain is returned; nothing where no tenant is known. */
        record BounceTenant() implements Action {}

        /** The campaign's mail to the domain is returned; the tenant's where no campaign is known. */
        record BounceCampaign() implements Action {}

        /**
         * A key of the source's path to the site has another value, or, where {@code domain}, to the domain alone.
         *
         * @param value what the file could have for {@code name}: a text, {@code Long} or {@code Boolean}
         */
        record Set(String name, Object value, boolean domain) implements Action {
            /** What comes of {@code limits} while it holds. */
            public TrafficLimits in(TrafficLimits limits) {
                return ShapingReader.set(limits, name, value, new ArrayList<>()); // judged when it was read
            }

            /** KumoMTA's word for it. */
            public String word() {
                return domain ? "SetDomainConfig" : "SetConfig";
            }
        }
    }

    /** How many replies it takes. */
    public sealed interface Trigger {
        /** The first. */
        record Immediate() implements Trigger {}

        /** As many as the rate's count within its period. */
        record Threshold(Rate rate) implements Trigger {}
    }
}

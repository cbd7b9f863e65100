package dev.penstock.policy;

import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.config.PolicyConfig.RelayRule;
import dev.penstock.units.Networks;

/** Who may send to which domain: the first rule that fits decides. Immutable. */
final class RelayRules {
    private static final String ANYBODY = "*";
    private static final String NULL_SENDER = "<>";
    private static final String LOCAL = "local";

    /** A rule's lists, ready to be searched; an empty one fits always. */
    private record Rule(boolean permit, Set<String> listeners, Networks networks, Set<String> identities,
            boolean anySender, boolean nullSender, DomainSet senders, boolean anyRecipient, boolean local,
            DomainSet recipients) {
        static Rule of(RelayRule rule) {
            return new Rule(rule.permit(), Set.copyOf(rule.listeners()), Networks.parse(rule.networks()),
                    Set.copyOf(rule.identities()), rule.senderDomains().isEmpty(),
                    rule.senderDomains().contains(NULL_SENDER), domains(rule.senderDomains()),
                    rule.recipientDomains().isEmpty(), rule.recipientDomains().contains(LOCAL),
                    domains(rule.recipientDomains()));
        }

        /** Without the words that are no domains. */
        private static DomainSet domains(List<String> names) {
            return new DomainSet(
                    names.stream().filter(name -> !name.equals(LOCAL) && !name.equals(NULL_SENDER)).toList());
        }

        boolean fits(Client client, String senderDomain, String domain, boolean isLocal) {
            return (listeners.isEmpty() || listeners.contains(client.listener()))
                    && (networks.isEmpty() || networks.contains(client.address().getAddress()))
                    && (identities.isEmpty() || fits(client.identity()))
                    && (anySender || (senderDomain.isEmpty() ? nullSender : senders.contains(senderDomain)))
                    && (anyRecipient || (local && isLocal) || recipients.contains(domain));
        }

        private boolean fits(@Nullable Identity identity) {
            return identity != null && (identities.contains(ANYBODY) || identities.contains(identity.name()));
        }
    }

    private final List<Rule> rules;

    RelayRules(List<RelayRule> rules) {
        this.rules = rules.stream().map(Rule::of).toList();
    }

    /**
     * @param senderDomain empty for the null reverse path
     * @param domain       the recipient's
     */
    boolean permit(Client client, String senderDomain, String domain, boolean isLocal) {
        for (Rule rule : rules) {
            if (rule.fits(client, senderDomain, domain, isLocal)) {
                return rule.permit();
            }
        }
        return isLocal || client.relayNetwork() || client.identity() != null;
    }
}

package dev.penstock.dkim;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

import dev.penstock.config.Canonicalization;
import dev.penstock.config.DkimConfig;

/**
 * Which signatures a message gets. Immutable. The nearest From domain counts that has a rule for the tenant: the domain
 * itself, then what it is below, from near to far, then all; and there those that name the tenant, if any do.
 */
final class SigningRules {
    static final SigningRules NONE = new SigningRules(DkimConfig.DEFAULT);

    private final Map<String, List<SigningRule>> byDomain = new HashMap<>();
    private final DkimConfig config;

    SigningRules(DkimConfig config) {
        this.config = config;
        for (DkimConfig.Signature signature : config.signatures()) {
            SigningRule rule = new SigningRule(signature);
            for (String domain : signature.domains()) {
                byDomain.computeIfAbsent(domain, _ -> new ArrayList<>(2)).add(rule);
            }
        }
    }

    DkimConfig config() {
        return config;
    }

    boolean isEmpty() {
        return byDomain.isEmpty();
    }

    /** How the body is canonicalised by the signatures that a message may get, whoever its tenant is. */
    Set<Canonicalization> bodyForms(String fromDomain) {
        Set<Canonicalization> forms = EnumSet.noneOf(Canonicalization.class);
        levels(fromDomain, rules -> rules.forEach(rule -> forms.add(rule.settings().bodyCanonicalization())));
        return forms;
    }

    /** In the order of the configuration; empty when the message isn't to be signed. */
    List<SigningRule> of(String fromDomain, String tenant) {
        List<SigningRule> found = new ArrayList<>(2);
        levels(fromDomain, rules -> {
            if (found.isEmpty()) {
                rules.stream().filter(rule -> rule.isFor(tenant)).forEach(found::add);
            }
        });
        if (found.stream().anyMatch(rule -> rule.names(tenant))) {
            found.removeIf(rule -> !rule.names(tenant));
        }
        return found;
    }

    private void levels(String fromDomain, Consumer<List<SigningRule>> each) {
        at(fromDomain, each);
        for (int dot = fromDomain.indexOf('.'); dot >= 0; dot = fromDomain.indexOf('.', dot + 1)) {
            at(fromDomain.substring(dot), each);
        }
        at("*", each);
    }

    private void at(String domain, Consumer<List<SigningRule>> each) {
        List<SigningRule> rules = byDomain.get(domain);
        if (rules != null) {
            each.accept(rules);
        }
    }
}

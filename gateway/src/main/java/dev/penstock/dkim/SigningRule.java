package dev.penstock.dkim;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import dev.penstock.config.DkimConfig;

/** One configured signature, made ready. Immutable. */
final class SigningRule {
    /** Always signed when they are there: RFC 6376 5.4 the first, RFC 8058 4 the others. */
    private static final List<String> ALWAYS = List.of("from", "list-unsubscribe", "list-unsubscribe-post");
    /** Of one name; who sends more fields of it than that has these from the bottom signed. */
    private static final int MAX_INSTANCES = 16;

    private final DkimConfig.Signature settings;
    private final List<String> names;
    private final Set<String> oversigned;

    SigningRule(DkimConfig.Signature settings) {
        this.settings = settings;
        Set<String> all = new LinkedHashSet<>();
        all.add(ALWAYS.getFirst()); // some receivers look for it there
        all.addAll(settings.headers());
        all.addAll(settings.oversign());
        all.addAll(ALWAYS);
        this.names = List.copyOf(all);
        this.oversigned = Set.copyOf(settings.oversign());
    }

    DkimConfig.Signature settings() {
        return settings;
    }

    /** Of fields that are signed where they are there. */
    List<String> names() {
        return names;
    }

    boolean isFor(String tenant) {
        return settings.tenants().isEmpty() || settings.tenants().contains(tenant);
    }

    boolean names(String tenant) {
        return settings.tenants().contains(tenant);
    }

    /** What {@code h=} lists for this header section: each name as often as there are fields, and once more. */
    List<String> signedFields(HeaderFields header) {
        List<String> signed = new ArrayList<>(names.size() + oversigned.size());
        for (String name : names) {
            int instances = Math.min(header.count(name), MAX_INSTANCES) + (oversigned.contains(name) ? 1 : 0);
            for (int i = 0; i < instances; i++) {
                signed.add(name);
            }
        }
        return signed;
    }
}

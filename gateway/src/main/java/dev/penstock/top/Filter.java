package dev.penstock.top;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.admin.SelectionQuery;
import dev.penstock.queue.Grouping;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.Selection;
import dev.penstock.queue.Selection.Attribute;

/**
 * Which mail is looked at: words like {@code provider=google tenant=shop}. Immutable.
 *
 * @param parameters values by the attribute's word, as {@link Selection#parse} takes them; none for all mail
 */
public record Filter(Map<String, List<String>> parameters) {
    static final Filter NONE = new Filter(Map.of());

    public Filter {
        Map<String, List<String>> copy = new LinkedHashMap<>();
        parameters.forEach((name, values) -> copy.put(name, List.copyOf(values)));
        parameters = copy;
    }

    /**
     * @param by whose name a word without {@code =} is a part of
     * @throws IllegalArgumentException with a sentence for people
     */
    static Filter parse(String text, Grouping by) {
        Map<String, List<String>> given = new LinkedHashMap<>();
        for (String word : text.strip().split("\\s+", -1)) {
            int equals = word.indexOf('=');
            if (equals >= 0) {
                given.computeIfAbsent(word.substring(0, equals), _ -> new ArrayList<>())
                        .add(word.substring(equals + 1));
            } else if (!word.isEmpty()) {
                given.computeIfAbsent(by.attribute().word(), _ -> new ArrayList<>())
                        .add(word.contains("*") || word.equals(NamePattern.NONE) ? word : "*" + word + "*");
            }
        }
        return of(given);
    }

    /** @throws IllegalArgumentException with a sentence for people */
    public static Filter of(Map<String, List<String>> given) {
        Selection selection = Selection.parse(given);
        if (!selection.isOfPlaces()) {
            throw new IllegalArgumentException("queues are filtered by domain, site, provider, source, pool, tenant, "
                    + "campaign and class; messages are found by penstock message list");
        }
        return new Filter(selection.parameters());
    }

    boolean isNone() {
        return parameters.isEmpty();
    }

    /** As a query has it. */
    List<String[]> query() {
        List<String[]> query = new ArrayList<>();
        parameters.forEach((name, values) -> {
            Attribute attribute = Attribute.of(name);
            if (attribute != null) {
                values.forEach(value -> query.add(new String[]{SelectionQuery.name(attribute), value}));
            }
        });
        return query;
    }

    /** The one provider that is named, and nothing else; empty otherwise. */
    String provider() {
        List<String> named = parameters.getOrDefault(Attribute.PROVIDER.word(), List.of());
        return parameters.size() == 1 && named.size() == 1 && new NamePattern(named.getFirst(), true).isLiteral()
                && !named.getFirst().equals(NamePattern.NONE) ? named.getFirst() : "";
    }

    /** This and that name, which is in place of others of its attribute. */
    Filter with(Attribute attribute, String name) {
        Map<String, List<String>> more = new LinkedHashMap<>(parameters);
        more.put(attribute.word(), List.of(name.isEmpty() ? NamePattern.NONE : name));
        return new Filter(more);
    }

    /** As it is typed. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        parameters.forEach((name, values) -> values.forEach(value -> text.append(text.isEmpty() ? "" : " ")
                .append(name).append('=').append(value)));
        return text.toString();
    }
}

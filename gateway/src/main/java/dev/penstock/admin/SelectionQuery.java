package dev.penstock.admin;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

import dev.penstock.http.Problem;
import dev.penstock.queue.Selection;
import dev.penstock.queue.Selection.Attribute;

/** A {@link Selection} in the query of a request. Stateless. */
public final class SelectionQuery {
    private SelectionQuery() {}

    /** As queries write it: {@code older_than}. */
    public static String name(Attribute attribute) {
        return attribute.word().replace('-', '_');
    }

    /** The route with a parameter for each attribute; of places alone, or of messages too. */
    public static AdminRoute declare(AdminRoute route, boolean messages) {
        AdminRoute declared = route;
        for (Attribute attribute : Attribute.values()) {
            if (messages || isOfPlaces(attribute)) {
                declared = declared.query(name(attribute), attribute.isList() ? List.class : String.class,
                        description(attribute));
            }
        }
        return declared;
    }

    private static boolean isOfPlaces(Attribute attribute) {
        return attribute.compareTo(Attribute.SENDER) < 0;
    }

    private static String description(Attribute attribute) {
        return switch (attribute) {
            case DOMAIN -> "Recipients' domain; * stands for any characters";
            case SITE -> "Site, by its name";
            case PROVIDER -> "Who runs the hosts; - for nobody known";
            case SOURCE -> "Source that the mail goes by";
            case POOL -> "Pool of sources";
            case TENANT -> "Tenant; - for none";
            case CAMPAIGN -> "Campaign; - for none";
            case CLASS -> "bulk or transactional";
            case SENDER -> "Reverse path; - for the null one";
            case RECIPIENT -> "Recipient's address";
            case ID -> "Message's id";
            case STATE -> "scheduled, held, routing, ready, suspended or active";
            case OLDER_THAN -> "Age, like 2h30m";
            case YOUNGER_THAN -> "Age, like 2h30m";
            case MIN_ATTEMPTS -> "Attempts made, at least";
            case MAX_ATTEMPTS -> "Attempts made, at most";
        };
    }

    /** @throws Problem when it can't be read */
    public static Selection of(AdminRequest request) {
        Map<String, List<String>> selecting = new LinkedHashMap<>();
        request.queries().forEach((name, values) -> {
            if (Attribute.of(name) != null) {
                selecting.put(name, new ArrayList<>(values));
            }
        });
        return parsed(() -> Selection.parse(selecting));
    }

    /** What is read by {@code reader}; an {@link IllegalArgumentException} is told to who asked. */
    static <T> T parsed(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (IllegalArgumentException e) {
            String why = e.getMessage();
            throw Problem.of(Problem.Kind.INVALID, why == null ? "this can't be read" : why);
        }
    }
}

package dev.penstock.admin;

import java.util.List;
import java.util.Map;
import java.util.Optional;

import dev.penstock.http.Problem;

/** A request that has come whole, from somebody who may send it. Immutable. */
public final class AdminRequest {
    private final Operator operator;
    private final Map<String, String> path;
    private final Map<String, List<String>> query;
    private final byte[] body;

    AdminRequest(Operator operator, Map<String, String> path, Map<String, List<String>> query, byte[] body) {
        this.operator = operator;
        this.path = Map.copyOf(path);
        this.query = Map.copyOf(query);
        this.body = body;
    }

    /** Who asks. */
    public Operator operator() {
        return operator;
    }

    /** What stands at the template's parameter, decoded. */
    public String path(String name) {
        String value = path.get(name);
        if (value == null) {
            throw new IllegalArgumentException("the template has no " + name);
        }
        return value;
    }

    /** The parameter of the query; the last one when it is repeated. */
    public Optional<String> query(String name) {
        List<String> values = query.getOrDefault(name, List.of());
        return values.isEmpty() ? Optional.empty() : Optional.of(values.getLast());
    }

    /** All of that name, in their order. */
    public List<String> queries(String name) {
        return query.getOrDefault(name, List.of());
    }

    /** The whole query. */
    public Map<String, List<String>> queries() {
        return query;
    }

    /** @throws Problem when it isn't a whole number from {@code least} to {@code most} */
    public int integer(String name, int fallback, int least, int most) {
        Optional<String> text = query(name);
        if (text.isEmpty()) {
            return fallback;
        }
        try {
            int value = Integer.parseInt(text.get());
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw Problem.of(Problem.Kind.INVALID,
                name + " must be a whole number from " + least + " to " + most + ", not \"" + text.get() + "\"");
    }

    /** @throws Problem when it is neither {@code true} nor {@code false} */
    public boolean flag(String name) {
        return switch (query(name).orElse("false")) {
            case "true", "" -> true;
            case "false" -> false;
            case String other ->
                throw Problem.of(Problem.Kind.INVALID, name + " must be true or false, not \"" + other + "\"");
        };
    }

    /** The body's octets, for those who read it by themselves. */
    public byte[] octets() {
        return body.clone();
    }

    /** @throws Problem when the JSON isn't one of these, with a pointer to what is wrong */
    public <T extends Record> T body(Class<T> type) {
        return AdminJson.read(body, type);
    }
}

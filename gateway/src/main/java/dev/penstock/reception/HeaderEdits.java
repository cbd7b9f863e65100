package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;

/** What becomes of a header section. Immutable by agreement: nothing is copied. */
public final class HeaderEdits {
    private static final byte[] NOTHING = {};
    private static final HeaderEdits NONE = new HeaderEdits(NOTHING, List.of());

    private final byte[] added;
    private final Collection<String> removed;

    private HeaderEdits(byte[] added, Collection<String> removed) {
        this.added = added;
        this.removed = removed;
    }

    /** Removes only. */
    public static HeaderEdits without(Collection<String> removed) {
        return removed.isEmpty() ? NONE : new HeaderEdits(NOTHING, removed);
    }

    /** What is left out of every message, and what an answer about this one says. */
    public static HeaderEdits of(Policy policy, Decision.Accept answer) {
        Collection<String> removed = policy.removedHeaders();
        if (answer.removeHeaders().isEmpty() && answer.addHeaders().isEmpty()) {
            return without(removed);
        }
        if (!answer.removeHeaders().isEmpty()) {
            List<String> both = new ArrayList<>(removed);
            both.addAll(answer.removeHeaders());
            removed = both;
        }
        return new HeaderEdits(octets(answer.addHeaders()), removed);
    }

    /** Header fields in wire form. What would end a field early becomes a space. */
    private static byte[] octets(List<Policy.HeaderField> fields) {
        if (fields.isEmpty()) {
            return NOTHING;
        }
        StringBuilder text = new StringBuilder();
        fields.forEach(field -> text.append(TraceField.printable(field.name())).append(": ")
                .append(field.value().replaceAll("[\\r\\n\\x00]+", " ")).append("\r\n"));
        return text.toString().getBytes(UTF_8);
    }

    /** Fields in wire form that go before all others. */
    public byte[] added() {
        return added;
    }

    /** Lower case names of fields that are left out. A field that is named here and added is replaced. */
    public Collection<String> removed() {
        return removed;
    }

    /** Whether nothing changes. */
    public boolean isEmpty() {
        return added.length == 0 && removed.isEmpty();
    }
}

package dev.penstock.policy;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.policy.Policy.HeaderField;

/** The domain that a message says it is from. Pure functions. */
public final class FromDomain {
    private FromDomain() {}

    /**
     * That of the first mailbox in the one From field, lower case, A-labels. Null when no field or several are there, or when
     * a reader might see another address than the one found.
     *
     * @param header of a whole message; fields of other names don't matter
     */
    public static @Nullable String of(List<HeaderField> header) {
        return switch (FromHeader.of(header)) {
            case FromHeader.Mailboxes from -> from.mailboxes().getFirst().domain();
            case FromHeader.Unreadable _ -> null;
        };
    }
}

package dev.penstock.injection;

import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Mailbox;
import dev.penstock.units.MailClass;

/**
 * A request as it was read, its syntax checked. Immutable.
 *
 * @param sender         the reverse path; null for the null one
 * @param recipients     at least one
 * @param substitutions  for all recipients
 * @param receivedHeader whether the trace line is added
 * @param idempotencyKey of the body, null when it has none
 * @param pool           of sources by which its mail goes, unless a policy names another; null when it names none
 * @param mailClass      of its mail, unless a policy says another; null when it says none
 */
record InjectionRequest(@Nullable Mailbox sender, List<Rcpt> recipients, Content content,
        Map<String, @Nullable Object> substitutions, boolean templated, boolean receivedHeader,
        @Nullable String idempotencyKey, @Nullable String pool, @Nullable MailClass mailClass) {

    /**
     * One recipient.
     *
     * @param mailbox null when {@code email} isn't one
     * @param wrong   what is wrong with it then, else empty
     */
    record Rcpt(String email, @Nullable Mailbox mailbox, String wrong, String name,
            Map<String, @Nullable Object> substitutions) {}

    sealed interface Content {}

    /** A whole message, header and all. */
    record Raw(String text) implements Content {}

    /** What a message is to be made of; null for what isn't there. */
    record Parts(@Nullable Person from, @Nullable Person replyTo, @Nullable String subject, @Nullable String text,
            @Nullable String html, @Nullable String amp, Map<String, String> headers, List<Attachment> attachments)
            implements
                Content {}

    record Person(String email, String name) {}

    /**
     * A file.
     *
     * @param contentType {@code type/subtype}, parameters allowed
     * @param fileName    empty for none
     * @param contentId   without angle brackets, empty for none; with one it is shown inside the HTML
     */
    record Attachment(String contentType, String fileName, String contentId, Octets data) {}

    /** Octets, compared by identity. */
    static final class Octets {
        final byte[] bytes;

        Octets(byte[] bytes) {
            this.bytes = bytes;
        }
    }
}

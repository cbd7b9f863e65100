package dev.penstock.preflight;

import java.util.Collection;
import java.util.List;

/**
 * What is demanded, by whom, and the reply that each has published for it, as gathered in November 2026. A list, with
 * nothing to decide.
 */
public enum Demands {
    /** RFC 5322 3.6.2, and DMARC wants one author domain (RFC 9989). */
    ONE_FROM("one-from", false, gmail("550 5.7.1"), yahoo("554 5.7.9"), microsoft("550 5.7.515"), apple("554 5.7.1")),
    /** RFC 5322 3.6. */
    SINGLE_FIELDS("single-fields", false, gmail("550 5.7.1")),
    MESSAGE_ID("message-id", false, gmail("550 5.7.1")),
    DATE("date", false, gmail("550 5.7.1")),
    /** RFC 5321 2.3.8; Exchange Online has a code for a bare LF. */
    LINE_ENDS("line-ends", false, gmail("550 5.7.1"), yahoo(""), microsoft("550 5.6.11"), apple("")),
    /** RFC 5322 2.1.1. */
    LINE_LENGTH("line-length", false, gmail("550 5.7.1")),
    /** SPF or DKIM, of everybody. */
    AUTHENTICATED("authenticated", false, gmail("550 5.7.26"), yahoo("554 5.7.9"), microsoft("550 5.7.515"),
            apple("554 5.7.1")),
    SPF("spf", true, gmail("550 5.7.27"), yahoo("554 5.7.9"), microsoft("550 5.7.515"), apple("554 5.7.1")),
    DKIM("dkim", true, gmail("550 5.7.30"), yahoo("554 5.7.9"), microsoft("550 5.7.515"), apple("554 5.7.1")),
    DMARC("dmarc", true, gmail("550 5.7.40"), yahoo("554 5.7.9"), microsoft("550 5.7.515"), apple("554 5.7.1")),
    ALIGNMENT("alignment", true, gmail("550 5.7.32"), yahoo("554 5.7.9"), microsoft("550 5.7.515"),
            apple("554 5.7.1")),
    /** Names of addresses and the way back. */
    PTR("ptr", false, gmail("550 5.7.25"), yahoo(""), microsoft(""), apple("")),
    /** RFC 8058: no reply is published, such mail goes to the spam folder and its sender gets no help. */
    ONE_CLICK("one-click", true, gmail(""), yahoo(""));

    /**
     * Of one provider.
     *
     * @param code with the enhanced code; empty when none is published, and mail is filtered or slowed down
     */
    public record Reply(Provider provider, String code) {
        /** {@code Gmail 5.7.32}; without a code the provider alone. */
        public String shortly() {
            return code.isEmpty() ? provider.label() : provider.label() + code.substring(code.indexOf(' '));
        }
    }

    private final String word;
    private final boolean ofBulk;
    @SuppressWarnings("ImmutableEnumChecker") // List.of
    private final List<Reply> replies;

    Demands(String word, boolean ofBulk, Reply... replies) {
        this.word = word;
        this.ofBulk = ofBulk;
        this.replies = List.of(replies);
    }

    /** Its name in findings. */
    public String word() {
        return word;
    }

    /** Whether it is demanded of bulk mail only. */
    public boolean isOfBulk() {
        return ofBulk;
    }

    /** Of those among {@code providers} that demand it. */
    List<Reply> replies(Collection<Provider> providers) {
        return replies.stream().filter(reply -> providers.contains(reply.provider())).toList();
    }

    private static Reply gmail(String code) {
        return new Reply(Provider.GMAIL, code);
    }

    private static Reply yahoo(String code) {
        return new Reply(Provider.YAHOO, code);
    }

    private static Reply microsoft(String code) {
        return new Reply(Provider.MICROSOFT, code);
    }

    private static Reply apple(String code) {
        return new Reply(Provider.APPLE, code);
    }
}

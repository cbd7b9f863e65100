package dev.penstock.smtp;

/**
 * The recipient as the message's author wrote it: ORCPT of RCPT (RFC 3461 4.2). Immutable.
 *
 * @param type    the address type, {@code rfc822} or {@code utf-8} (RFC 6533)
 * @param address decoded from xtext or utf-8-addr-xtext
 */
public record OriginalRecipient(String type, String address) {
    public static final String RFC822 = "rfc822";
    public static final String UTF_8 = "utf-8";

    /** A mailbox in the type it has by itself. */
    public static OriginalRecipient of(String mailbox) {
        for (int i = 0; i < mailbox.length(); i++) {
            if (mailbox.charAt(i) > 127) {
                return new OriginalRecipient(UTF_8, mailbox);
            }
        }
        return new OriginalRecipient(RFC822, mailbox);
    }

    /** As RCPT has it, in ASCII. */
    public String encoded() {
        return type + ";" + (type.equals(UTF_8) ? XText.encodeUnicode(address) : XText.encode(address));
    }
}

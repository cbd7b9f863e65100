package dev.penstock.dkim;

/**
 * What became of one signature (RFC 8601 2.7.1).
 *
 * @param domain   {@code d=}; empty when the field can't be read that far
 * @param selector {@code s=}, likewise
 * @param algorithm {@code a=}, likewise
 * @param detail   why, in words; for {@link Result#PASS} what is known of the key
 */
public record Verification(Result result, String domain, String selector, String algorithm, String detail) {
    /** As in an Authentication-Results field. */
    public enum Result {
        /** It is this domain's. */
        PASS,
        /** The message isn't what was signed, or not by this key. */
        FAIL,
        /** The signature or its key can't be used, ever. */
        PERMERROR,
        /** Its key can't be had now. */
        TEMPERROR
    }
}

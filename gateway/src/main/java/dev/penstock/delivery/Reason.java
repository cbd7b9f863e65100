package dev.penstock.delivery;

import dev.penstock.classification.Classification;
import dev.penstock.message.MessageEvent;

/**
 * Why an outcome is what it is, in the terms of the delivery log and of a report.
 *
 * @param phase    where it was decided
 * @param code     the reply's, or 400 or 500 and up for what no reply told
 * @param enhanced never empty: derived from the code when the reply had none
 * @param text     the reply's text, or our own words
 * @param remote   whether a host said it
 * @param meaning  of what was said, or of what went wrong
 */
public record Reason(Phase phase, int code, String enhanced, String text, boolean remote,
        Classification meaning) {
    /** Of which nothing further is known. */
    public Reason(Phase phase, int code, String enhanced, String text, boolean remote) {
        this(phase, code, enhanced, text, remote, Classification.NONE);
    }

    /** As the delivery log has it. */
    public MessageEvent.Response response() {
        return new MessageEvent.Response(code, enhanced, text, remote ? phase.command() : "");
    }

    /** {@code 550 5.1.1 text}. */
    public String oneLine() {
        return code + " " + enhanced + " " + text;
    }
}

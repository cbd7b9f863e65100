package dev.penstock.loadgen;

/**
 * What a run of {@link InjectGenerator} does. Immutable.
 *
 * @param load        sessions are connections, messages are requests, recipients are those of one request and the rate
 *                    is of requests; what only SMTP knows has no effect
 * @param template    whether each recipient gets a message of its own, filled in by the gateway; else one for all
 * @param keys        whether each request has an idempotency key, and is sent again under it when its answer was lost
 * @param credentials {@code name:password}, empty for none
 */
public record InjectOptions(LoadOptions load, boolean template, boolean keys, String credentials) {
    public InjectOptions {
        if (!credentials.isEmpty() && credentials.indexOf(':') < 1) {
            throw new IllegalArgumentException("expected NAME:PASSWORD");
        }
        if (load.dots() != 0 || load.eightBit() != 0) {
            throw new IllegalArgumentException("bodies are plain text without dotted lines");
        }
    }
}

package dev.penstock.config;

/** What becomes of the message that was answered for. */
public enum ReplyAction {
    /** 4xx defers, 5xx bounces. */
    AS_CODED,
    /** Given up, though the code be 4xx. */
    BOUNCE,
    /** Tried again, though the code be 5xx. */
    DEFER
}

package dev.penstock.inbound;

/**
 * What came by one listener since the start, and is there now.
 *
 * @param open             sessions, now
 * @param sessions         that were greeted
 * @param sessionsRefused  that were not, or whose client a policy refused
 * @param messages         answered with 250
 * @param octets           of their content
 * @param messagesRefused  answered with 5xx at the end of data
 * @param messagesDeferred MAIL, DATA or end of data answered with 4xx: spool or memory had no room
 */
public record ListenerStats(long open, long sessions, long sessionsRefused, long messages, long octets,
        long messagesRefused, long messagesDeferred) {}

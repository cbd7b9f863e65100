package dev.penstock.simulation;

/**
 * A message with one recipient. Immutable.
 *
 * @param id           ascending by arrival
 * @param domain       of its recipient
 * @param tenant       empty for none
 * @param campaign     empty for none
 * @param size         octets
 * @param arrivalNanos since the start
 */
public record SimulatedMessage(long id, String domain, String tenant, String campaign, long size,
        long arrivalNanos) {
    /** The low bits of a message id are its node's. */
    private static final int ID_SHIFT = 10;

    String recipient() {
        return "r" + id + "@" + domain;
    }

    String sender() {
        return sender(tenant);
    }

    /** Each tenant sends from a domain of its own. */
    static String sender(String tenant) {
        return "bounces@" + (tenant.isEmpty() ? "sender" : tenant) + ".example";
    }

    long messageId() {
        return id << ID_SHIFT;
    }

    static long ofMessageId(long messageId) {
        return messageId >>> ID_SHIFT;
    }
}

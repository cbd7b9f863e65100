package dev.penstock.preflight;

/**
 * Whether an address has a name that leads back to it (FCrDNS). Immutable.
 *
 * @param why for people; empty when all is well
 */
record AddressFacts(String address, State state, String why) {
    enum State {
        FINE, NO_NAME,
        /** The name has other addresses, or none. */
        NO_WAY_BACK, UNKNOWN
    }
}

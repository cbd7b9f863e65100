package dev.penstock.preflight;

/**
 * What SPF (RFC 7208) says of one address for one domain. Immutable.
 *
 * @param why for people; empty for a pass
 */
record SpfFacts(String address, Result result, String why) {
    /** RFC 7208 2.6. */
    enum Result {
        PASS, FAIL, SOFTFAIL, NEUTRAL, NONE, PERMERROR,
        /** No answer, or not in time: nothing is known. */
        TEMPERROR
    }
}

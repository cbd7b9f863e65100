package dev.penstock.dkim;

/**
 * Counters since the start.
 *
 * @param messages   that got a signature at least
 * @param signatures made
 * @param unsigned   messages that were sent without a signature that was configured
 * @param refused    messages whose senders heard that there is no key
 * @param busy       messages that were put off because too many waited
 * @param failed     messages put off because a signature failed
 * @param waiting    messages whose signatures are to come, now
 * @param reloads    key files taken anew
 * @param keysRefused key files that couldn't be; the key from before stays
 * @param keysMissing key files that were asked for and aren't there
 */
public record SigningStats(long messages, long signatures, long unsigned, long refused, long busy, long failed,
        long waiting, long reloads, long keysRefused, long keysMissing) {}

package dev.penstock.auth;

/**
 * What logging in came to, since the start. Immutable.
 *
 * @param successes      logins that succeeded; certificates don't count
 * @param refused        wrong names, passwords, proofs or tokens: 535
 * @param malformed      messages that weren't the mechanism's: 501
 * @param undecided      too busy, or nobody answered: 454
 * @param hashes         password hashes computed
 * @param recalled       passwords that took no hash, because they had been right a short while ago
 * @param busy           password checks that weren't made because too many waited
 * @param unanswered     questions to others that weren't decided
 * @param users          in the credentials file
 * @param reloads        changes of the credentials file that were taken over
 * @param reloadsRefused changes that weren't, because of an error in it
 */
public record AuthStats(long successes, long refused, long malformed, long undecided, long hashes, long recalled,
        long busy, long unanswered, int users, long reloads, long reloadsRefused) {}

package dev.penstock.policy;

/**
 * What the policies did since their start, and have to do now.
 *
 * @param relayDenied     recipients refused by the relay rules
 * @param sendersRefused  senders that didn't belong to the identity, in MAIL or in the From field
 * @param headersRefused  messages whose tenant or campaign field couldn't be one
 * @param questions       asked of plug-ins and the call-out
 * @param refusals        answers that were a refusal
 * @param timeouts        questions without an answer at their deadline
 * @param overloads       questions not asked since too many were unanswered
 * @param failures        questions answered with an exception, or with what is no answer
 * @param inFlight        questions that plug-ins and the call-out are at now, late ones included
 */
public record PolicyStats(long relayDenied, long sendersRefused, long headersRefused, long questions, long refusals,
        long timeouts, long overloads, long failures, long inFlight) {}

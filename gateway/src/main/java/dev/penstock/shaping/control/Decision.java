package dev.penstock.shaping.control;

/**
 * What was decided about how mail goes, and why. Immutable.
 *
 * @param atMillis  since 1970
 * @param scope     whose mail, and where to
 * @param what      {@code decrease}, {@code pause}, {@code probe-refused}, {@code probe-taken}, {@code block},
 *                  {@code return}, {@code release}, {@code window}, {@code incident}, {@code incident-over}, or the word of
 *                  an automation rule's action
 * @param from      what was before, for people
 * @param to        what is now
 * @param reply     that was the cause, without names of people and hosts; empty when none was
 * @param className the reply's class
 * @param rule      that named the class, or the automation rule, {@code file:line}; empty for none
 * @param ends      what ends it
 */
public record Decision(long atMillis, Scope scope, String what, String from, String to, String reply,
        String className, String rule, String ends) {}

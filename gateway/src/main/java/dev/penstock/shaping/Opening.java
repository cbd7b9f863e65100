package dev.penstock.shaping;

/** The answer to whether a session may be opened now: a {@link Permit} or a {@link Refusal}. */
public sealed interface Opening permits Permit, Refusal {}

package dev.penstock.delivery;

import dev.penstock.routing.Route;
import dev.penstock.smtp.Reply;

/** What an outcome is decided from: a reply, a failure without one, or a domain without hosts. */
public sealed interface Cause permits Cause.Replied, Failure, Cause.Unroutable {
    /** The host answered. */
    record Replied(Reply reply) implements Cause {}

    /** There is no host to ask. */
    record Unroutable(Route.Failure route) implements Cause {}
}

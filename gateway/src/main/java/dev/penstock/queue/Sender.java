package dev.penstock.queue;

/** Whose turn it is: a tenant and one of its campaigns, empty when unknown. */
record Sender(String tenant, String campaign) {}

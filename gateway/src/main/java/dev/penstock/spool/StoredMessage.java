package dev.penstock.spool;

import dev.penstock.message.Content;
import dev.penstock.message.Envelope;

/** A message as read back. */
public record StoredMessage(Envelope envelope, Content content) {}

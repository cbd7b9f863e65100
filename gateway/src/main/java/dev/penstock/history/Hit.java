package dev.penstock.history;

import dev.penstock.message.MessageEvent;

/**
 * An event that was found.
 *
 * @param line   of the delivery log, without its end: a JSON object
 * @param cursor of it: what comes behind it, when a search goes on
 */
public record Hit(MessageEvent event, String line, Cursor cursor) {}

package dev.penstock.inbound;

import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** What the sessions of one event loop share. Confined to that loop. */
final class LoopScratch {
    /** The most that one read gives (the upper bound of Netty's adaptive receive buffers). */
    static final int READ_SIZE = 64 * 1024;
    private static final DateTimeFormatter RFC_5322 = DateTimeFormatter
            .ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH).withZone(ZoneOffset.UTC);

    final byte[] input = new byte[READ_SIZE];
    private long dateSecond = Long.MIN_VALUE;
    private String date = "";

    /** The date and time of now (RFC 5322 3.3), formatted once per second. */
    String date(InstantSource clock) {
        long second = Math.floorDiv(clock.millis(), 1000L);
        if (second != dateSecond) {
            dateSecond = second;
            date = RFC_5322.format(Instant.ofEpochSecond(second));
        }
        return date;
    }
}

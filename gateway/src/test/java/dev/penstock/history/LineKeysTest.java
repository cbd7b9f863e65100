package dev.penstock.history;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

import org.junit.jupiter.api.Test;

import dev.penstock.events.EventLines;
import dev.penstock.events.RandomEvents;
import dev.penstock.message.MessageEvent;

class LineKeysTest {
    private static final long NOW = 1_757_675_281_440L;

    private final LineKeys keys = new LineKeys();

    @Test
    void aLineHasTheKeysOfItsEvent() {
        long seed = System.nanoTime();
        RandomEvents events = new RandomEvents(new SplittableRandom(seed));
        for (int i = 0; i < 5_000; i++) {
            MessageEvent event = events.next(NOW + i * 7_919_317L); // times of many days
            keys.clear();
            assertThat(add(EventLines.line(event).strip())).isTrue();
            assertThat(keys.keys()).as("seed " + seed + ", event " + i + ": " + event)
                    .containsExactly(expected(event));
            assertThat(keys.min()).as("seed " + seed).isEqualTo(event.eventMillis());
            assertThat(keys.max()).isEqualTo(event.eventMillis());
        }
    }

    private static int[] expected(MessageEvent event) {
        TreeSet<Integer> expected = new TreeSet<>();
        add(expected, Key.TYPE, event.type().label());
        add(expected, Key.ID, event.id().equals(MessageEvent.NO_ID) ? "" : event.id().toString());
        add(expected, Key.SENDER, event.sender());
        add(expected, Key.TENANT, event.tenant());
        add(expected, Key.CAMPAIGN, event.campaign());
        add(expected, Key.DOMAIN, event.domain());
        add(expected, Key.MESSAGE_ID, event.client().messageId());
        for (String recipient : event.recipients()) {
            add(expected, Key.RECIPIENT, recipient);
            add(expected, Key.DOMAIN, recipient.substring(recipient.lastIndexOf('@') + 1));
        }
        return expected.stream().mapToInt(key -> key).toArray();
    }

    private static void add(Set<Integer> keys, Key kind, String value) {
        if (!value.isEmpty()) {
            keys.add(kind.of(value));
        }
    }

    @Test
    void aTornLineGivesNoKey() {
        MessageEvent event = new RandomEvents(new SplittableRandom(7)).next(NOW);
        String line = EventLines.line(event).strip();
        byte[] octets = line.getBytes(UTF_8);
        for (int length = 0; length < octets.length; length++) {
            keys.clear();
            assertThat(keys.add(octets, 0, length)).as("%d octets", length).isFalse();
            assertThat(keys.keys()).isEmpty();
            assertThat(keys.lines()).isZero();
        }
    }

    @Test
    void whatIsNoEventGivesNoKey() {
        for (String line : new String[]{"", "{}", "[]", "mail", "{\"type\":\"Delivery\"}",
            "{\"event_time\":\"2026-11-24T00:22:05.495Z\"}",
            "{\"type\":\"Delivery\",\"event_time\":\"2026-13-24T00:22:05.495Z\"}",
            "{\"type\":\"Delivery\",\"event_time\":\"2026-02-30T00:22:05.495Z\"}",
            "{\"type\":\"Delivery\",\"event_time\":\"yesterday\"}", "{\"type\":\"Delivery\",\"recipient\":[\"a\""}) {
            keys.clear();
            assertThat(add(line)).as(line).isFalse();
            assertThat(keys.keys()).as(line).isEmpty();
        }
    }

    @Test
    void upperAndLowerCaseAreOneKeyAndKindsAreNot() {
        assertThat(Key.RECIPIENT.of("Ann@Example.COM")).isEqualTo(Key.RECIPIENT.of("ann@example.com"))
                .isNotEqualTo(Key.SENDER.of("ann@example.com")).isNotEqualTo(Key.RECIPIENT.of("anm@example.com"));
    }

    @Test
    void aBlockHasEachKeyOnceAndTheTimesOfItsEvents() {
        RandomEvents events = new RandomEvents(new SplittableRandom(3));
        MessageEvent first = events.next(NOW);
        MessageEvent before = events.next(NOW - 5_000);
        keys.clear();
        add(EventLines.line(first).strip());
        add(EventLines.line(before).strip());
        add(EventLines.line(first).strip());
        assertThat(keys.lines()).isEqualTo(3);
        assertThat(keys.min()).isEqualTo(NOW - 5_000);
        assertThat(keys.max()).isEqualTo(NOW);
        assertThat(keys.keys()).doesNotHaveDuplicates().contains(expected(first)).contains(expected(before));
    }

    private boolean add(String line) {
        byte[] octets = ("?" + line + "?").getBytes(UTF_8);
        return keys.add(octets, 1, octets.length - 1);
    }
}

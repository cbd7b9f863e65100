package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.IdempotencyKey;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.testing.FakeSpool;

class ReceptionTest {
    private static final Instant NOW = Instant.parse("2026-11-28T10:20:30Z");
    private static final ClientSession SESSION = new ClientSession("5e55", "192.0.2.25:25", "mx",
            new MessageEvent.Tls("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
    private static final Origin CLIENT = new Origin("ESMTPS", "198.51.100.7:4025", "client.example", "ann");

    private final FakeSpool spool = new FakeSpool();
    private final List<String> order = new ArrayList<>();
    private final List<MessageEvent> events = new ArrayList<>();
    private final List<QueuedDestination> queued = new ArrayList<>();
    private final Reception reception = new Reception(spool, this::queue, this::tell, InstantSource.fixed(NOW));
    private boolean queueFails;

    private void queue(QueuedDestination destination) {
        order.add("queued for " + destination.domain());
        if (queueFails) {
            throw new IllegalStateException("the queue is broken, says the test");
        }
        queued.add(destination);
    }

    private void tell(MessageEvent event) {
        order.add("told");
        events.add(event);
    }

    private IncomingMessage begin() {
        return reception.begin(reception.nextId(), "Received: here\r\n".getBytes(US_ASCII));
    }

    private static void write(IncomingMessage message, String content) {
        byte[] octets = content.getBytes(US_ASCII);
        message.write(octets, 0, octets.length);
    }

    private static void address(IncomingMessage message, Origin origin, String... recipients) {
        message.address("a@example.com", List.of(recipients).stream()
                .map(to -> new Recipient(to, to.substring(to.indexOf('@') + 1))).toList(), BodyType.SEVEN_BIT, false,
                "acme", "spring", origin, Options.NONE);
    }

    @Test
    void aMessageIsToldOfAndThenQueuedByItsDestinations() {
        IncomingMessage message = begin();
        write(message, "Subject: x\r\n\r\n");
        address(message, CLIENT, "b@one.example", "c@two.example", "d@one.example");
        List<SpoolEntry> entries = message.commit(false, false).join();
        assertThat(order).as("before it is handed over").isEmpty();

        message.handOver(entries, SESSION, "<1@example.com>", "it is ours");

        assertThat(order).containsExactly("told", "queued for one.example", "queued for two.example");
        Envelope envelope = message.envelope();
        assertThat(envelope.id()).isEqualTo(message.id());
        assertThat(envelope.receivedMillis()).isEqualTo(NOW.toEpochMilli());
        assertThat(queued).containsExactly(
                new QueuedDestination(entries.getFirst(), envelope, "one.example", 0, 0, message.size()),
                new QueuedDestination(entries.getLast(), envelope, "two.example", 0, 0, message.size()));
        assertThat(events).containsExactly(new MessageEvent(MessageEvent.Type.RECEPTION, message.id(), "a@example.com",
                List.of("b@one.example", "c@two.example", "d@one.example"), "one.example", "acme", "spring", "",
                message.size(), new MessageEvent.Response(250, "2.0.0", "it is ours", ""),
                new MessageEvent.Peer("client.example", "198.51.100.7:4025"), "192.0.2.25:25", NOW.toEpochMilli(),
                NOW.toEpochMilli(), 0, "ESMTPS", "5e55", SESSION.tls(),
                new MessageEvent.Client("ann", "client.example", "mx", "<1@example.com>")));
    }

    @Test
    void theTraceFieldStandsBeforeTheContentAndCounts() {
        IncomingMessage message = begin();
        write(message, "Subject: x\r\n");
        write(message, "\r\nbody\r\n");
        address(message, CLIENT, "b@one.example");
        message.commit(true, false).join();

        assertThat(spool.content(0)).isEqualTo("Received: here\r\nSubject: x\r\n\r\nbody\r\n");
        assertThat(message.size()).isEqualTo(spool.content(0).length())
                .isEqualTo(spool.messages().getFirst().content().size());
        assertThat(spool.messages().getFirst().content().hasDotLines()).isTrue();
        assertThat(spool.messages().getFirst().content().hasEightBit()).isFalse();
    }

    @Test
    void whatIsMadeHereHasNoPeerAndNoSession() {
        IncomingMessage message = reception.begin(reception.nextId(), TraceField.NONE);
        write(message, "\r\n");
        address(message, Origin.LOCAL, "b@one.example");
        message.handOver(message.commit(false, false).join(), ClientSession.NONE, "", "report");

        assertThat(spool.content(0)).isEqualTo("\r\n");
        MessageEvent event = events.getFirst();
        assertThat(event.peer()).isNull();
        assertThat(event.client()).isEqualTo(MessageEvent.Client.NONE);
        assertThat(event.protocol()).isEqualTo("LOCAL");
    }

    @Test
    void whatGoesWrongAtTheHandOverDoesNotTakeTheAnswerFromTheClient() {
        queueFails = true;
        IncomingMessage message = begin();
        address(message, CLIENT, "b@one.example", "c@two.example");
        message.handOver(message.commit(false, false).join(), SESSION, "", "it is ours");
        assertThat(order).containsExactly("told", "queued for one.example");
    }

    @ParameterizedTest
    @CsvSource({"FULL, 452 4.3.1 Insufficient system storage", "OVERLOADED, 451 4.3.0 Error: queue file write error",
        "FAILED, 451 4.3.0 Error: queue file write error", "CLOSED, 421 4.3.2 Service shutting down"})
    void aFailedCommitMeansThatTheClientTriesAgain(SpoolException.Reason reason, String reply) {
        spool.failCommits(reason);
        IncomingMessage message = begin();
        address(message, CLIENT, "b@one.example");
        CompletableFuture<List<SpoolEntry>> commit = message.commit(false, false);
        assertThat(message.refusal(commit.exceptionNow(), SESSION).oneLine()).isEqualTo(reply);
        assertThat(message.refusal(new CompletionException(commit.exceptionNow()), SESSION).oneLine())
                .isEqualTo(reply);
        assertThat(order).isEmpty();
    }

    @Test
    void soDoesWhatNobodyForesaw() {
        IncomingMessage message = begin();
        assertThat(message.refusal(new IllegalStateException("a bug"), SESSION)).isEqualTo(SpoolReplies.FAILED);
        assertThat(message.refusal(null, SESSION)).isEqualTo(SpoolReplies.FAILED);
        assertThat(SpoolReplies.isClosed(SpoolReplies.of(SpoolException.Reason.CLOSED))).isTrue();
        assertThat(SpoolReplies.isClosed(SpoolReplies.FAILED)).isFalse();
        for (SpoolHealth.State state : List.of(SpoolHealth.State.FULL, SpoolHealth.State.FAILED,
                SpoolHealth.State.CLOSED)) {
            assertThat(SpoolReplies.of(state).isTransient()).isTrue();
        }
    }

    @Test
    void aForgottenMessageLeavesNothingAndACommittedOneCannotBeForgotten() {
        IncomingMessage forgotten = begin();
        write(forgotten, "x");
        forgotten.abort();
        forgotten.abort();
        assertThat(spool.aborted()).isEqualTo(1);
        assertThatThrownBy(() -> write(forgotten, "y")).isInstanceOf(IllegalStateException.class);

        IncomingMessage kept = begin();
        assertThatThrownBy(() -> kept.commit(false, false)).as("without an envelope")
                .isInstanceOf(IllegalStateException.class);
        address(kept, CLIENT, "b@one.example");
        kept.commit(false, false).join();
        kept.abort();
        assertThat(spool.aborted()).isEqualTo(1);
        assertThatThrownBy(() -> kept.commit(false, false)).isInstanceOf(IllegalStateException.class);
        assertThat(spool.openIntakes()).isZero();
    }

    @Test
    void aMessageOfARequestWithAKeyCountsWithTheKey() {
        Spool.KeyedRequest request = spool.keys().begin(new IdempotencyKey(1, 2));
        IncomingMessage message = reception.begin(reception.nextId(), TraceField.NONE, request);
        address(message, CLIENT, "b@one.example");
        List<SpoolEntry> entries = message.commit(false, false).join();
        request.abandon();
        assertThat(spool.done()).isEqualTo(entries);
    }

    @Test
    void theTraceFieldTellsWhoByWhomAndHow() throws Exception {
        InetAddress client = InetAddress.getByName("2001:db8::7");
        var id = reception.nextId();
        assertThat(new String(TraceField.of(TraceField.start("client.example", "told (by) proxy", client, null,
                "mx.example"), "ESMTP", id, "Sat, 28 Nov 2026 10:20:30 +0000"), US_ASCII)).isEqualTo("""
                        Received: from client.example (told??by??proxy [IPv6:2001:db8::7])
                        \tby mx.example with ESMTP id %s;
                        \tSat, 28 Nov 2026 10:20:30 +0000
                        """.formatted(id).replace("\n", "\r\n"));
        assertThat(new String(TraceField.of(TraceField.start(InetAddress.getByName("192.0.2.7"), "mx.example"), "HTTP",
                id, "Sat, 28 Nov 2026 10:20:30 +0000"), US_ASCII)).isEqualTo("""
                        Received: from [192.0.2.7]
                        \tby mx.example with HTTP id %s;
                        \tSat, 28 Nov 2026 10:20:30 +0000
                        """.formatted(id).replace("\n", "\r\n"));
    }
}

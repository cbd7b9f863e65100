package dev.penstock.spool;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The messages of one request with an idempotency key. Used by one thread at a time. */
final class KeyedMessages implements Spool.KeyedRequest {
    private final SegmentSpool spool;
    private final IdempotencyKey key;
    private final long request;
    private final List<SpooledMessage> kept = new ArrayList<>();
    /** In the order they were submitted; their content is let go with them. */
    private final Deque<Request.Accept> pending = new ArrayDeque<>();

    KeyedMessages(SegmentSpool spool, IdempotencyKey key, long request) {
        this.spool = spool;
        this.key = key;
        this.request = request;
    }

    long request() {
        return request;
    }

    void submitted(Request.Accept accept) {
        settle();
        pending.add(accept);
    }

    private void settle() {
        while (!pending.isEmpty() && pending.getFirst().isDone()) {
            Request.Accept settled = pending.remove();
            if (!settled.isCompletedExceptionally()) {
                kept.add(settled.message);
            }
        }
    }

    @Override
    public Spool.Intake intake() {
        return spool.intake(this);
    }

    @Override
    public CompletableFuture<Boolean> record(KeyRecord record, int count) {
        settle();
        return spool.submitKey(new Request.Key(spool.nanoTime(), request, key, record, kept, List.copyOf(pending),
                count));
    }

    @Override
    public void abandon() {
        for (SpooledMessage message : kept) {
            for (int destination = 0; destination < message.destinations(); destination++) {
                var _ = spool.done(new SpoolEntry(message, destination));
            }
        }
        for (Request.Accept accept : pending) {
            var _ = accept.thenAccept(entries -> entries.forEach(entry -> {
                var _ = spool.done(entry);
            }));
        }
        kept.clear();
        pending.clear();
    }
}

package dev.penstock.routing;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.DClass;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.Section;
import org.xbill.DNS.TSIG;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.dnssec.ValidatingResolver;

/**
 * Validates answers from a trust anchor on (RFC 4035): dnsjava's validator over questions of ours. Thread-safe. An answer
 * that is proved has AD set, one of an unsigned zone hasn't, and one that contradicts its signatures is SERVFAIL with the
 * reason in it.
 *
 * <p>What it asks on the way goes out in the place of the question that it is for, one after the other: so no more are out at
 * one time than the gate lets. When that question's time is over, nothing more is asked for it.
 */
final class Validator {
    private static final Logger log = LoggerFactory.getLogger(Validator.class);
    /** The root's keys of 2017 and 2024 (RFC 9718; data.iana.org/root-anchors). */
    private static final String ROOT = """
            . IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
            . IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
            """;

    /** Octets of a TXT record's text (RFC 1035 3.3). */
    private static final int MAX_REASON = 255;

    private final ValidatingResolver resolver;
    private final Executor executor;

    /**
     * @param anchor   file of DS or DNSKEY records; those of the root when empty
     * @param asker    asks one question as it is; throws what its caller understands
     * @param executor a virtual thread per task
     * @throws IllegalArgumentException when the file has no such records
     */
    Validator(Optional<Path> anchor, UnaryOperator<Message> asker, Executor executor) {
        this.executor = executor;
        resolver = new ValidatingResolver(new Head(asker));
        resolver.setAddReasonToAdditional(true);
        try (InputStream records = anchor.isPresent()
                ? Files.newInputStream(anchor.get())
                : new ByteArrayInputStream(ROOT.getBytes(StandardCharsets.US_ASCII))) {
            resolver.loadTrustAnchors(records);
        } catch (IOException | IllegalArgumentException e) {
            throw new IllegalArgumentException("dns.trust-anchor " + anchor.map(Path::toString).orElse("")
                    + " can't be used: " + e.getMessage(), e);
        }
        if (resolver.getTrustAnchors().items().isEmpty()) {
            throw new IllegalArgumentException("dns.trust-anchor " + anchor.map(Path::toString).orElse("")
                    + " has no DS or DNSKEY record");
        }
    }

    /** Blocks until {@code until} ({@link System#nanoTime}) at the latest. */
    Message ask(Name name, int type, long until) {
        Message query = Message.newQuery(Record.newRecord(name, type, DClass.IN));
        InTurn turns = new InTurn(executor);
        try {
            return resolver.sendAsync(query, turns).toCompletableFuture()
                    .get(Math.max(1, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return failure(query, "not validated in time");
        } catch (ExecutionException e) {
            return failure(query, String.valueOf(e.getCause()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failure(query, "interrupted");
        } finally {
            turns.end();
        }
    }

    /** One task after the other, until the end; then none. Thread-safe. */
    static final class InTurn implements Executor {
        private final Executor executor;
        private final ArrayDeque<Runnable> tasks = new ArrayDeque<>(2); // guarded by this, as the others
        private boolean busy;
        private boolean ended;

        InTurn(Executor executor) {
            this.executor = executor;
        }

        @Override
        public void execute(Runnable task) {
            synchronized (this) {
                if (ended) {
                    return; // nobody waits for what it would find
                }
                tasks.add(task);
                if (busy) {
                    return;
                }
                busy = true;
            }
            executor.execute(this::run);
        }

        private void run() {
            for (Runnable task; (task = next()) != null;) {
                try {
                    task.run();
                } catch (RuntimeException | Error e) { // the others' turns come all the same
                    log.error("event=dns-validation-failed", e);
                }
            }
        }

        private synchronized @Nullable Runnable next() {
            Runnable task = tasks.poll();
            busy = task != null;
            return task;
        }

        synchronized void end() {
            ended = true;
            tasks.clear();
        }
    }

    private static Message failure(Message query, String why) {
        Message failure = new Message(query.getHeader().getID());
        failure.getHeader().setRcode(Rcode.SERVFAIL);
        failure.addRecord(new TXTRecord(Name.root, ValidatingResolver.VALIDATION_REASON_QCLASS, 0,
                why.length() > MAX_REASON ? why.substring(0, MAX_REASON) : why), Section.ADDITIONAL);
        return failure;
    }

    /** Why it was refused, with a separator before it; empty when it doesn't say. */
    static String reason(Message answer) {
        String text = answer.getSection(Section.ADDITIONAL).stream()
                .filter(record -> record.getDClass() == ValidatingResolver.VALIDATION_REASON_QCLASS)
                .filter(TXTRecord.class::isInstance).map(RecordType::text)
                .collect(Collectors.joining(" "));
        return text.isEmpty() ? "" : ": " + text;
    }

    /** By which the validator asks. What it would have set is settled already. */
    private record Head(UnaryOperator<Message> asker) implements Resolver {
        @Override
        public CompletionStage<Message> sendAsync(Message query) {
            return sendAsync(query, Thread::startVirtualThread);
        }

        @Override
        public CompletionStage<Message> sendAsync(Message query, Executor executor) {
            return CompletableFuture.supplyAsync(() -> asker.apply(query), executor);
        }

        @Override
        public void setPort(int port) {
            // ours
        }

        @Override
        public void setTCP(boolean flag) {
            // ours
        }

        @Override
        public void setIgnoreTruncation(boolean flag) {
            // ours
        }

        @Override
        public void setEDNS(int version, int payloadSize, int flags, List<EDNSOption> options) {
            // DO with every question
        }

        @Override
        public void setTSIGKey(TSIG key) {
            // ours
        }

        @Override
        public void setTimeout(Duration timeout) {
            // ours
        }
    }
}

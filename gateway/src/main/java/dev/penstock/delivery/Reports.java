package dev.penstock.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolException;

/**
 * Writes delivery status notifications (RFC 3464) and hands them to spool and queue. Thread-safe.
 *
 * <p>A report is 7-bit throughout, so that any host takes it: of a message with 8-bit content it returns the header
 * only, octets above 127 as question marks.
 */
final class Reports {
    private static final Logger LOG = LoggerFactory.getLogger(Reports.class);
    /** Larger messages come back as their header (Postfix's bounce_size_limit). */
    private static final int MAX_RETURNED = 50_000;
    private static final int MAX_HEADER = 16 << 10;
    /** RFC 5322 2.1.1 allows 998 octets in a line; folded well before. */
    private static final int FOLD_AT = 76;
    private static final int MAX_TEXT = 2_000;
    /** RFC 8689 5: a report about such a message is one itself. */
    private static final Options REQUIRE_TLS = new Options(null, null, true, 0, 0, null, false);
    /** The committer, which completes a commit, must not be held up. */
    private static final Executor EXECUTOR = task -> Thread.ofVirtual().name("delivery-report").start(task);

    private final String hostname;
    private final Spool spool;
    private final MailQueue queue;
    private final MessageEvent.Listener events;
    private final InstantSource clock;

    /** A recipient that won't get the message. */
    record Failed(String address, Outcome outcome) {}

    Reports(String hostname, Spool spool, MailQueue queue, MessageEvent.Listener events, InstantSource clock) {
        this.hostname = hostname;
        this.spool = spool;
        this.queue = queue;
        this.events = events;
        this.clock = clock;
    }

    /**
     * Tells the sender about recipients that one attempt gave up.
     *
     * @param original  the message they didn't get
     * @param remoteMta the host that refused, null when none was asked
     * @return completes when the report is durable and queued, at once when nobody is to be told; fails when it can't be
     *         kept, and then the recipients must not be given up yet
     */
    CompletableFuture<Void> send(Envelope original, Content content, List<Failed> recipients,
            @Nullable String remoteMta) {
        Mailbox sender = sender(original);
        if (sender == null) {
            return CompletableFuture.completedFuture(null);
        }
        try {
            long now = clock.millis();
            MessageId id = spool.nextId();
            byte[] report = write(original, content, recipients, remoteMta, id, Instant.ofEpochMilli(now));
            Envelope envelope = new Envelope(id, "", List.of(new Recipient(sender.address(), sender.domain())),
                    BodyType.SEVEN_BIT, sender.utf8(), original.tenant(), "", now, Origin.LOCAL,
                    original.options().requireTls() ? REQUIRE_TLS : Options.NONE);
            Spool.Intake intake = spool.intake();
            intake.write(report, 0, report.length);
            return intake.commit(envelope, MemoryContent.of(report).hasDotLines(), false).thenAcceptAsync(entries -> {
                events.on(reception(envelope, original, report.length));
                queue.submit(entries.getFirst(), sender.domain(), envelope.tenant(), "", now, 0, 0, report.length);
            }, EXECUTOR);
        } catch (SpoolException | IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Whom to tell; null for nobody, which is the case for reports, because their sender is {@code <>} (RFC 5321 4.5.5). */
    private static @Nullable Mailbox sender(Envelope original) {
        if (original.sender().isEmpty()) {
            return null;
        }
        try {
            return MailboxParser.parse(original.sender(), true);
        } catch (AddressSyntaxException e) {
            LOG.warn("report-impossible id={} sender={}: {}", original.id(), original.sender(), e.getMessage());
            return null;
        }
    }

    private static MessageEvent reception(Envelope report, Envelope original, long size) {
        Recipient recipient = report.recipients().getFirst();
        return new MessageEvent(MessageEvent.Type.RECEPTION, report.id(), "", List.of(recipient.address()),
                recipient.domain(), report.tenant(), "", "", size,
                new MessageEvent.Response(250, "2.0.0", "report about " + original.id(), ""), null, "",
                report.receivedMillis(), report.receivedMillis(), 0, Origin.LOCAL.protocol(), "");
    }

    /** The whole message: RFC 3462 around RFC 3464. */
    byte[] write(Envelope original, Content content, List<Failed> recipients, @Nullable String remoteMta, MessageId id,
            Instant now) throws IOException {
        String boundary = "=_" + id + "/" + hostname;
        boolean whole = content.size() <= MAX_RETURNED && !content.hasEightBit()
                && !original.options().requireTls(); // RFC 8689 5
        StringBuilder text = new StringBuilder(2048);
        header(text, "From", "Mail Delivery System <MAILER-DAEMON@" + hostname + ">");
        header(text, "To", "<" + ascii(original.sender()) + ">");
        header(text, "Subject", "Undelivered mail returned to sender");
        header(text, "Date", date(now));
        header(text, "Message-ID", "<" + id + "@" + hostname + ">");
        header(text, "Auto-Submitted", "auto-replied"); // RFC 3834 5
        header(text, "MIME-Version", "1.0");
        text.append("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"").append(boundary)
                .append("\"\r\n\r\nThis is a MIME-encapsulated message.\r\n");

        part(text, boundary, "text/plain; charset=us-ascii");
        text.append("This is the mail system at ").append(hostname).append(".\r\n\r\n")
                .append("Your message could not be delivered to one or more recipients.\r\n")
                .append("It won't be tried again. A copy of it, or of its header, is attached.\r\n\r\n");
        for (Failed failed : recipients) {
            Reason reason = failed.outcome.reason();
            fold(text, "<" + ascii(failed.address) + ">: "
                    + (reason.remote() && remoteMta != null ? "host " + remoteMta + " said: " : "")
                    + bounded(reason.oneLine())
                    + (reason.remote() && !reason.phase().command().isEmpty()
                            ? " (in reply to " + reason.phase().command() + ")"
                            : ""),
                    "    ");
            text.append("\r\n");
        }

        part(text, boundary, "message/delivery-status");
        header(text, "Reporting-MTA", "dns; " + hostname);
        header(text, "X-Penstock-Queue-ID", original.id().toString());
        header(text, "Arrival-Date", date(Instant.ofEpochMilli(original.receivedMillis())));
        for (Failed failed : recipients) {
            Reason reason = failed.outcome.reason();
            text.append("\r\n");
            header(text, "Final-Recipient", typed(failed.address));
            header(text, "Action", "failed");
            header(text, "Status", status(reason));
            if (remoteMta != null && reason.remote()) {
                header(text, "Remote-MTA", "dns; " + remoteMta);
            }
            header(text, "Diagnostic-Code",
                    (reason.remote() ? "smtp; " : "X-Penstock; ") + bounded(reason.oneLine()));
            header(text, "Last-Attempt-Date", date(now));
        }

        part(text, boundary, whole ? "message/rfc822" : "text/rfc822-headers");
        ByteArrayOutputStream out = new ByteArrayOutputStream(text.length() + MAX_HEADER);
        out.writeBytes(text.toString().getBytes(StandardCharsets.US_ASCII));
        if (whole) {
            content.forEachChunk(out::write);
        } else {
            out.writeBytes(head(content));
        }
        out.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }

    /** A permanent status whatever the reply's class was, because nothing more will be tried (RFC 3464 2.3.4). */
    private static String status(Reason reason) {
        return "5" + reason.enhanced().substring(1);
    }

    /** The header section in whole lines, 7-bit. */
    private static byte[] head(Content content) throws IOException {
        byte[] head = new byte[(int) Math.min(content.size(), MAX_HEADER)];
        int[] count = {0};
        content.forEachChunk((bytes, offset, length) -> {
            int n = Math.min(length, head.length - count[0]);
            System.arraycopy(bytes, offset, head, count[0], n);
            count[0] += n;
        });
        int end = 0;
        for (int i = 0; i < count[0]; i++) {
            if (head[i] < 0) {
                head[i] = '?';
            }
            if (head[i] == '\n') {
                boolean emptyLine = i - end == 1;
                if (emptyLine) {
                    break;
                }
                end = i + 1;
            }
        }
        return Arrays.copyOf(head, end);
    }

    private static void part(StringBuilder text, String boundary, String type) {
        text.append("\r\n--").append(boundary).append("\r\nContent-Type: ").append(type).append("\r\n\r\n");
    }

    private static void header(StringBuilder text, String name, String value) {
        fold(text, name + ": " + ascii(value), " ");
    }

    /** Breaks at spaces; a word longer than a line stays whole as long as RFC 5322 allows. */
    private static void fold(StringBuilder text, String line, String indent) {
        int from = 0;
        String prefix = "";
        while (line.length() - from > FOLD_AT) {
            int space = line.lastIndexOf(' ', from + FOLD_AT);
            if (space <= from || line.substring(from, space).isBlank()) {
                space = line.indexOf(' ', from + FOLD_AT);
            }
            if (space < 0 || space == line.length() - 1) {
                break;
            }
            text.append(prefix).append(line, from, space).append("\r\n");
            prefix = indent;
            from = space + 1;
        }
        text.append(prefix).append(line, from, line.length()).append("\r\n");
    }

    private static String bounded(String text) {
        StringBuilder bounded = new StringBuilder();
        String source = ascii(text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "..." : text);
        int word = 0;
        for (int i = 0; i < source.length(); i++) { // no word so long that it can't be folded
            word = source.charAt(i) == ' ' ? 0 : word + 1;
            if (word > FOLD_AT * 4) {
                bounded.append(' ');
                word = 1;
            }
            bounded.append(source.charAt(i));
        }
        return bounded.toString();
    }

    /** RFC 3464 2.3.2, and for addresses beyond ASCII the 7-bit form of RFC 6533 3. */
    private static String typed(String address) {
        if (address.chars().allMatch(c -> c < 128)) {
            return "rfc822; " + address;
        }
        StringBuilder text = new StringBuilder("utf-8; ");
        address.codePoints().forEach(c -> {
            if (c > 32 && c < 127 && c != '+' && c != '=' && c != '\\') {
                text.append((char) c);
            } else {
                text.append("\\x{").append(Integer.toHexString(c).toUpperCase(Locale.ROOT)).append('}');
            }
        });
        return text.toString();
    }

    private static String ascii(String text) {
        StringBuilder ascii = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            ascii.append(c >= ' ' && c < 127 ? c : c == '\t' ? ' ' : '?');
        }
        return ascii.toString();
    }

    private static String date(Instant instant) {
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(instant.atZone(ZoneOffset.UTC)).replace("GMT", "+0000");
    }
}

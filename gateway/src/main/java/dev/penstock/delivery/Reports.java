package dev.penstock.delivery;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.reception.ClientSession;
import dev.penstock.reception.IncomingMessage;
import dev.penstock.reception.Reception;
import dev.penstock.reception.TraceField;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Ret;
import dev.penstock.smtp.XText;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.UnreadableMessageException;

/**
 * Writes delivery status notifications (RFC 3464) and hands them to spool and queue. Thread-safe.
 *
 * <p>A report is 7-bit throughout, in lines of 998 octets at most (RFC 2045 2.7), so that any host takes it: of a message
 * with 8-bit content or longer lines it returns the header only, octets above 127 as question marks, long lines folded. Only to a sender whose own address is beyond ASCII, and whose host takes
 * SMTPUTF8 therefore, it goes in the form of RFC 6533, with addresses as they are.
 */
final class Reports {
    private static final Logger log = LoggerFactory.getLogger(Reports.class);
    /** Larger messages come back as their header (Postfix's bounce_size_limit). */
    private static final int MAX_HEADER = 16 << 10;
    /** RFC 5322 2.1.1 allows 998 octets in a line; folded well before. */
    private static final int FOLD_AT = 76;
    private static final int MAX_LINE = 998;
    private static final byte[] CONTINUED = "\r\n ".getBytes(StandardCharsets.US_ASCII);
    private static final int MAX_TEXT = 2_000;
    /** RFC 2046 5.1.1 allows a boundary of 70. */
    private static final int MAX_BOUNDARY_HOST = 50;
    /** RFC 5321 4.2.2: mailbox name not allowed. */
    private static final int UNADDRESSABLE = 553;
    /** RFC 8689 5: a report about such a message is one itself. */
    private static final Options REQUIRE_TLS = new Options(null, null, true, 0, 0, null, false);
    /** The committer, which completes a commit, must not be held up. */
    private static final Executor EXECUTOR = task -> Thread.ofVirtual().name("delivery-report").start(task);

    private final String hostname;
    private final Reception reception;
    private final MessageEvent.Listener events;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private final ReportRate rate = new ReportRate();
    /** Octets of content that are returned whole. */
    private volatile long returnedContent = QueueConfig.DEFAULT.returnedContent().bytes();
    private volatile Set<String> tenantsWithout = Set.of();

    /** What became of a report. */
    enum Made {
        /** It is durable and queued. */
        QUEUED,
        /** The sender's address is none; that is an event. */
        IMPOSSIBLE,
        /** The sender's tenant wants none. */
        UNWANTED,
        /** The sender has had as many as it may. */
        BEYOND_RATE
    }

    /** RFC 3464 2.3.3. */
    enum Action {
        FAILED("failed", "could not be delivered to", "It won't be tried again."),
        DELAYED("delayed", "has not been delivered yet to", "It will be tried again: don't send it once more."),
        RELAYED("relayed", "has been passed on for",
                "The next host doesn't tell what becomes of it: no more will be heard from there."),
        DELIVERED("delivered", "has been delivered to", "");

        private final String field;
        private final String text;
        private final String what;

        Action(String field, String text, String what) {
            this.field = field;
            this.text = text;
            this.what = what;
        }
    }

    /**
     * What became of a recipient.
     *
     * @param remoteMta the host that answered, null when none was asked
     * @param late      whether it was in an earlier attempt, whose report couldn't be kept
     */
    record ReportedRecipient(Recipient recipient, Outcome outcome, Action action, @Nullable String remoteMta,
            boolean late) {}

    /** @param nanoTime {@link System#nanoTime()}, or a test's */
    Reports(String hostname, Reception reception, MessageEvent.Listener events, InstantSource clock,
            LongSupplier nanoTime) {
        this.hostname = hostname;
        this.reception = reception;
        this.events = events;
        this.clock = clock;
        this.nanoTime = nanoTime;
    }

    /** Of reports made from now on: how much they return, how many a sender gets, and who gets none. */
    void reconfigure(QueueConfig config) {
        returnedContent = config.returnedContent().bytes();
        rate.reconfigure(config.reportsPerSender());
        tenantsWithout = Set.copyOf(config.tenantsWithoutReports());
    }

    /**
     * Tells the sender what one attempt came to.
     *
     * @param original  the message
     * @param untilMillis when what is delayed is given up
     * @return completes when the report is durable and queued, at once when there is to be none; fails when it can't be
     *         kept, and then the recipients must not be given up yet
     */
    CompletableFuture<Made> send(Envelope original, Content content, List<ReportedRecipient> recipients,
            long untilMillis) {
        if (tenantsWithout.contains(original.tenant())) {
            return CompletableFuture.completedFuture(Made.UNWANTED);
        }
        long now = clock.millis();
        Mailbox sender;
        try {
            sender = MailboxParser.parse(original.sender(), true);
        } catch (AddressSyntaxException e) {
            log.warn("event=report-impossible id={} sender={} why={}", original.id(), original.sender(),
                    e.getMessage());
            events.on(impossible(original, now, e.getMessage()));
            return CompletableFuture.completedFuture(Made.IMPOSSIBLE);
        }
        ReportRate.Window place = rate.take(original.sender(), nanoTime.getAsLong());
        if (!isOurs(place, original.sender())) {
            return CompletableFuture.completedFuture(Made.BEYOND_RATE);
        }
        CompletableFuture<Made> kept = queued(original, content, recipients, untilMillis, now, sender);
        return kept.whenComplete((_, failure) -> {
            if (failure != null) {
                rate.giveBack(original.sender(), place);
            }
        });
    }

    /** Says so once in a while when not. */
    private boolean isOurs(ReportRate.Window place, String sender) {
        return switch (place.last()) {
            case MADE -> true;
            case BEYOND -> false;
            case FIRST_BEYOND -> {
                log.warn("event=reports-limited sender={} rate={} effect=\"its failures are in the delivery log alone "
                        + "until the period is over\"", sender, rate.rate());
                yield false;
            }
        };
    }

    private CompletableFuture<Made> queued(Envelope original, Content content, List<ReportedRecipient> recipients,
            long untilMillis, long now, Mailbox sender) {
        try {
            MessageId id = reception.nextId();
            byte[] report = report(original, content, recipients, id, Instant.ofEpochMilli(now),
                    Instant.ofEpochMilli(untilMillis), sender.utf8());
            MemoryContent written = MemoryContent.of(report);
            // RFC 3461 6: a report asks for no report
            IncomingMessage message = reception.begin(id, TraceField.NONE);
            message.write(report, 0, report.length);
            message.address("", List.of(new Recipient(sender.address(), sender.domain(), Notify.NEVER, null)),
                    written.hasEightBit() ? BodyType.EIGHT_BIT_MIME : BodyType.SEVEN_BIT, sender.utf8(),
                    original.tenant(), "", Origin.LOCAL,
                    original.options().requireTls() ? REQUIRE_TLS : Options.NONE);
            return message.commit(written.hasDotLines(), written.hasEightBit()).thenApplyAsync(entries -> {
                message.handOver(entries, ClientSession.NONE, "", "report about " + original.id());
                return Made.QUEUED;
            }, EXECUTOR);
        } catch (SpoolException | IOException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Without what can't be read any more. */
    private byte[] report(Envelope original, Content content, List<ReportedRecipient> recipients, MessageId id,
            Instant now,
            Instant until, boolean utf8) throws IOException {
        try {
            return write(original, content, recipients, id, now, until, utf8);
        } catch (UnreadableMessageException _) {
            return write(original, MemoryContent.of(new byte[0]), recipients, id, now, until, utf8);
        }
    }

    /** The report bounces before there is one. */
    private MessageEvent impossible(Envelope original, long now, @Nullable String why) {
        return new MessageEvent(MessageEvent.Type.BOUNCE, reception.nextId(), "", List.of(original.sender()), "",
                original.tenant(), "", "", 0,
                new MessageEvent.Response(UNADDRESSABLE, "5.1.3",
                        "no report about " + original.id() + " can be sent to its sender: " + why, ""),
                null, "", now, now, 0, Origin.LOCAL.protocol(), "");
    }

    /**
     * The whole message: RFC 6522 around RFC 3464.
     *
     * @param content empty when it can't be returned because it is lost
     * @param until when what is delayed is given up
     * @param utf8  in the form of RFC 6533
     */
    byte[] write(Envelope original, Content content, List<ReportedRecipient> recipients, MessageId id,
            Instant now, Instant until, boolean utf8) throws IOException {
        String boundary = "=_" + id + "/" + hostname.substring(0, Math.min(hostname.length(), MAX_BOUNDARY_HOST));
        Action worst = recipients.stream().map(ReportedRecipient::action).min(Comparator.naturalOrder()).orElseThrow();
        // RFC 3461 4.3: RET is about failures; RFC 8689 5: the content must not go where TLS isn't promised
        boolean whole = worst == Action.FAILED && original.options().ret() != Ret.HDRS
                && !original.options().requireTls() && content.size() <= returnedContent && !content.hasEightBit()
                && content.size() > 0 && !hasLongLine(content);
        Text text = new Text(utf8);
        text.header("From", "Mail Delivery System <MAILER-DAEMON@" + hostname + ">");
        text.header("To", "<" + original.sender() + ">");
        text.header("Subject", switch (worst) {
            case FAILED -> "Undelivered mail returned to sender";
            case DELAYED -> "Delayed mail (still being tried)";
            case RELAYED, DELIVERED -> "Successful mail delivery report";
        });
        text.header("Date", date(now));
        text.header("Message-ID", "<" + id + "@" + hostname + ">");
        text.header("Auto-Submitted", "auto-replied"); // RFC 3834 5
        text.header("MIME-Version", "1.0");
        text.raw("Content-Type: multipart/report; report-type=" + (utf8 ? "global-delivery-status" : "delivery-status")
                + ";\r\n boundary=\"" + boundary + "\"\r\n");
        text.raw((utf8 ? "Content-Transfer-Encoding: 8bit\r\n" : "") + "\r\nThis is a MIME-encapsulated message.\r\n");

        text.part(boundary, utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii");
        text.raw("This is the mail system at " + hostname + ".\r\n\r\n");
        for (Action action : Action.values()) {
            explain(text, recipients.stream().filter(told -> told.action == action).toList(), action);
        }
        text.raw(content.size() == 0
                ? "Nothing of your message can be attached.\r\n"
                : worst == Action.FAILED
                        ? "A copy of your message, or of its header, is attached.\r\n"
                        : "The header of your message is attached.\r\n");

        text.part(boundary, utf8 ? "message/global-delivery-status" : "message/delivery-status");
        String envid = original.options().envid();
        if (envid != null) {
            text.header("Original-Envelope-Id", envid);
        }
        text.header("Reporting-MTA", "dns; " + hostname);
        text.header("X-Penstock-Queue-ID", original.id().toString());
        text.header("Arrival-Date", date(Instant.ofEpochMilli(original.receivedMillis())));
        for (ReportedRecipient told : recipients) {
            status(text, told, now, until);
        }

        byte[] returned = whole ? new byte[0] : head(content, utf8);
        text.part(boundary, whole
                ? "message/rfc822"
                : utf8 && hasEightBit(returned) ? "message/global-headers" : "text/rfc822-headers");
        ByteArrayOutputStream out = new ByteArrayOutputStream(MAX_HEADER);
        out.writeBytes(text.toBytes());
        if (whole) {
            content.forEachChunk(out::write);
        } else {
            out.writeBytes(returned);
        }
        out.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }

    private static void explain(Text text, List<ReportedRecipient> recipients, Action action) {
        if (recipients.isEmpty()) {
            return;
        }
        text.raw("Your message " + action.text + " one or more recipients.\r\n"
                + (action.what.isEmpty() ? "" : action.what + "\r\n") + "\r\n");
        for (ReportedRecipient told : recipients) {
            Reason reason = told.outcome.reason();
            text.fold("<" + told.recipient.address() + ">: "
                    + (reason.remote() && told.remoteMta != null ? "host " + told.remoteMta + " said: " : "")
                    + bounded(reason.oneLine())
                    + (reason.remote() && !reason.phase().command().isEmpty()
                            ? " (in reply to " + reason.phase().command() + ")"
                            : ""),
                    "    ");
            text.raw("\r\n");
        }
    }

    /** RFC 3464 2.3. */
    private static void status(Text text, ReportedRecipient told, Instant now, Instant until) {
        Reason reason = told.outcome.reason();
        text.raw("\r\n");
        OriginalRecipient orcpt = told.recipient.orcpt();
        if (orcpt != null) {
            text.header("Original-Recipient", text.typed(orcpt));
        }
        text.header("Final-Recipient", text.typed(OriginalRecipient.of(told.recipient.address())));
        text.header("Action", told.action.field);
        text.header("Status", status(told.action, reason));
        if (told.remoteMta != null && reason.remote()) {
            text.header("Remote-MTA", "dns; " + told.remoteMta);
        }
        text.header("Diagnostic-Code",
                (reason.remote() ? "smtp; " : "X-Penstock; ") + bounded(reason.oneLine()));
        if (!told.late) {
            text.header("Last-Attempt-Date", date(now));
        }
        if (told.action == Action.DELAYED) {
            text.header("Will-Retry-Until", date(until));
        }
    }

    /** Of the action's class whatever the reply's was (RFC 3464 2.3.4): of what failed nothing more will be tried. */
    private static String status(Action action, Reason reason) {
        char klass = switch (action) {
            case FAILED -> '5';
            case DELAYED -> '4';
            case RELAYED, DELIVERED -> '2';
        };
        return klass + reason.enhanced().substring(1);
    }

    private static boolean hasLongLine(Content content) throws IOException {
        int[] lengths = {0, 0}; // of the line under way, and of the longest
        content.forEachChunk((bytes, offset, length) -> {
            for (int i = offset; i < offset + length; i++) {
                if (bytes[i] == '\n') {
                    lengths[0] = 0;
                } else if (bytes[i] != '\r') {
                    lengths[1] = Math.max(lengths[1], ++lengths[0]);
                }
            }
        });
        return lengths[1] > MAX_LINE;
    }

    /** The header section in whole lines that aren't too long, 7-bit unless it may be UTF-8 and is. */
    private static byte[] head(Content content, boolean utf8) throws IOException {
        byte[] head = new byte[(int) Math.min(content.size(), MAX_HEADER)];
        int[] count = {0};
        content.forEachChunk((bytes, offset, length) -> {
            int n = Math.min(length, head.length - count[0]);
            System.arraycopy(bytes, offset, head, count[0], n);
            count[0] += n;
        });
        int end = 0;
        for (int i = 0; i < count[0]; i++) {
            if (head[i] == '\n') {
                boolean emptyLine = i - end == 1;
                if (emptyLine) {
                    break;
                }
                end = i + 1;
            }
        }
        byte[] lines = Arrays.copyOf(head, end);
        if (!utf8 || !isUtf8(lines)) {
            for (int i = 0; i < lines.length; i++) {
                lines[i] = lines[i] < 0 ? (byte) '?' : lines[i];
            }
        }
        return folded(lines);
    }

    /** Breaks lines that are too long, as a field may be continued on the next (RFC 5322 2.2.3). */
    private static byte[] folded(byte[] lines) {
        ByteArrayOutputStream folded = new ByteArrayOutputStream(lines.length);
        int from = 0;
        int room = MAX_LINE;
        for (int i = 0; i < lines.length; i++) {
            if (lines[i] == '\n') {
                folded.write(lines, from, i + 1 - from);
                from = i + 1;
                room = MAX_LINE;
            } else if (i - from == room && lines[i] != '\r') {
                int end = i;
                while (end > from + 1 && (lines[end] & 0xc0) == 0x80) { // not within a character
                    end--;
                }
                folded.write(lines, from, end - from);
                folded.writeBytes(CONTINUED);
                from = end;
                room = MAX_LINE - 1;
            }
        }
        return folded.toByteArray();
    }

    private static boolean isUtf8(byte[] octets) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    private static boolean hasEightBit(byte[] octets) {
        for (byte octet : octets) {
            if (octet < 0) {
                return true;
            }
        }
        return false;
    }

    private static String bounded(String text) {
        StringBuilder bounded = new StringBuilder();
        String source = text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) + "..." : text;
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

    /** The report as it grows. Nothing given to it can end a line, and nothing beyond ASCII comes in unless it may. */
    private static final class Text {
        private final StringBuilder text = new StringBuilder(2048);
        private final boolean utf8;

        Text(boolean utf8) {
            this.utf8 = utf8;
        }

        /** Our own words. */
        void raw(String words) {
            text.append(words);
        }

        void part(String boundary, String type) {
            text.append("\r\n--").append(boundary).append("\r\nContent-Type: ").append(type)
                    .append(utf8 ? "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" : "\r\n\r\n");
        }

        void header(String name, String value) {
            fold(name + ": " + value, " ");
        }

        /** Breaks at spaces; a word longer than a line stays whole as long as RFC 5322 allows. */
        void fold(String unclean, String indent) {
            String line = clean(unclean);
            int from = 0;
            String prefix = "";
            while (line.length() - from > FOLD_AT) {
                int space = line.lastIndexOf(' ', from + FOLD_AT);
                if (space <= from || line.substring(from, space).isBlank()) {
                    space = line.indexOf(' ', from + FOLD_AT);
                }
                int fits = end(line, from, MAX_LINE - indent.length());
                if (space > fits || space < 0 && fits < line.length()) {
                    text.append(prefix).append(line, from, fits).append("\r\n");
                    from = fits;
                } else if (space < 0 || space == line.length() - 1) {
                    break;
                } else {
                    text.append(prefix).append(line, from, space).append("\r\n");
                    from = space + 1;
                }
                prefix = indent;
            }
            text.append(prefix).append(line, from, line.length()).append("\r\n");
        }

        /** Where {@code octets} of UTF-8 end at the latest. */
        private static int end(String line, int from, int octets) {
            int left = octets;
            int end = from;
            while (end < line.length()) {
                int c = line.codePointAt(end);
                left -= c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
                if (left < 0) {
                    break;
                }
                end += Character.charCount(c);
            }
            return end;
        }

        /** RFC 3464 2.3.2, and for addresses beyond ASCII RFC 6533 3. */
        String typed(OriginalRecipient recipient) {
            boolean encode = !utf8 && recipient.type().equals(OriginalRecipient.UTF_8);
            return recipient.type() + "; " + (encode ? XText.encodeUnicode(recipient.address()) : recipient.address());
        }

        private String clean(String line) {
            StringBuilder clean = new StringBuilder(line.length());
            line.codePoints().forEach(c -> {
                boolean fits = c >= ' ' && c < 127
                        || utf8 && c > 127 && !Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE;
                clean.appendCodePoint(fits ? c : c == '\t' ? ' ' : '?');
            });
            return clean.toString();
        }

        byte[] toBytes() {
            return text.toString().getBytes(StandardCharsets.UTF_8);
        }
    }

    private static String date(Instant instant) {
        return DateTimeFormatter.RFC_1123_DATE_TIME.format(instant.atZone(ZoneOffset.UTC)).replace("GMT", "+0000");
    }
}

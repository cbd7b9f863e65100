package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.http.Problem;
import dev.penstock.injection.InjectionRequest.Attachment;
import dev.penstock.injection.InjectionRequest.Parts;
import dev.penstock.injection.InjectionRequest.Person;
import dev.penstock.injection.InjectionRequest.Raw;
import dev.penstock.injection.InjectionRequest.Rcpt;
import dev.penstock.injection.TemplateEngine.Template;
import dev.penstock.message.MessageId;
import dev.penstock.reception.HeaderEdits;
import dev.penstock.reception.HeaderSection;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.smtp.ReceivedCounter;
import dev.penstock.smtp.Reply;

/**
 * Makes the messages of one request: templates read once, filled in for each recipient, and put together as RFC 5322
 * and MIME want it. Thread-safe.
 */
final class Composer {
    private static final DateTimeFormatter RFC_5322 = DateTimeFormatter
            .ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH).withZone(ZoneOffset.UTC);
    private static final int MAX_LINE = 998; // RFC 5322 2.1.1
    private static final int MAX_RECEIVED = 50; // hopcount_limit of Postfix
    private static final int MAX_FIELD = 16 << 10; // characters of one header field's value, filled in

    private static final Set<String> BLIND = Set.of("bcc", "resent-bcc"); // nobody's to read: RFC 5322 3.6.3
    private static final int SLACK = 128; // octets by which one message is longer than the other
    private static final int HEADER = 2 << 10; // octets, and more of the parts' headers
    /** How often its octets are in memory while a message is made: as text, with its lines, encoded, put together. */
    private static final int COPIES = 4;

    private final InjectionRequest request;
    private final RequestMemory.Share memory;
    private final String hostname;
    private final long maxSize;
    private final List<Problem.Wrong> wrongs = new ArrayList<>();
    private final Template raw;
    private final @Nullable Template text;
    private final @Nullable Template html;
    private final @Nullable Template amp;
    private final @Nullable Template subject;
    private final @Nullable Sender from;
    private final @Nullable Sender replyTo;
    private final Map<String, Template> headers = new LinkedHashMap<>();
    private final List<Attachment> inline;
    private final List<Attachment> files;
    private boolean personal;
    private boolean filledIn;
    private volatile boolean tooCostly;
    /** Octets; a message of the same request is seldom much larger than those before it. */
    private volatile int expectedSize;

    private record Sender(Mailbox mailbox, Template name) {}

    /**
     * @param memory that is charged with the templates
     * @throws Problem when a template can't be read, or there is no memory for it
     */
    Composer(InjectionRequest request, TemplateEngine engine, String hostname, long maxSize,
            RequestMemory.Share memory) {
        this.request = request;
        this.memory = memory;
        this.hostname = hostname;
        this.maxSize = maxSize;
        switch (request.content()) {
            case Raw(String message) -> {
                raw = template(engine, message, false, "/content");
                text = null;
                html = null;
                amp = null;
                subject = null;
                from = null;
                replyTo = null;
                inline = List.of();
                files = List.of();
            }
            case Parts parts -> {
                raw = TemplateEngine.constant("");
                text = optional(engine, parts.text(), false, "/content/text_body");
                html = optional(engine, parts.html(), true, "/content/html_body");
                amp = optional(engine, parts.amp(), true, "/content/amp_html_body");
                subject = optional(engine, parts.subject(), false, "/content/subject");
                from = sender(engine, parts.from(), "/content/from/name");
                replyTo = sender(engine, parts.replyTo(), "/content/reply_to/name");
                parts.headers().forEach((name, value) -> header(engine, name, value));
                inline = parts.attachments().stream()
                        .filter(file -> !file.contentId().isEmpty() && parts.html() != null).toList();
                files = parts.attachments().stream().filter(file -> !inline.contains(file)).toList();
                personal |= headers.keySet().stream().noneMatch(name -> name.equalsIgnoreCase("to"));
            }
        }
        if (!wrongs.isEmpty()) {
            throw Problem.invalid(wrongs);
        }
        expectedSize = (int) Math.min(HEADER + written(request.content()), maxSize);
    }

    /** Octets that a message takes when what is filled in is as long as where it is filled in; at most four thirds. */
    private static long written(InjectionRequest.Content content) {
        return switch (content) {
            case Raw(String message) -> message.length();
            case Parts parts -> {
                long octets = length(parts.text()) + length(parts.html()) + length(parts.amp());
                for (Attachment file : parts.attachments()) {
                    octets += HEADER / 8 + file.data().bytes.length * 3L / 2;
                }
                yield octets;
            }
        };
    }

    private static long length(@Nullable String text) {
        return text == null ? 0 : text.length() + text.length() / 8;
    }

    private @Nullable Sender sender(TemplateEngine engine, @Nullable Person person, String at) {
        return person == null
                ? null
                : new Sender(MailboxParser.parse(person.email(), true), template(engine, person.name(), false, at));
    }

    /** What is the same for all is written once to see whether it can be. */
    private void header(TemplateEngine engine, String name, String value) {
        String at = "/content/headers/" + RequestReader.escaped(name);
        Template template = template(engine, value, false, at);
        headers.put(name, template);
        if (template.isConstant()) {
            try {
                HeaderText.named(new StringBuilder(), name, value);
            } catch (IllegalArgumentException e) {
                wrongs.add(new Problem.Wrong(at, String.valueOf(e.getMessage())));
            }
        }
    }

    private @Nullable Template optional(TemplateEngine engine, @Nullable String source, boolean escaped, String at) {
        return source == null ? null : template(engine, source, escaped, at);
    }

    private Template template(TemplateEngine engine, String source, boolean escaped, String at) {
        if (!request.templated()) {
            return TemplateEngine.constant(source);
        }
        try {
            Template template = engine.compile(source, escaped, memory);
            filledIn |= !template.isConstant();
            personal |= filledIn;
            return template;
        } catch (TemplateException e) {
            wrongs.add(new Problem.Wrong(at, String.valueOf(e.getMessage())));
            return TemplateEngine.constant("");
        }
    }

    /** Whether every recipient gets a message of its own. */
    boolean isPersonal() {
        return personal;
    }

    /** Whether a template is filled in for each. */
    boolean isFilledIn() {
        return filledIn;
    }

    /** Octets of memory that the next message probably takes while it is made. */
    long cost() {
        return (long) COPIES * expectedSize;
    }

    /** Whether the next message is probably larger. */
    boolean isLarger(int octets) {
        return expectedSize > octets;
    }

    /**
     * Makes one message, without its trace line.
     *
     * @param recipient whose substitutions are used
     * @param own       that is charged with what is filled in, beyond {@link #cost}
     * @throws RefusedException when it can't be made
     */
    byte[] compose(Rcpt recipient, MessageId id, Instant now, RequestMemory.Share own) {
        Filling filling = new Filling(recipient, new RenderBudget(own));
        byte[] message = switch (request.content()) {
            case Raw _ -> whole(filling.text(raw, "/content", maxSize), id, now);
            case Parts _ -> assembled(recipient, filling, id, now);
        };
        if (message.length > maxSize) {
            throw tooBig();
        }
        expectedSize = Math.max(expectedSize, (int) Math.min(message.length + SLACK, maxSize));
        return message;
    }

    private static RefusedException tooBig() {
        return new RefusedException(Reply.of(552, "5.3.4", "Error: message file too big"));
    }

    /** One message's templates being filled in. Confined to the thread that renders. */
    private final class Filling {
        private final Rcpt recipient;
        private final RenderBudget budget;

        Filling(Rcpt recipient, RenderBudget budget) {
            this.recipient = recipient;
            this.budget = budget;
        }

        String text(Template template, String at, long maxLength) {
            if (tooCostly) {
                throw RefusedException.content("a template took too long for another recipient");
            }
            try {
                return template.render(new TemplateValues(recipient, request.substitutions()), maxLength, budget);
            } catch (TemplateException e) {
                tooCostly |= e.isCostly();
                throw RefusedException.content("the template " + at + " " + e.getMessage());
            }
        }

        /** A value of a header field: in one line, whatever was filled in. */
        String line(Template template, String at) {
            String value = text(template, at, MAX_FIELD);
            if (RequestReader.hasControls(value)) {
                throw RefusedException.content(at + " has a line break or another control character when filled in");
            }
            return value;
        }
    }

    private byte[] whole(String message, MessageId id, Instant now) {
        if (message.indexOf(0) >= 0) {
            throw RefusedException.content("the message has a NUL character");
        }
        byte[] whole = BodyText.lines(message).getBytes(UTF_8);
        FieldNames header = FieldNames.of(whole);
        if (!header.has("from")) {
            throw RefusedException.content("the message has no From field");
        }
        String twice = header.firstRepeated(FieldKind::isSingle);
        if (twice != null) {
            throw RefusedException.content("the message has more than one field " + twice
                    + ", which may be there once (RFC 5322 3.6)");
        }
        byte[] octets = HeaderSection.of(whole).edited(HeaderEdits.without(BLIND));
        ReceivedCounter received = new ReceivedCounter();
        received.scan(octets, 0, octets.length);
        if (received.count() > MAX_RECEIVED) {
            throw new RefusedException(Reply.of(554, "5.4.6", "Error: too many hops"));
        }
        checkLines(octets);
        StringBuilder missing = new StringBuilder(); // RFC 6409 8.2 and 8.3
        if (!header.has("date")) {
            HeaderText.field(missing, "Date", RFC_5322.format(now));
        }
        if (!header.has("message-id")) {
            HeaderText.field(missing, "Message-ID", "<" + id + "@" + hostname + ">");
        }
        if (missing.isEmpty()) {
            return octets;
        }
        byte[] head = missing.toString().getBytes(UTF_8);
        byte[] complete = new byte[head.length + octets.length];
        System.arraycopy(head, 0, complete, 0, head.length);
        System.arraycopy(octets, 0, complete, head.length, octets.length);
        return complete;
    }

    private static void checkLines(byte[] octets) {
        int line = 1;
        int length = 0;
        for (byte b : octets) {
            if (b == '\n') {
                line++;
                length = 0;
            } else if (b != '\r' && ++length > MAX_LINE) {
                throw RefusedException.content("line " + line + " of the message is longer than " + MAX_LINE
                        + " octets");
            }
        }
    }

    private byte[] assembled(Rcpt recipient, Filling filling, MessageId id, Instant now) {
        StringBuilder head = new StringBuilder(512);
        if (from != null) {
            HeaderText.field(head, "From",
                    HeaderText.address(filling.line(from.name, "/content/from/name"), from.mailbox));
        }
        if (headers.keySet().stream().noneMatch(name -> name.equalsIgnoreCase("to")) && recipient.mailbox() != null) {
            HeaderText.field(head, "To", HeaderText.address(recipient.name(), recipient.mailbox()));
        }
        if (subject != null) {
            HeaderText.field(head, "Subject",
                    HeaderText.unstructured(filling.line(subject, "/content/subject")));
        }
        if (replyTo != null) {
            HeaderText.field(head, "Reply-To",
                    HeaderText.address(filling.line(replyTo.name, "/content/reply_to/name"), replyTo.mailbox));
        }
        boolean dated = false;
        boolean identified = false;
        for (Map.Entry<String, Template> header : headers.entrySet()) {
            String name = header.getKey();
            String at = "/content/headers/" + name;
            String value = filling.line(header.getValue(), at);
            dated |= name.equalsIgnoreCase("date");
            identified |= name.equalsIgnoreCase("message-id");
            try {
                HeaderText.named(head, name, value);
            } catch (IllegalArgumentException e) {
                throw RefusedException.content(at + " " + e.getMessage());
            }
        }
        if (!dated) {
            HeaderText.field(head, "Date", RFC_5322.format(now));
        }
        if (!identified) {
            HeaderText.field(head, "Message-ID", "<" + id + "@" + hostname + ">");
        }
        HeaderText.field(head, "MIME-Version", "1.0");
        ByteArrayOutputStream out = new ByteArrayOutputStream(expectedSize);
        out.writeBytes(head.toString().getBytes(UTF_8));
        mixed(out, filling, "=_" + id);
        return out.toByteArray();
    }

    // ---- the tree of parts: mixed(related(alternative(text, amp, html), inline files), files) ---------------------

    private void mixed(ByteArrayOutputStream out, Filling filling, String boundary) {
        if (files.isEmpty()) {
            related(out, filling, boundary);
            return;
        }
        String own = boundary + "/m";
        multipart(out, "mixed", own);
        delimiter(out, own);
        related(out, filling, boundary);
        files.forEach(file -> file(out, own, file, "attachment"));
        end(out, own);
    }

    private void related(ByteArrayOutputStream out, Filling filling, String boundary) {
        if (inline.isEmpty()) {
            alternative(out, filling, boundary);
            return;
        }
        String own = boundary + "/r";
        multipart(out, "related", own);
        delimiter(out, own);
        alternative(out, filling, boundary);
        inline.forEach(file -> file(out, own, file, "inline"));
        end(out, own);
    }

    private void alternative(ByteArrayOutputStream out, Filling filling, String boundary) {
        int kinds = (text == null ? 0 : 1) + (amp == null ? 0 : 1) + (html == null ? 0 : 1);
        String own = boundary + "/a";
        if (kinds > 1) {
            multipart(out, "alternative", own);
        }
        body(out, text, "text/plain", filling, "/content/text_body", kinds > 1 ? own : "");
        body(out, amp, "text/x-amp-html", filling, "/content/amp_html_body", kinds > 1 ? own : "");
        body(out, html, "text/html", filling, "/content/html_body", kinds > 1 ? own : "");
        if (kinds > 1) {
            end(out, own);
        }
    }

    private void body(ByteArrayOutputStream out, @Nullable Template template, String type,
            Filling filling, String at, String boundary) {
        if (template == null) {
            return;
        }
        if (!boundary.isEmpty()) {
            delimiter(out, boundary);
        }
        ascii(out, "Content-Type: " + type + "; charset=utf-8\r\n");
        BodyText.part(out, filling.text(template, at, maxSize));
    }

    private static void file(ByteArrayOutputStream out, String boundary, Attachment file, String disposition) {
        delimiter(out, boundary);
        StringBuilder head = new StringBuilder(256);
        HeaderText.field(head, "Content-Type", file.contentType());
        HeaderText.field(head, "Content-Disposition", disposition
                + (file.fileName().isEmpty() ? "" : HeaderText.parameter("filename", file.fileName())));
        if (!file.contentId().isEmpty()) {
            HeaderText.field(head, "Content-ID", "<" + file.contentId() + ">");
        }
        ascii(out, head.toString());
        BodyText.base64(out, file.data().bytes);
    }

    private static void multipart(ByteArrayOutputStream out, String kind, String boundary) {
        ascii(out, "Content-Type: multipart/" + kind + ";\r\n boundary=\"" + boundary + "\"\r\n\r\n");
    }

    private static void delimiter(ByteArrayOutputStream out, String boundary) {
        ascii(out, "--" + boundary + "\r\n");
    }

    private static void end(ByteArrayOutputStream out, String boundary) {
        ascii(out, "--" + boundary + "--\r\n");
    }

    private static void ascii(ByteArrayOutputStream out, String text) {
        out.writeBytes(text.getBytes(UTF_8));
    }
}

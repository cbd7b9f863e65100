package dev.penstock.loadgen;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * Writes the requests of one session: numbered, and such that each message carries the header and the checksum by which
 * the sink knows it, be it filled in by the gateway. Confined to its session's thread.
 */
final class InjectRequest {
    /** The bodies as JSON has them, shared by all sessions. Thread-safe. */
    static final class Texts {
        private final Map<BodyPool.Part, byte[]> escaped = Collections.synchronizedMap(new IdentityHashMap<>());

        byte[] of(BodyPool.Part part) {
            byte[] known = escaped.get(part);
            return known != null ? known : escaped.computeIfAbsent(part, Texts::escape);
        }

        /** The pool has letters, digits, blanks and CRLF. */
        private static byte[] escape(BodyPool.Part part) {
            ByteBuffer wire = part.wire().duplicate();
            Ascii out = new Ascii(wire.remaining() + wire.remaining() / 16);
            while (wire.hasRemaining()) {
                byte b = wire.get();
                if (b == '\r') {
                    out.add('\\').add('r');
                } else if (b == '\n') {
                    out.add('\\').add('n');
                } else {
                    out.add((char) b);
                }
            }
            return Arrays.copyOf(out.array(), out.length());
        }
    }

    private static final byte[] LINE_VARIABLE = Ascii.of("{{ line }}\\r\\n");
    private static final byte[] SUM_VARIABLE = Ascii.of("{{ crc }}");
    private static final int CRLF_LENGTH = 2;

    private final InjectOptions options;
    private final LoadOptions load;
    private final BodyPool bodies;
    private final Texts texts;
    private final LoadHeader header = new LoadHeader();
    private final Ascii head = new Ascii(512);
    private final Ascii body = new Ascii(16 << 10);
    private final Ascii line = new Ascii(64);
    private final byte[] fixedHead;

    InjectRequest(InjectOptions options, BodyPool bodies, Texts texts, int run) {
        this.options = options;
        this.load = options.load();
        this.bodies = bodies;
        this.texts = texts;
        header.run = run;
        header.recipients = load.recipients();
        String authorization = options.credentials().isEmpty()
                ? ""
                : "Authorization: Basic "
                        + Base64.getEncoder().encodeToString(options.credentials().getBytes(UTF_8)) + "\r\n";
        fixedHead = Ascii.of("POST /api/inject/v1 HTTP/1.1\r\nHost: penstock.test\r\nContent-Type: application/json\r\n"
                + authorization);
    }

    /** Makes the request that {@link #head} and {@link #body} have then. */
    void make(long sequence, boolean counted) {
        long bits = Mix.bits(load.seed(), sequence, -1);
        BodyPool.Part part = bodies.pick(load.sizes().pick(bits), Mix.bits(bits, 0, 0));
        header.sequence = sequence;
        header.size = part.bodySize();
        header.sentMicros = Generator.epochMicros();
        header.warmUp = !counted;
        body.clear().add(Ascii.of("{\"envelope_sender\":\"" + load.sender() + "\",\"recipients\":["));
        for (int i = 0; i < load.recipients(); i++) {
            recipient(part, sequence, i);
        }
        body.add(Ascii.of("],\"content\":{\"from\":{\"email\":\"" + load.sender() + "\"},\"subject\":\"load "));
        if (options.template()) {
            body.add(Ascii.of("for {{ email }}\",\"headers\":{\"X-Penstock-Load\":\""));
            header.appendValue(body, SUM_VARIABLE);
            body.add(Ascii.of("\"},\"text_body\":\"")).add(texts.of(part)).add(LINE_VARIABLE).add(Ascii.of("\"}}"));
        } else {
            header.sum = lastLine(part, sequence);
            body.decimal(sequence)
                    .add(Ascii.of("\",\"headers\":{\"To\":\"" + load.sender() + "\",\"X-Penstock-Load\":\""));
            header.appendValue(body);
            body.add(Ascii.of("\"},\"text_body\":\"")).add(texts.of(part))
                    .add(line.array(), 0, line.length() - CRLF_LENGTH).add(Ascii.of("\\r\\n\"},"
                            + "\"template_dialect\":\"Static\"}"));
        }
        head.clear().add(fixedHead);
        if (options.keys()) {
            head.add(Ascii.of("Idempotency-Key: ")).hex32(header.run).add('-').decimal(sequence).crlf();
        }
        head.add(Ascii.of("Content-Length: ")).decimal(body.length()).crlf().crlf();
    }

    private void recipient(BodyPool.Part part, long sequence, int index) {
        if (index > 0) {
            body.add(',');
        }
        body.add(Ascii.of("{\"email\":\""));
        Address.append(body, sequence, index, load.domains().pick(Mix.bits(load.seed(), sequence, index)));
        body.add('"');
        if (options.template()) { // a last line of its own, and the sum that makes
            int sum = lastLine(part, sequence * load.recipients() + index);
            body.add(Ascii.of(",\"substitutions\":{\"line\":\"")).add(line.array(), 0, line.length() - CRLF_LENGTH)
                    .add(Ascii.of("\",\"crc\":\"")).hex32(sum).add(Ascii.of("\"}"));
        }
        body.add('}');
    }

    private int lastLine(BodyPool.Part part, long number) {
        return BodyPool.appendLastLine(line.clear(), part, header.run, number);
    }

    Ascii head() {
        return head;
    }

    Ascii body() {
        return body;
    }
}

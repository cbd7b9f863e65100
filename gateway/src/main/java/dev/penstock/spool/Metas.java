package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Envelope;
import dev.penstock.message.EnvelopeCodec;
import dev.penstock.message.MessageId;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.spool.SpooledMessage.Place;

/** What follows the header in each type of record, before any content. Stateless. */
final class Metas {
    private static final int PLACE = 2 * Long.BYTES + Integer.BYTES;
    /** Tag of the envelope field that ends the meta of a HELD message: the request's id, 8 octets. */
    private static final byte REQUEST_TAG = 20;
    private static final int REQUEST_FIELD = 2 + Long.BYTES;
    private static final int KEY_META = 4 * Long.BYTES + Integer.BYTES + KeyRecord.FINGERPRINT;
    private static final int RECIPIENT_STATE = Integer.BYTES + 1 + Integer.BYTES; // without the reply's text

    private Metas() {}

    /** Where a PART record lies, by the number of its segment. */
    record PartPlace(long segment, long position, int length) {}

    /**
     * @param streamId the id of the PART records, 0 when the content follows
     */
    record Accepted(long contentLength, long streamId, List<PartPlace> parts, Envelope envelope) {}

    /**
     * @param segment the number of the segment that the record was first written to
     * @param here    how many of its request's messages lie in that segment
     * @param key     null when it only makes those messages count
     */
    record Key(long expiresMillis, long segment, int here, @Nullable IdempotencyKey key) {}

    /**
     * The envelope's octets, {@code headroom} unused octets before them.
     *
     * @param request the id of the request that the message is held for, 0 when it isn't
     */
    static byte[] envelope(Envelope envelope, int headroom, long request) {
        byte[] octets = EnvelopeCodec.encode(envelope, headroom);
        if (request == 0) {
            return octets;
        }
        byte[] held = Arrays.copyOf(octets, octets.length + REQUEST_FIELD);
        ByteBuffer.wrap(held, octets.length, REQUEST_FIELD).put(REQUEST_TAG).put((byte) Long.BYTES).putLong(request);
        return held;
    }

    /** The id of the request that the ACCEPTED record at {@code at} is held for, 0 when it isn't or names none. */
    static long request(ByteBuffer record, int at) {
        int end = at + Records.HEADER + Records.metaLength(record, at);
        boolean held = (Records.flags(record, at) & Records.HELD) != 0
                && Records.metaLength(record, at) >= REQUEST_FIELD && record.get(end - REQUEST_FIELD) == REQUEST_TAG;
        return held ? record.getLong(end - Long.BYTES) : 0;
    }

    /** Header and meta of an ACCEPTED record with its content behind it, checksum included. */
    static byte[] acceptedInline(long salt, Envelope envelope, long request, int destinations, byte flags,
            byte[] before, byte[] content, int contentLength) {
        byte[] head = envelope(envelope, Records.HEADER + Long.BYTES, request);
        ByteBuffer out = ByteBuffer.wrap(head);
        int length = before.length + contentLength;
        Records.putHeader(out, 0, head.length + length, head.length - Records.HEADER, Records.ACCEPTED, flags,
                destinations, 0, envelope.id().value());
        out.putLong(Records.HEADER, length);
        CRC32C crc = Records.checksum(salt);
        crc.update(head, Records.LENGTH_AT, head.length - Records.LENGTH_AT);
        crc.update(before);
        crc.update(content, 0, contentLength);
        out.putInt(Records.CRC_AT, (int) crc.getValue());
        return head;
    }

    /** A whole ACCEPTED record of content in parts. */
    static byte[] acceptedInParts(long salt, byte[] envelope, long id, int destinations, byte flags, int revision,
            long contentLength, long streamId, Place[] parts) {
        int meta = 2 * Long.BYTES + Integer.BYTES + parts.length * PLACE + envelope.length;
        byte[] record = new byte[Records.HEADER + meta];
        ByteBuffer out = ByteBuffer.wrap(record);
        Records.putHeader(out, 0, record.length, meta, Records.ACCEPTED, (byte) (flags | Records.IN_PARTS),
                destinations, revision, id);
        out.position(Records.HEADER).putLong(contentLength).putLong(streamId).putInt(parts.length);
        for (Place part : parts) {
            out.putLong(part.segment().number).putLong(part.position()).putInt(part.length());
        }
        out.put(envelope);
        out.putInt(Records.CRC_AT, Records.checksum(salt, out.clear(), 0, record.length));
        return record;
    }

    /** Header and meta of a PART record, checksum included. */
    static byte[] part(long salt, long streamId, int index, byte[] content, int contentLength) {
        byte[] head = new byte[Records.HEADER + Integer.BYTES];
        ByteBuffer out = ByteBuffer.wrap(head);
        Records.putHeader(out, 0, head.length + contentLength, Integer.BYTES, Records.PART, (byte) 0, 0, 0, streamId);
        out.putInt(Records.HEADER, index);
        CRC32C crc = Records.checksum(salt);
        crc.update(head, Records.LENGTH_AT, head.length - Records.LENGTH_AT);
        crc.update(content, 0, contentLength);
        out.putInt(Records.CRC_AT, (int) crc.getValue());
        return head;
    }

    /** A whole ATTEMPT record. */
    static byte[] attempt(long salt, long id, int destination, int serial, AttemptState state) {
        List<byte[]> replies = new ArrayList<>(state.recipients().size());
        int meta = Integer.BYTES + Long.BYTES + Integer.BYTES;
        for (RecipientState recipient : state.recipients()) {
            byte[] reply = recipient.lastReply().getBytes(UTF_8);
            replies.add(reply);
            meta += RECIPIENT_STATE + reply.length;
        }
        byte[] orders = OrdersCodec.encode(state.orders());
        meta += orders.length;
        byte[] record = new byte[Records.HEADER + meta];
        ByteBuffer out = ByteBuffer.wrap(record);
        Records.putHeader(out, 0, record.length, meta, Records.ATTEMPT, (byte) 0, destination, serial, id);
        out.position(Records.HEADER).putInt(state.attempts()).putLong(state.nextMillis()).putInt(replies.size());
        for (int i = 0; i < replies.size(); i++) {
            RecipientState recipient = state.recipients().get(i);
            byte[] reply = replies.get(i);
            out.putInt(recipient.recipient()).put(code(recipient.status())).putInt(reply.length).put(reply);
        }
        out.put(orders);
        out.putInt(Records.CRC_AT, Records.checksum(salt, out.clear(), 0, record.length));
        return record;
    }

    static int keyLength(KeyRecord record) {
        return Records.HEADER + KEY_META + record.answer().length;
    }

    /** A whole KEY record. */
    static byte[] key(long salt, long request, Key meta, KeyRecord content) {
        byte[] record = new byte[keyLength(content)];
        ByteBuffer out = ByteBuffer.wrap(record);
        IdempotencyKey key = meta.key();
        Records.putHeader(out, 0, record.length, KEY_META, Records.KEY, key == null ? Records.KEYLESS : 0, 0, 0,
                request);
        out.position(Records.HEADER).putLong(meta.expiresMillis()).putLong(meta.segment()).putInt(meta.here())
                .putLong(key == null ? 0 : key.high()).putLong(key == null ? 0 : key.low()).put(content.fingerprint())
                .put(content.answer());
        out.putInt(Records.CRC_AT, Records.checksum(salt, out.clear(), 0, record.length));
        return record;
    }

    /** Puts a whole SYNCED record at the position of {@code into}, which is moved behind it. */
    static void putSynced(ByteBuffer into, long salt) {
        int at = into.position();
        Records.putHeader(into, at, Records.HEADER, 0, Records.SYNCED, (byte) 0, 0, 0, 0);
        into.putInt(at + Records.CRC_AT, Records.checksum(salt, into, at, Records.HEADER));
        into.position(at + Records.HEADER);
    }

    /** The meta of the KEY record at {@code at}. */
    static Key key(ByteBuffer record, int at) {
        boolean keyless = (Records.flags(record, at) & Records.KEYLESS) != 0;
        return guarded(record, at, meta -> new Key(meta.getLong(), meta.getLong(), meta.getInt(),
                keyless ? null : new IdempotencyKey(meta.getLong(), meta.getLong())));
    }

    /** The KEY record that is all of {@code record}. */
    static KeyRecord keyRecord(ByteBuffer record) {
        Key meta = key(record, 0);
        byte[] fingerprint = new byte[KeyRecord.FINGERPRINT];
        int contentAt = Records.HEADER + Records.metaLength(record, 0);
        record.get(contentAt - fingerprint.length, fingerprint);
        byte[] answer = new byte[Records.length(record, 0) - contentAt];
        record.get(contentAt, answer);
        return new KeyRecord(fingerprint, answer, meta.expiresMillis());
    }

    static int doneLength(int targets) {
        return Records.HEADER + Integer.BYTES + targets * Long.BYTES;
    }

    /** Puts a whole DONE record at the position of {@code into}, which is moved behind it. */
    static void putDone(ByteBuffer into, long salt, long id, int destination, long[] targets, int targetCount) {
        int at = into.position();
        int length = doneLength(targetCount);
        Records.putHeader(into, at, length, length - Records.HEADER, Records.DONE, (byte) 0, destination, 0, id);
        into.position(at + Records.HEADER).putInt(targetCount);
        for (int i = 0; i < targetCount; i++) {
            into.putLong(targets[i]);
        }
        into.putInt(at + Records.CRC_AT, Records.checksum(salt, into, at, length));
    }

    /** A whole REPLACES record. */
    static ByteBuffer replaces(long salt, List<Long> numbers) {
        int length = Records.HEADER + Integer.BYTES + numbers.size() * Long.BYTES;
        ByteBuffer out = ByteBuffer.allocate((int) Records.align(length));
        Records.putHeader(out, 0, length, length - Records.HEADER, Records.REPLACES, (byte) 0, 0, 0, 0);
        out.position(Records.HEADER).putInt(numbers.size());
        numbers.forEach(out::putLong);
        out.putInt(Records.CRC_AT, Records.checksum(salt, out, 0, length));
        return out.clear();
    }

    /** The numbers in a DONE or REPLACES record at {@code at}. */
    static long[] numbers(ByteBuffer record, int at) {
        int count = record.getInt(at + Records.HEADER);
        if (count < 0 || Records.metaLength(record, at) != Integer.BYTES + count * Long.BYTES) {
            throw new IllegalArgumentException("a list of segments has a wrong length");
        }
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = record.getLong(at + Records.HEADER + Integer.BYTES + i * Long.BYTES);
        }
        return numbers;
    }

    /** The meta of the ACCEPTED record at {@code at}. */
    static Accepted accepted(ByteBuffer record, int at) {
        return guarded(record, at, meta -> {
            long contentLength = meta.getLong();
            long streamId = 0;
            List<PartPlace> parts = List.of();
            if ((Records.flags(record, at) & Records.IN_PARTS) != 0) {
                streamId = meta.getLong();
                int count = meta.getInt();
                parts = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    parts.add(new PartPlace(meta.getLong(), meta.getLong(), meta.getInt()));
                }
            }
            return new Accepted(contentLength, streamId, parts,
                    EnvelopeCodec.decode(new MessageId(Records.id(record, at)), meta));
        });
    }

    /** The meta of the ATTEMPT record at {@code at}. */
    static AttemptState attempt(ByteBuffer record, int at) {
        return guarded(record, at, meta -> {
            int attempts = meta.getInt();
            long nextMillis = meta.getLong();
            int count = meta.getInt();
            List<RecipientState> recipients = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int recipient = meta.getInt();
                Status status = status(meta.get());
                int length = meta.getInt();
                if (length < 0 || length > meta.remaining()) {
                    throw new BufferUnderflowException();
                }
                byte[] reply = new byte[length];
                meta.get(reply);
                recipients.add(new RecipientState(recipient, status, new String(reply, UTF_8)));
            }
            return new AttemptState(attempts, nextMillis, recipients, OrdersCodec.decode(meta));
        });
    }

    private static byte code(Status status) {
        return switch (status) {
            case DEFERRED -> 0;
            case DELIVERED -> 1;
            case BOUNCED -> 2;
            case EXPIRED -> 3;
            case DELAYED -> 4;
            case DELIVERED_REPORT_OWED -> 5;
            case RELAYED_REPORT_OWED -> 6;
        };
    }

    private static Status status(byte code) {
        return switch (code) {
            case 0 -> Status.DEFERRED;
            case 1 -> Status.DELIVERED;
            case 2 -> Status.BOUNCED;
            case 3 -> Status.EXPIRED;
            case 4 -> Status.DELAYED;
            case 5 -> Status.DELIVERED_REPORT_OWED;
            case 6 -> Status.RELAYED_REPORT_OWED;
            default -> throw new IllegalArgumentException("unknown status " + code);
        };
    }

    /** The set of recipients a state names, as {@link SpooledMessage.Attempt#named} has it. */
    static int named(AttemptState state) {
        int named = 0;
        for (RecipientState recipient : state.recipients()) {
            if (recipient.recipient() >= Integer.SIZE - 1) {
                return -1;
            }
            named |= 1 << recipient.recipient();
        }
        return named;
    }

    private interface Reader<T> {
        T read(ByteBuffer meta);
    }

    private static <T> T guarded(ByteBuffer record, int at, Reader<T> reader) {
        try {
            return reader.read(record.duplicate().limit(at + Records.HEADER + Records.metaLength(record, at))
                    .position(at + Records.HEADER));
        } catch (BufferUnderflowException | IndexOutOfBoundsException | NegativeArraySizeException e) {
            throw new IllegalArgumentException("a record's meta ends early", e);
        }
    }
}

package dev.penstock.message;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Ret;
import dev.penstock.units.MailClass;

/**
 * Envelopes as octets: a row of fields {tag, length, value}, in which a reader skips the tags it doesn't know, so that
 * later versions may add some. Stateless. A length and every number is a base-128 varint, text is UTF-8. A field at its
 * usual value (no tenant, 7-bit, nothing asked for) is left out. A recipient's domain is left out when it is literally what follows the
 * last {@code @} of the address.
 */
public final class EnvelopeCodec {
    private static final int SENDER = 1;
    private static final int RECIPIENT = 2; // its domain is the address's own
    private static final int RECIPIENT_ROUTED = 3; // nested: length of the address, address, domain
    private static final int BODY = 4;
    private static final int SMTP_UTF8 = 5;
    private static final int TENANT = 6;
    private static final int CAMPAIGN = 7;
    private static final int RECEIVED_MILLIS = 8;
    private static final int ORIGIN_PROTOCOL = 9;
    private static final int ORIGIN_ADDRESS = 10;
    private static final int ORIGIN_HELO = 11;
    private static final int RET = 12;
    private static final int ENVID = 13;
    private static final int REQUIRE_TLS = 14;
    private static final int HOLD_UNTIL = 15;
    private static final int DELIVER_BY = 16; // nested: milliseconds, flags
    private static final int NOTIFY = 17; // of the recipient before it
    private static final int ORCPT = 18; // of the recipient before it; nested: length of the type, type, address
    private static final int ORIGIN_IDENTITY = 19;
    private static final int POOL = 21; // 20 is the tag that the spool puts behind an envelope whose message is held
    private static final int MAIL_CLASS = 22; // left out for bulk
    private static final int HELD_FOR = 24; // a text; 23 is free

    private static final int EIGHT_BIT = 1; // value of BODY
    private static final int HDRS = 1; // value of RET
    private static final int TRANSACTIONAL = 1; // value of MAIL_CLASS
    private static final int SUCCESS = 1; // bits of NOTIFY, none for NEVER
    private static final int FAILURE = 2;
    private static final int DELAY = 4;
    private static final int USUAL_DELAY = 8;
    private static final int RETURN_MODE = 1; // bits of DELIVER_BY
    private static final int TRACE = 2;
    private static final int VARINT_MAX = 10; // 64 bits in groups of 7

    private EnvelopeCodec() {}

    /** The envelope's octets, {@code headroom} unused octets before them. The id isn't part of them. */
    public static byte[] encode(Envelope envelope, int headroom) {
        Out out = new Out(headroom);
        if (!envelope.sender().isEmpty()) {
            out.text(SENDER, envelope.sender());
        }
        for (Recipient recipient : envelope.recipients()) {
            String address = recipient.address();
            if (hasOwnDomain(recipient)) {
                out.text(RECIPIENT, address);
            } else {
                out.pair(RECIPIENT_ROUTED, address, recipient.domain());
            }
            Notify notify = recipient.notifyOn();
            if (notify != null) {
                out.number(NOTIFY, (notify.success() ? SUCCESS : 0) | (notify.failure() ? FAILURE : 0)
                        | (notify.delay() ? DELAY : 0) | (notify.usualDelay() ? USUAL_DELAY : 0));
            }
            OriginalRecipient orcpt = recipient.orcpt();
            if (orcpt != null) {
                out.pair(ORCPT, orcpt.type(), orcpt.address());
            }
        }
        if (envelope.body() != BodyType.SEVEN_BIT) {
            out.number(BODY, EIGHT_BIT);
        }
        if (envelope.smtpUtf8()) {
            out.number(SMTP_UTF8, 1);
        }
        if (!envelope.tenant().isEmpty()) {
            out.text(TENANT, envelope.tenant());
        }
        if (!envelope.campaign().isEmpty()) {
            out.text(CAMPAIGN, envelope.campaign());
        }
        out.number(RECEIVED_MILLIS, envelope.receivedMillis());
        out.text(ORIGIN_PROTOCOL, envelope.origin().protocol());
        if (!envelope.origin().address().isEmpty()) {
            out.text(ORIGIN_ADDRESS, envelope.origin().address());
        }
        if (!envelope.origin().helo().isEmpty()) {
            out.text(ORIGIN_HELO, envelope.origin().helo());
        }
        if (!envelope.origin().identity().isEmpty()) {
            out.text(ORIGIN_IDENTITY, envelope.origin().identity());
        }
        if (!envelope.pool().isEmpty()) {
            out.text(POOL, envelope.pool());
        }
        if (envelope.mailClass() == MailClass.TRANSACTIONAL) {
            out.number(MAIL_CLASS, TRANSACTIONAL);
        }
        if (!envelope.options().equals(Options.NONE)) {
            encode(envelope.options(), out);
        }
        return out.toArray();
    }

    private static void encode(Options options, Out out) {
        if (options.ret() != null) {
            out.number(RET, options.ret() == Ret.HDRS ? HDRS : 0);
        }
        if (options.envid() != null) {
            out.text(ENVID, options.envid());
        }
        if (options.requireTls()) {
            out.number(REQUIRE_TLS, 1);
        }
        if (options.holdUntilMillis() != 0) {
            out.number(HOLD_UNTIL, options.holdUntilMillis());
        }
        String heldFor = options.heldFor();
        if (heldFor != null) {
            out.text(HELD_FOR, heldFor);
        }
        if (options.deliverByMode() != null) {
            int flags = (options.deliverByMode() == DeliverBy.Mode.RETURN ? RETURN_MODE : 0)
                    | (options.deliverByTrace() ? TRACE : 0);
            out.varint(DELIVER_BY);
            out.varint(varintLength(options.deliverByMillis()) + varintLength(flags));
            out.varint(options.deliverByMillis());
            out.varint(flags);
        }
    }

    /**
     * Reads what {@link #encode} wrote, up to the buffer's limit.
     *
     * @throws IllegalArgumentException when the octets aren't an envelope
     */
    public static Envelope decode(MessageId id, ByteBuffer in) {
        try {
            return decodeFields(id, in);
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("the envelope of " + id + " ends early", e);
        }
    }

    private static Envelope decodeFields(MessageId id, ByteBuffer in) {
        String sender = "";
        List<Recipient> recipients = new ArrayList<>(1);
        BodyType body = BodyType.SEVEN_BIT;
        boolean smtpUtf8 = false;
        String tenant = "";
        String campaign = "";
        long receivedMillis = id.millis();
        String protocol = "";
        String address = "";
        String helo = "";
        String identity = "";
        String pool = "";
        MailClass mailClass = MailClass.BULK;
        Ret ret = null;
        String envid = null;
        boolean requireTls = false;
        long holdUntilMillis = 0;
        long deliverByMillis = 0;
        DeliverBy.Mode deliverByMode = null;
        boolean deliverByTrace = false;
        Judged judged = null;
        while (in.hasRemaining()) {
            long tag = varint(in);
            int length = length(in);
            int end = in.position() + length;
            switch ((int) tag) {
                case SENDER -> sender = text(in, length);
                case RECIPIENT -> {
                    String mailbox = text(in, length);
                    recipients.add(new Recipient(mailbox, mailbox.substring(mailbox.lastIndexOf('@') + 1)));
                }
                case RECIPIENT_ROUTED -> {
                    String mailbox = first(in, end, id);
                    recipients.add(new Recipient(mailbox, text(in, end - in.position())));
                }
                case NOTIFY -> {
                    long bits = varint(in);
                    Recipient last = last(recipients, id);
                    recipients.set(recipients.size() - 1, new Recipient(last.address(), last.domain(),
                            new Notify((bits & SUCCESS) != 0, (bits & FAILURE) != 0, (bits & DELAY) != 0,
                                    (bits & USUAL_DELAY) != 0),
                            last.orcpt()));
                }
                case ORCPT -> {
                    String type = first(in, end, id);
                    Recipient last = last(recipients, id);
                    recipients.set(recipients.size() - 1, new Recipient(last.address(), last.domain(),
                            last.notifyOn(), new OriginalRecipient(type, text(in, end - in.position()))));
                }
                case BODY -> body = varint(in) == EIGHT_BIT
                        ? BodyType.EIGHT_BIT_MIME
                        : BodyType.SEVEN_BIT;
                case SMTP_UTF8 -> smtpUtf8 = varint(in) != 0;
                case TENANT -> tenant = text(in, length);
                case CAMPAIGN -> campaign = text(in, length);
                case RECEIVED_MILLIS -> receivedMillis = varint(in);
                case ORIGIN_PROTOCOL -> protocol = text(in, length);
                case ORIGIN_ADDRESS -> address = text(in, length);
                case ORIGIN_HELO -> helo = text(in, length);
                case ORIGIN_IDENTITY -> identity = text(in, length);
                case POOL -> pool = text(in, length);
                case MAIL_CLASS ->
                    mailClass = varint(in) == TRANSACTIONAL ? MailClass.TRANSACTIONAL : MailClass.BULK;
                case RET -> ret = varint(in) == HDRS ? Ret.HDRS : Ret.FULL;
                case ENVID -> envid = text(in, length);
                case REQUIRE_TLS -> requireTls = varint(in) != 0;
                case HOLD_UNTIL -> holdUntilMillis = varint(in);
                case HELD_FOR -> judged = new Judged(true, text(in, length));
                case DELIVER_BY -> {
                    deliverByMillis = varint(in);
                    long flags = varint(in);
                    deliverByMode = (flags & RETURN_MODE) != 0 ? DeliverBy.Mode.RETURN : DeliverBy.Mode.NOTIFY;
                    deliverByTrace = (flags & TRACE) != 0;
                }
                default -> {
                    // from a later version
                }
            }
            in.position(end);
        }
        return new Envelope(id, sender, recipients, body, smtpUtf8, tenant, campaign, receivedMillis,
                new Origin(protocol, address, helo, identity), new Options(ret, envid, requireTls, holdUntilMillis,
                        deliverByMillis, deliverByMode, deliverByTrace, judged),
                pool, mailClass);
    }

    /** The first text of a nested pair; the second is the rest of the field. */
    private static String first(ByteBuffer in, int end, MessageId id) {
        String text = text(in, length(in));
        if (in.position() > end) {
            throw new IllegalArgumentException("a text in the envelope of " + id + " is longer than its field");
        }
        return text;
    }

    private static Recipient last(List<Recipient> recipients, MessageId id) {
        if (recipients.isEmpty()) {
            throw new IllegalArgumentException(
                    "the envelope of " + id + " has a recipient's field before any recipient");
        }
        return recipients.getLast();
    }

    private static boolean hasOwnDomain(Recipient recipient) {
        String address = recipient.address();
        String domain = recipient.domain();
        return address.lastIndexOf('@') + 1 == address.length() - domain.length() && address.endsWith(domain);
    }

    private static int length(ByteBuffer in) {
        long length = varint(in);
        if (length < 0 || length > in.remaining()) {
            throw new BufferUnderflowException();
        }
        return (int) length;
    }

    private static String text(ByteBuffer in, int length) {
        if (in.hasArray()) {
            String text = new String(in.array(), in.arrayOffset() + in.position(), length, UTF_8);
            in.position(in.position() + length);
            return text;
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, UTF_8);
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int i = 0; i < VARINT_MAX; i++) {
            byte b = in.get();
            value |= (long) (b & 0x7f) << 7 * i;
            if (b >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a number is longer than " + VARINT_MAX + " octets");
    }

    private static int varintLength(long value) {
        return Math.max(1, (Long.SIZE - Long.numberOfLeadingZeros(value) + 6) / 7);
    }

    private static final class Out {
        private byte[] bytes;
        private int size;

        Out(int headroom) {
            bytes = new byte[headroom + 192]; // a typical envelope: two addresses, a host, ids
            size = headroom;
        }

        void text(int tag, String text) {
            varint(tag);
            byte[] encoded = text.getBytes(UTF_8);
            varint(encoded.length);
            bytes(encoded);
        }

        void pair(int tag, String first, String second) {
            byte[] one = first.getBytes(UTF_8);
            byte[] two = second.getBytes(UTF_8);
            varint(tag);
            varint(varintLength(one.length) + one.length + two.length);
            varint(one.length);
            bytes(one);
            bytes(two);
        }

        void number(int tag, long value) {
            varint(tag);
            varint(varintLength(value));
            varint(value);
        }

        void bytes(byte[] more) {
            ensure(more.length);
            System.arraycopy(more, 0, bytes, size, more.length);
            size += more.length;
        }

        void varint(long value) {
            ensure(VARINT_MAX);
            long rest = value;
            while ((rest & ~0x7fL) != 0) {
                bytes[size++] = (byte) (rest | 0x80);
                rest >>>= 7;
            }
            bytes[size++] = (byte) rest;
        }

        byte[] toArray() {
            return Arrays.copyOf(bytes, size);
        }

        private void ensure(int more) {
            if (size + more > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(size + more, bytes.length * 2));
            }
        }
    }
}

package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.Orders.Binding;

/**
 * What operators have ordered, as it ends an ATTEMPT record: fields {tag 1, length 4, value}, numbers of 8 octets, texts in
 * UTF-8; no octet at all when nothing is ordered. Readers skip tags they don't know, and versions before this the whole.
 * Stateless.
 */
final class OrdersCodec {
    private static final byte JOB = 1;
    private static final byte HELD_FOR = 2;
    private static final byte HELD_UNTIL = 3;
    private static final byte NOT_BEFORE = 4;
    private static final byte RELEASED = 5;
    private static final byte TENANT = 6;
    private static final byte CAMPAIGN = 7;
    private static final byte POOL = 8;
    private static final byte ROUTING_DOMAIN = 9;
    private static final byte[] NOTHING = new byte[0];

    private OrdersCodec() {}

    static byte[] encode(Orders orders) {
        if (orders.isNone()) {
            return NOTHING;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        put(out, JOB, orders.job());
        put(out, HELD_FOR, orders.heldFor());
        put(out, HELD_UNTIL, orders.heldUntilMillis());
        put(out, NOT_BEFORE, orders.notBeforeMillis());
        if (orders.released()) {
            put(out, RELEASED, NOTHING);
        }
        Binding binding = orders.binding();
        if (binding != null) {
            put(out, TENANT, binding.tenant().getBytes(UTF_8)); // also when it is empty: that there is a binding
            put(out, CAMPAIGN, binding.campaign());
            put(out, POOL, binding.pool());
            put(out, ROUTING_DOMAIN, binding.routingDomain());
        }
        return out.toByteArray();
    }

    private static void put(ByteArrayOutputStream out, byte tag, String value) {
        if (!value.isEmpty()) {
            put(out, tag, value.getBytes(UTF_8));
        }
    }

    private static void put(ByteArrayOutputStream out, byte tag, long value) {
        if (value != 0) {
            put(out, tag, ByteBuffer.allocate(Long.BYTES).putLong(value).array());
        }
    }

    private static void put(ByteArrayOutputStream out, byte tag, byte[] value) {
        out.write(tag);
        out.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(value.length).array());
        out.writeBytes(value);
    }

    /** @throws BufferUnderflowException when a field is longer than what is left */
    static Orders decode(ByteBuffer meta) {
        if (!meta.hasRemaining()) {
            return Orders.NONE;
        }
        Orders orders = Orders.NONE;
        Binding binding = null;
        while (meta.hasRemaining()) {
            byte tag = meta.get();
            int length = meta.getInt();
            if (length < 0 || length > meta.remaining()) {
                throw new BufferUnderflowException();
            }
            ByteBuffer value = meta.slice(meta.position(), length);
            meta.position(meta.position() + length);
            switch (tag) {
                case JOB -> orders = orders.by(value.getLong());
                case HELD_FOR -> orders = orders.hold(text(value), orders.heldUntilMillis());
                case HELD_UNTIL -> orders = orders.hold(orders.heldFor(), value.getLong());
                case NOT_BEFORE -> orders = orders.notBefore(value.getLong());
                case RELEASED -> orders = new Orders(orders.job(), orders.heldFor(), orders.heldUntilMillis(),
                        orders.notBeforeMillis(), true, orders.binding());
                case TENANT, CAMPAIGN, POOL, ROUTING_DOMAIN -> binding = with(binding, tag, text(value));
                default -> {
                    // of a later version
                }
            }
        }
        return binding == null ? orders : orders.bind(binding);
    }

    private static Binding with(@Nullable Binding known, byte tag, String value) {
        Binding b = known == null ? new Binding("", "", "", "") : known;
        return switch (tag) {
            case TENANT -> new Binding(value, b.campaign(), b.pool(), b.routingDomain());
            case CAMPAIGN -> new Binding(b.tenant(), value, b.pool(), b.routingDomain());
            case POOL -> new Binding(b.tenant(), b.campaign(), value, b.routingDomain());
            default -> new Binding(b.tenant(), b.campaign(), b.pool(), value);
        };
    }

    private static String text(ByteBuffer value) {
        return UTF_8.decode(value).toString();
    }
}

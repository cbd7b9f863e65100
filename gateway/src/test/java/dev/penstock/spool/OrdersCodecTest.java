package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.spool.Orders.Binding;

class OrdersCodecTest {
    private static final long SALT = 42;

    static final List<Orders> SOME = List.of(Orders.NONE, Orders.NONE.by(7), Orders.NONE.hold("wäit", 0),
            Orders.NONE.hold("wait", 1_800_000_000_000L).by(9), Orders.NONE.hold("x", 0).release(),
            Orders.NONE.notBefore(1_800_000_000_000L), Orders.NONE.bind(new Binding("", "", "", "")),
            Orders.NONE.bind(new Binding("t", "c", "p", "relay.example")).hold("why", 5).by(Long.MAX_VALUE));

    @ParameterizedTest
    @FieldSource("SOME")
    void whatIsOrderedIsReadBackFromAnAttempt(Orders orders) {
        AttemptState state = new AttemptState(3, 1_700_000_000_000L,
                List.of(new RecipientState(0, Status.DEFERRED, "451 later")), orders);
        assertThat(Metas.attempt(ByteBuffer.wrap(Metas.attempt(SALT, 1, 0, 1, state)), 0)).isEqualTo(state);
    }

    @Test
    void nothingOrderedTakesNoOctet() {
        assertThat(OrdersCodec.encode(Orders.NONE)).isEmpty();
    }

    @Test
    void fieldsOfLaterVersionsAreSkipped() {
        byte[] known = OrdersCodec.encode(Orders.NONE.hold("why", 0));
        byte[] more = Arrays.copyOf(known, known.length + 8);
        System.arraycopy(new byte[]{99, 0, 0, 0, 3, 1, 2, 3}, 0, more, known.length, 8);
        assertThat(OrdersCodec.decode(ByteBuffer.wrap(more))).isEqualTo(Orders.NONE.hold("why", 0));
    }

    @ParameterizedTest
    @FieldSource("SOME")
    void whatIsCutOffIsDamage(Orders orders) {
        byte[] octets = OrdersCodec.encode(orders);
        AttemptState state = new AttemptState(0, 0, List.of(), orders);
        byte[] record = Metas.attempt(SALT, 1, 0, 1, state);
        if (octets.length > 0) {
            byte[] cut = Arrays.copyOf(record, record.length - 1);
            assertThatThrownBy(() -> Metas.attempt(ByteBuffer.wrap(cut), 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}

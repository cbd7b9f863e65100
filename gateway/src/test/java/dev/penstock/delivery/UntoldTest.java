package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

import dev.penstock.spool.AttemptState;
import dev.penstock.spool.AttemptState.Status;

class UntoldTest {
    private static Untold success(String host, String text) {
        return new Untold(Reports.Action.RELAYED,
                new Outcome.Delivered(new Reason(Phase.END_OF_DATA, 250, "2.6.0", text, true)), host);
    }

    @Test
    void comesBackFromTheSpoolAsItWas() {
        Untold untold = success("mx1.dest.example", "queued as host 12 said: 250");
        AttemptState.RecipientState state = untold.state(7);
        assertThat(state.recipient()).isEqualTo(7);
        assertThat(state.status()).isEqualTo(Status.RELAYED_UNTOLD);
        assertThat(Untold.of(state)).isEqualTo(untold);
    }

    @Test
    void aLongReplyIsCutAndComesBackShorter() {
        Untold back = Untold.of(success("mx1.dest.example", "x".repeat(2000)).state(0));
        assertThat(back.host()).isEqualTo("mx1.dest.example");
        assertThat(back.outcome().reason().text()).hasSizeBetween(400, 512).matches("x+");
    }

    @Test
    void whatAnotherVersionWroteIsToldAsItIs() {
        Untold back = Untold.of(new AttemptState.RecipientState(0, Status.DELIVERED_UNTOLD, "ok, whatever"));
        assertThat(back.action()).isEqualTo(Reports.Action.DELIVERED);
        assertThat(back.outcome().reason().oneLine()).isEqualTo("250 2.0.0 ok, whatever");
    }

    @Test
    void whatIsNotOwedIsNone() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Untold.of(new AttemptState.RecipientState(0, Status.DELIVERED, "250 2.0.0 ok")));
    }
}

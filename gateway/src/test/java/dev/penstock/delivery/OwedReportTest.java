package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

import dev.penstock.spool.AttemptState;
import dev.penstock.spool.AttemptState.Status;

class OwedReportTest {
    private static OwedReport success(String host, String text) {
        return new OwedReport(Reports.Action.RELAYED,
                new Outcome.Delivered(new Reason(Phase.END_OF_DATA, 250, "2.6.0", text, true)), host);
    }

    @Test
    void comesBackFromTheSpoolAsItWas() {
        OwedReport owed = success("mx1.dest.example", "queued as host 12 said: 250");
        AttemptState.RecipientState state = owed.state(7);
        assertThat(state.recipient()).isEqualTo(7);
        assertThat(state.status()).isEqualTo(Status.RELAYED_REPORT_OWED);
        assertThat(OwedReport.of(state)).isEqualTo(owed);
    }

    @Test
    void aLongReplyIsCutAndComesBackShorter() {
        OwedReport back = OwedReport.of(success("mx1.dest.example", "x".repeat(2000)).state(0));
        assertThat(back.host()).isEqualTo("mx1.dest.example");
        assertThat(back.outcome().reason().text()).hasSizeBetween(400, 512).matches("x+");
    }

    @Test
    void whatAnotherVersionWroteIsToldAsItIs() {
        OwedReport back = OwedReport
                .of(new AttemptState.RecipientState(0, Status.DELIVERED_REPORT_OWED, "ok, whatever"));
        assertThat(back.action()).isEqualTo(Reports.Action.DELIVERED);
        assertThat(back.outcome().reason().oneLine()).isEqualTo("250 2.0.0 ok, whatever");
    }

    @Test
    void whatIsNotOwedIsNone() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OwedReport.of(new AttemptState.RecipientState(0, Status.DELIVERED, "250 2.0.0 ok")));
    }
}

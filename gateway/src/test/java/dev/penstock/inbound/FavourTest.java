package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

/** The one message that may go on while memory is short keeps the others waiting only while it comes on. */
class FavourTest {
    private static final int CHUNK = 2000;
    private static final String SLOW = "421 4.3.1 gateway.example Error: too slow while memory is short\r\n";
    private static final int LOOK_SECONDS = 5; // as in Session

    private final List<String> proceeded = new ArrayList<>();

    /** A session whose first chunk is more than the limit, and for which another one waits. */
    private SessionHarness favoured() {
        SessionHarness smtp = new SessionHarness(config -> config.memoryLimit(1000));
        smtp.say("EHLO client.example\r\n");
        smtp.say("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n");
        chunk(smtp);
        assertThat(smtp.takeReplies()).endsWith("250 2.0.0 2000 octets received\r\n");
        return smtp;
    }

    private static void chunk(SessionHarness smtp) {
        smtp.say("BDAT " + CHUNK + "\r\n" + "x".repeat(CHUNK - 2) + "\r\n");
    }

    private void another(SessionHarness smtp) {
        assertThat(smtp.memory().mayProceed(() -> proceeded.add("another"))).isFalse();
    }

    @Test
    void betweenChunksItMustNotBeIdleWhileOthersWait() {
        try (SessionHarness smtp = favoured()) {
            another(smtp);
            smtp.pass(LOOK_SECONDS);
            assertThat(smtp.takeReplies()).isEqualTo(SLOW);
            assertThat(proceeded).containsExactly("another");
            assertThat(smtp.memory().used()).isZero();
            assertThat(smtp.spool().openIntakes()).isZero();
            assertThat(smtp.stats().messagesAborted()).isEqualTo(1);
        }
    }

    @Test
    void withinAChunkNeither() {
        try (SessionHarness smtp = favoured()) {
            another(smtp);
            smtp.say("BDAT 5000\r\nx");
            for (int i = 0; i < 3 && smtp.isOpen(); i++) {
                smtp.say("x"); // an octet now and then is below the least rate
                smtp.pass(LOOK_SECONDS);
            }
            assertThat(smtp.takeReplies()).isEqualTo(SLOW);
            assertThat(proceeded).containsExactly("another");
        }
    }

    @Test
    void whileItComesOnItMayComeToItsEnd() {
        try (SessionHarness smtp = favoured()) {
            another(smtp);
            for (int i = 0; i < 5; i++) {
                chunk(smtp);
                smtp.pass(LOOK_SECONDS);
                assertThat(smtp.takeReplies()).isEqualTo("250 2.0.0 2000 octets received\r\n");
            }
            assertThat(proceeded).isEmpty();
            smtp.say("BDAT 0 LAST\r\n");
            assertThat(smtp.takeReplies()).endsWith(" queued\r\n");
            assertThat(proceeded).containsExactly("another");
            smtp.pass(LOOK_SECONDS);
            assertThat(smtp.isOpen()).isTrue();
        }
    }

    @Test
    void whenNobodyWaitsItHasItsTime() {
        try (SessionHarness smtp = favoured()) {
            smtp.pass(4 * LOOK_SECONDS);
            assertThat(smtp.takeReplies()).isEmpty();
            another(smtp);
            smtp.pass(LOOK_SECONDS);
            assertThat(smtp.takeReplies()).isEqualTo(SLOW);
        }
    }
}

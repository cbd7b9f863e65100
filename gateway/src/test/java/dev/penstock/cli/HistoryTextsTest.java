package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Instant;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.admin.HistoryAnswer.EventClient;
import dev.penstock.admin.HistoryAnswer.EventHost;
import dev.penstock.admin.HistoryAnswer.EventMeaning;
import dev.penstock.admin.HistoryAnswer.EventReply;
import dev.penstock.admin.HistoryAnswer.EventSession;
import dev.penstock.admin.HistoryAnswer.EventTls;
import dev.penstock.admin.HistoryAnswer.HistoryEvent;
import dev.penstock.admin.HistoryAnswer.MessageStory;
import dev.penstock.admin.HistoryAnswer.Reach;

/** What people read of past mail, as it stands on the screen. */
class HistoryTextsTest {
    private static final String ID = "06EB2QXV4R001";
    private static final Instant TIME = Instant.parse("2026-12-01T11:50:00.125Z");
    private static final Reach WHOLE = new Reach(0, 0, null);
    private static final EventSession CLIENT = new EventSession("01K3IN", "ESMTPSA",
            new EventHost("app1.shop.example", "192.0.2.7:4711"), "", "", "", "198.51.100.2:587",
            new EventTls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "", "", false));
    private static final EventSession RECEIVER = new EventSession("01K3OUT", "ESMTPS",
            new EventHost("mx1.google.example", "203.0.113.9"), "ip-1", "mx.google", "bulk", "198.51.100.3",
            new EventTls("TLSv1.3", "TLS_AES_128_GCM_SHA256", "dane", "verified", true));
    private static final EventSession NONE = new EventSession("", "LOCAL", null, "", "", "", "", null);

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final HistoryTexts texts = new HistoryTexts(new PrintStream(out, true, UTF_8));

    private static HistoryEvent event(String type, EventSession session, int attemptsBefore, EventReply reply,
            EventMeaning meaning, EventClient client) {
        return new HistoryEvent(TIME, type, ID, "news@shop.example", List.of("ann@gmail.example", "bob@gmail.example"),
                "gmail.example", "shop", "spring", "google", "transactional", 4_096, TIME, attemptsBefore, session,
                reply, meaning, client);
    }

    @Test
    void aStorySaysOfEachAttemptByWhatItWentAndWhatWasAnsweredAndDone() {
        texts.story(new MessageStory(ID, List.of(
                event("Reception", CLIENT, 0, new EventReply(250, "2.0.0", ID + " queued", ""),
                        new EventMeaning("Uncategorized", "", "", ""),
                        new EventClient("ann", "app1.shop.example", "submission", "<1@shop.example>")),
                event("TransientFailure", RECEIVER, 2,
                        new EventReply(421, "4.7.28", "unusual \u001b[31mrate\u202e", "RCPT TO"),
                        new EventMeaning("RateLimited", "quota-issues", "source-provider", "defer, suspend 4h"),
                        new EventClient("ann", "", "", "")),
                event("Expiration", NONE, 3, new EventReply(400, "", "tried for 5d", ""),
                        new EventMeaning("Uncategorized", "", "", "expire"), new EventClient("ann", "", "", ""))),
                true, WHOLE, null));
        assertThat(out.toString(UTF_8)).isEqualTo("""
                message 06EB2QXV4R001 from <news@shop.example>, tenant shop, campaign spring, transactional

                2026-12-01T11:50:00.125Z Reception for ann@gmail.example, bob@gmail.example
                  by app1.shop.example[192.0.2.7:4711], login ann, listener submission at 198.51.100.2:587, \
                session 01K3IN, ESMTPSA, TLSv1.3 TLS_AES_256_GCM_SHA384, Message-ID <1@shop.example>
                  250 2.0.0 06EB2QXV4R001 queued

                2026-12-01T11:50:00.125Z TransientFailure for ann@gmail.example, bob@gmail.example, attempt 3
                  at mx1.google.example[203.0.113.9], from 198.51.100.3, source ip-1, pool bulk, site mx.google, \
                session 01K3OUT, ESMTPS, TLSv1.3 TLS_AES_128_GCM_SHA256 verified by dane
                  421 4.7.28 unusual ?[31mrate? (to RCPT TO)
                  class RateLimited, category quota-issues, about source-provider: defer, suspend 4h

                2026-12-01T11:50:00.125Z Expiration for ann@gmail.example, bob@gmail.example
                  400 tried for 5d
                  class Uncategorized: expire
                """);
    }

    @Test
    void ofWhatIsQueuedAndNotFoundYetOnlyThatIsSaid() {
        texts.story(new MessageStory(ID, List.of(), true, WHOLE, null));
        assertThat(out.toString(UTF_8)).isEqualTo("message 06EB2QXV4R001: nothing happened to it that is found\n");
    }

    @Test
    void whatAnAnswerLeavesOutIsSaid() {
        assertThat(HistoryTexts.missing(new Reach(1_999, 0, null))).isEmpty();
        assertThat(HistoryTexts.missing(new Reach(62_500, 1, "can't be written: No space left on device")))
                .containsExactly(
                        "1 block of lines that may fit can't be read: their files of the delivery log are gone",
                        "the index doesn't go on: can't be written: No space left on device",
                        "what happened in the last 1m2s isn't all found yet");
    }
}

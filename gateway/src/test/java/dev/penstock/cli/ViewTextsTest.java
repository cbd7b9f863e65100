package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.DestinationDetail;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Hold;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Limit;
import dev.penstock.admin.QueueAnswer.Message;
import dev.penstock.admin.QueueAnswer.MessageDetail;
import dev.penstock.admin.QueueAnswer.Messages;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.QueueAnswer.ReadyQueue;
import dev.penstock.admin.QueueAnswer.RecipientState;
import dev.penstock.admin.QueueAnswer.Reply;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer;

/** What people read, as it stands on the screen. */
class ViewTextsTest {
    private static final Instant NOW = Instant.parse("2026-12-01T12:00:00Z");
    private static final Lately LATELY = new Lately(600, 60, 1, 30_000, 10_000, 40, 0.2497, 0.001);
    private static final Lately NOTHING = new Lately(0, 0, 0, 0, 0, 0, 0, 0);
    private static final Counts COUNTS = new Counts(12_345, 2_000, 1, 0, 10_000, 300, 44, 2_100, 52_428_800,
            List.of(10L, 20L, 30L, 40L, 50L, 60L, 70L, 80L, 90L, 11_895L), NOW.minus(Duration.ofHours(51)));
    private static final Counts EMPTY = new Counts(0, 0, 0, 0, 0, 0, 0, 0, 0,
            List.of(0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L, 0L), null);
    private static final Reply REPLY = new Reply(NOW.minusSeconds(5), 421, "4.7.28", "unusual rate of mail",
            "RateLimited", true);

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ViewTexts texts = new ViewTexts(new PrintStream(out, true, UTF_8), NOW);

    private String text() {
        return out.toString(UTF_8);
    }

    @Test
    void queuesStandInAlignedColumns() {
        texts.queues(new Queues("provider", "everything", NOW, 7, 0, COUNTS,
                List.of(new Row("google", COUNTS, LATELY, 3, "adaptive_rate 10/s of default->google, next in 80ms",
                        null),
                        new Row("", EMPTY, NOTHING, 0, "", null))));
        assertThat(text()).isEqualTo("""
                PROVIDER  QUEUED   READY  SUSPENDED  SCHEDULED  HELD  ROUTING  ACTIVE  OLDEST  OUT/MIN  DEFERRED  BOUNCED  WAITS FOR
                google    12,345  10,000        300      2,000     1        0      44    2d3h      600     25.0%     0.1%  adaptive_rate 10/s of default->google, next in 80ms
                -              0       0          0          0     0        0       0       -        0         -        -  -
                1 to 2 of 7, 12,345 queued (everything)
                """);
    }

    @Test
    void agesStandAsQshapeHasThem() {
        texts.ages(new Queues("domain", "--tenant shop", NOW, 1, 0, COUNTS,
                List.of(new Row("gmail.com", COUNTS, LATELY, 1, "", null))));
        assertThat(text()).isEqualTo("""
                DOMAIN          T   5  10  20  40  80  160  320  640  1280   1280+
                TOTAL      12,345  10  20  30  40  50   60   70   80    90  11,895
                gmail.com  12,345  10  20  30  40  50   60   70   80    90  11,895
                1 in all, 12,345 queued (--tenant shop)
                """);
    }

    @Test
    void whyNamesTheHoldsTheLimitsAndTheReplies() {
        ReadyQueue queue = new ReadyQueue("ip-1->mx.google", "google", 10_000, 300, 44, 1, 20, 0, 3,
                NOW.plusSeconds(90), "421 4.7.28 unusual rate", "", null, null,
                List.of(new Limit("connection_limit", "20", "", "", 20, true),
                        new Limit("provider_max_message_rate", "50/s", "ip-1->google", "shaping.toml:12", null, false)),
                "dddtb", List.of(REPLY));
        texts.why(new WhyOf("--provider google", COUNTS,
                List.of(new Hold("connection_limit 20", "ip-1->mx.google", "ready", 10_000, null),
                        new Hold("the end of the suspension of tenant shop: spam", "ip-1->mx.google", "suspended", 300,
                                NOW.plus(Duration.ofMinutes(125)))),
                7, NOW.plusSeconds(30), NOW.plusSeconds(5_000), List.of(queue), List.of(REPLY)));
        assertThat(text()).isEqualTo("""
                12,345 queued: 10,000 ready, 300 suspended, 2,000 scheduled, 1 held, 0 routing, 44 active
                oldest: 2026-11-29T09:00:00Z (2d3h ago), attempted before: 2,100, octets: 50M
                10,000 ready: ip-1->mx.google: connection_limit 20
                300 suspended: ip-1->mx.google: the end of the suspension of tenant shop: spam, until 2026-12-01T14:05:00Z (in 2h5m)
                7 held by what isn't shown
                next attempt of what is scheduled: 2026-12-01T12:00:30Z (in 30s)
                all that is ready will probably have gone: 2026-12-01T13:23:20Z (in 1h23m)

                queue ip-1->mx.google (google): 10,000 ready, 300 withheld, 44 active; sessions 20 up, 1 opening, 0 idle
                  suspended until 2026-12-01T12:01:30Z (in 1m30s): 421 4.7.28 unusual rate
                  * connection_limit 20 of 20
                    provider_max_message_rate 50/s of ip-1->google (shaping.toml:12)
                  last outcomes: dddtb

                last replies:
                  2026-12-01T11:59:55Z  421 4.7.28 unusual rate of mail (RateLimited)
                """);
    }

    private static Message message(int destination) {
        return new Message("06EB2QXV4R001", destination, "gmail.com", "mx.google", "google", "ip-1", "bulk", "shop",
                "spring", "bulk", "scheduled", 2, NOW.minusSeconds(600), 4_096, NOW.plusSeconds(300),
                "its next attempt");
    }

    /** A receiver's words are for people, not for their terminals. */
    @Test
    void whatOthersSaidTellsTheTerminalNothing() {
        String evil = "\u001b[2Jgone\u009b31m\r\n\u202eback";
        texts.why(new WhyOf("", COUNTS, List.of(new Hold(evil, "", "ready", 1, null)), 0, null, null, List.of(),
                List.of(new Reply(NOW, 421, "4.7.28", evil, "RateLimited", true))));
        texts.queues(new Queues("provider", evil, NOW, 1, 0, COUNTS,
                List.of(new Row(evil, COUNTS, LATELY, 1, evil, null))));
        assertThat(text().chars()).noneMatch(c -> Character.isISOControl(c) && c != '\n' || c == 0x202e);
        assertThat(text()).contains("421 4.7.28 ?[2Jgone?31m???back (RateLimited)");
        assertThat(text().lines().filter(line -> line.startsWith("?[2Jgone"))).as("one row").hasSize(1);
    }

    @Test
    void messagesStandInAlignedColumnsWithTheWayToGoOn() {
        texts.messages(new Messages("--recipient ann@*", 200, 50, "06EB2QXV4R001.0", List.of(message(0))));
        assertThat(text()).isEqualTo("""
                ID             DOMAIN     TENANT  CAMPAIGN  STATE      ATTEMPTS  AGE  SIZE  NEXT  WAITS FOR
                06EB2QXV4R001  gmail.com  shop    spring    scheduled         2  10m    4K    5m  its next attempt
                1 of 200 selected, 50 of them read from the spool; go on with --cursor 06EB2QXV4R001.0
                """);
    }

    @Test
    void aMessageIsShownWithItsRecipients() {
        texts.message(new MessageDetail("06EB2QXV4R001", "news@shop.example", "ESMTPSA 192.0.2.7:4711", NOW,
                List.of(new DestinationDetail(message(0), NOW.plusSeconds(360), 0.12, "",
                        "max_message_rate 5/s, next in 1s",
                        List.of(new RecipientState("ann@gmail.com", "deferred", "421 4.7.28 unusual rate"))))));
        assertThat(text()).isEqualTo("""
                message 06EB2QXV4R001 from <news@shop.example>, received 2026-12-01T12:00:00Z (in 0s) by ESMTPSA 192.0.2.7:4711

                gmail.com: scheduled, waits for its next attempt
                  tenant shop, campaign spring, bulk, pool bulk, source ip-1, site mx.google, provider google
                  attempts 2, next 2026-12-01T12:05:00Z (in 5m), will probably go 2026-12-01T12:06:00Z (in 6m) (nine of ten are told to 12 %)
                  then binds max_message_rate 5/s, next in 1s
                  <ann@gmail.com> deferred: 421 4.7.28 unusual rate
                """);
    }

    @Test
    void aProviderIsShownWithWhatControlDecidedAndWhy() {
        texts.provider(new StandingAnswer.Provider("google", LATELY, true,
                List.of(new StandingAnswer.Control("ip-1->google", "paced", 12.5, null)),
                List.of(new StandingAnswer.Decision(NOW.minusSeconds(60), "ip-1->google", "decrease", "25/s", "12.5/s",
                        "421 4.7.28 unusual rate", "RateLimited", "classification.toml:40", "when it grows again")),
                new WhyOf("--provider google", EMPTY, List.of(), 0, null, null, List.of(), List.of())));
        assertThat(text()).isEqualTo("""
                provider google: 30,000 delivered, 10,000 deferred (25.0%), 40 bounced (0.1%); incident: bulk mail waits
                control ip-1->google: paced, 12.5 messages/s
                  2026-12-01T11:59:00Z  ip-1->google: decrease, 25/s -> 12.5/s, because of "421 4.7.28 unusual rate" (classification.toml:40); ends when it grows again
                0 queued: 0 ready, 0 suspended, 0 scheduled, 0 held, 0 routing, 0 active
                """);
    }

    @Test
    void sourcesAreShownWithTheirWarmUpAndWhyTheyArentUsed() {
        texts.source(new StandingAnswer.Source("ip-1", List.of("192.0.2.1"), "mta1.example", "", List.of("bulk"), 7, 2,
                LATELY,
                List.of(new StandingAnswer.Suspension("provider google", "blocked", "550 5.7.1 listed",
                        NOW.minusSeconds(60), NOW.plusSeconds(3_540))),
                List.of(new StandingAnswer.WarmUp("google", "usual", 3, 200L, 150, null)), Map.of("google", LATELY)));
        assertThat(text()).isEqualTo("""
                SOURCE  ADDRESSES  POOLS  READY  SESSIONS  OUT/MIN  DEFERRED  WARM-UP                      STATE
                ip-1    192.0.2.1  bulk       7         2      600     25.0%  day 3: 150 of 200 to google  suspended provider google: 550 5.7.1 listed
                suspended provider google since 2026-12-01T11:59:00Z (1m ago) until 2026-12-01T12:59:00Z (in 59m): 550 5.7.1 listed (blocked)
                to google: 30,000 delivered, 10,000 deferred (25.0%), 40 bounced (0.1%)
                """);
    }

    @Test
    void theFirstScreenTellsWhatIsToBeLookedAt() {
        StandingAnswer.Connections in = new StandingAnswer.Connections(3, 40);
        texts.status(new StandingAnswer.Status("mx1.example.net", "1.0", NOW, NOW.minus(Duration.ofDays(2)),
                new Flow(10.4, 600, 30_000, 1_200, 50_000), new Flow(9, 540, 20_000, 1_100, 40_000), LATELY, in, in,
                COUNTS,
                List.of(new StandingAnswer.ProviderRow(new Row("google", COUNTS, LATELY, 3, "", null), "paced", 12.5,
                        null)),
                List.of(new StandingAnswer.Part("spool", true, "READY"),
                        new StandingAnswer.Part("dns", false, "silent")),
                List.of(new StandingAnswer.Alarm("part", "dns", "dns: silent"))));
        assertThat(text()).isEqualTo("""
                Penstock 1.0 at mx1.example.net, up 2d
                in : 10.4/s now, 600 last minute (top 1,200), 30,000 last hour (top 50,000)
                out: 9.0/s now, 540 last minute (top 1,100), 20,000 last hour (top 40,000)
                last hour: 30,000 delivered, 10,000 deferred (25.0%), 40 bounced (0.1%)
                connections: in 3 (top 40), out 3 (top 40)
                12,345 queued: 10,000 ready, 300 suspended, 2,000 scheduled, 1 held, 0 routing, 44 active; oldest 2026-11-29T09:00:00Z (2d3h ago)
                spool: ok, READY
                dns: NOT OK, silent

                PROVIDER  QUEUED  OLDEST  OUT/MIN   OUT/H  DEFERRED  BOUNCED  MODE   NEXT  WAITS FOR
                google    12,345    2d3h      600  30,000     25.0%     0.1%  paced     -  -

                ALARM dns: silent
                """);
    }

    @Test
    void theLastHourIsALineAMinute() {
        texts.lastHour(new StandingAnswer.LastHour(NOW, List.of(), List.of(1_200L, 7L), List.of(30L, 0L),
                List.of(0L, 1L)));
        assertThat(text()).isEqualTo("""
                MINUTE                IN    OUT  DEFERRED  BOUNCED
                2026-12-01T12:00:00Z   -  1,200        30        0
                2026-12-01T12:01:00Z   -      7         0        1
                """);
    }
}

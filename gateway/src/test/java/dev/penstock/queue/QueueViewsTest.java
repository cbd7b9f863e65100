package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.WhyMail.LimitStanding;
import dev.penstock.spool.Orders;
import dev.penstock.spool.SpoolEntry;

class QueueViewsTest {
    private final QueueHarness harness = QueueHarness.open();

    private QueueViews views() {
        return harness.queue.views();
    }

    private static Selection selection(String attribute, String value) {
        return Selection.parse(Map.of(attribute, List.of(value)));
    }

    private QueueTable.Row row(Grouping by, String name) {
        return views().page(by, Selection.EVERYTHING, QueueTable.Column.NAME, false, 0, 100).rows().stream()
                .filter(row -> row.name().equals(name)).findFirst()
                .orElseThrow(() -> new AssertionError("no row of " + name));
    }

    @Test
    void mailIsPutTogetherByProvider() {
        harness.router.setSite("a.example", "mx1.mail.example");
        harness.router.setSite("b.example", "mx2.mail.example");
        harness.submit("a.example");
        harness.submit("b.example");
        harness.submit("c.example");
        assertThat(row(Grouping.PROVIDER, "mail").counts().ready()).isEqualTo(2);
        assertThat(row(Grouping.PROVIDER, "mail").domains()).isEqualTo(2);
        assertThat(row(Grouping.PROVIDER, "").counts().ready()).isEqualTo(1);
        assertThat(row(Grouping.SITE, "mx2.mail.example").counts().destinations()).isEqualTo(1);
    }

    @Test
    void agesStandInTheBucketsOfQshape() {
        harness.submit("a.example");
        harness.clock.advance(Duration.ofMinutes(15));
        harness.submit("a.example");
        harness.clock.advance(Duration.ofHours(30));
        harness.submit("a.example");
        assertThat(row(Grouping.DOMAIN, "a.example").counts().ages()).containsExactly(1L, 0L, 0L, 0L, 0L, 0L, 0L, 0L,
                0L, 2L);
    }

    @Test
    void rowsComeInTheOrderThatIsAskedForAPageAtATime() {
        for (int domain = 0; domain < 5; domain++) {
            for (int i = 0; i <= domain; i++) {
                harness.submit("d" + domain + ".example");
            }
        }
        QueueTable.Page page = views().page(Grouping.DOMAIN, Selection.EVERYTHING, QueueTable.Column.QUEUED, false, 1,
                2);
        assertThat(page.rows()).extracting(QueueTable.Row::name).containsExactly("d3.example", "d2.example");
        assertThat(page.all()).isEqualTo(5);
        assertThat(page.total().destinations()).isEqualTo(15);
        assertThat(views().page(Grouping.DOMAIN, Selection.EVERYTHING, QueueTable.Column.QUEUED, true, 0, 1).rows())
                .extracting(QueueTable.Row::name).containsExactly("d0.example");
    }

    @Test
    void aTableIsOfWhatIsSelected() {
        harness.submit("a.example", "shop", "spring", 1_000);
        harness.submit("a.example", "bank", "", 1_000);
        harness.submit("b.example", "shop", "", 1_000);
        QueueTable table = views().table(Grouping.DOMAIN, selection("tenant", "shop"));
        assertThat(table.rows()).extracting(QueueTable.Row::name).containsExactlyInAnyOrder("a.example", "b.example");
        assertThat(table.total().destinations()).isEqualTo(2);
        assertThat(views().table(Grouping.CAMPAIGN, selection("domain", "a.*")).rows())
                .extracting(QueueTable.Row::name).containsExactlyInAnyOrder("shop/spring", "");
    }

    @Test
    void tablesThatNobodyAsksForAreDropped() {
        harness.submit("a.example");
        views().table(Grouping.DOMAIN, Selection.EVERYTHING);
        views().table(Grouping.TENANT, Selection.EVERYTHING);
        assertThat(views().kept()).isEqualTo(2);
        harness.advance(MailQueue.SWEEP_INTERVAL.plusSeconds(1));
        assertThat(views().kept()).isZero();
    }

    @Test
    void whatSelectsMessagesSelectsNoQueues() {
        assertThatThrownBy(() -> views().table(Grouping.DOMAIN, selection("state", "held")))
                .hasMessageContaining("what selects messages too (--state held) is for lists of messages");
    }

    @Test
    void howeverManyAreInSessionsHandsAllAreShownAndWhatIsReadyToo() throws Exception {
        int inHand = 300; // more than are looked at under one lock
        int ready = 20;
        for (int i = 0; i < inHand + ready; i++) {
            harness.submit("a.example");
        }
        ReadyQueue readyQueue = harness.readyQueue("a.example");
        for (int i = 0; i < inHand; i++) {
            harness.take(readyQueue);
        }
        for (Selection all : List.of(Selection.EVERYTHING, selection("max-attempts", "0"))) {
            MessagePage page = views().messages(all, Cursor.START, 1_000, _ -> null);
            assertThat(page.messages()).filteredOn(row -> row.state() == QueueItem.State.ACTIVE).hasSize(inHand);
            assertThat(page.messages()).filteredOn(row -> row.state() == QueueItem.State.READY).hasSize(ready);
            assertThat(page.selected()).isEqualTo(inHand + ready);
        }
    }

    @Test
    void whoIsDoneStillShowsWhatWasDelivered() {
        harness.submit("a.example", "shop", "", 1_000);
        QueueItem item = harness.take(harness.readyQueue("a.example"));
        harness.queue.outcome(item, 1, 0, 0);
        harness.queue.finished(item);
        harness.advance(Duration.ofSeconds(6));
        QueueTable.Row row = row(Grouping.TENANT, "shop");
        assertThat(row.counts().destinations()).isZero();
        assertThat(row.rates().deliveredHour()).isEqualTo(1);
        assertThat(harness.queue.traffic().in().lastHour()).isEqualTo(1);
    }

    @Test
    void theLimiterThatBindsIsNamedWithHowMuchOfItIsUsed() {
        harness.reconfigure(new ShapingConfig(TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 1), Map.of(),
                ShapingConfig.DEFAULT.providers()));
        harness.submit("a.example");
        ReadyQueue readyQueue = harness.readyQueue("a.example");
        harness.take(readyQueue);
        for (int i = 0; i < 20; i++) {
            harness.submit("a.example");
        }
        WhyMail why = views().why(selection("domain", "a.example"));
        assertThat(why.holds()).singleElement().satisfies(hold -> {
            assertThat(hold.what()).startsWith("connection_limit 1");
            assertThat(hold.destinations()).isEqualTo(20);
            assertThat(hold.state()).isEqualTo(QueueItem.State.READY);
        });
        assertThat(why.queues()).singleElement().satisfies(queue -> assertThat(queue.limits())
                .contains(new LimitStanding("connection_limit", "1", "", "", 1, true)));
        assertThat(why.counts().active()).isEqualTo(1);
    }

    @Test
    void aProvidersRateIsThatOfTheTightestLimitsOfItsQueues(@TempDir Path directory) throws IOException {
        harness.reconfigure(ShapingReader.read(Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                max_message_rate = "3/s"
                [provider."mail"]
                match = [ {MXSuffix=".mail.example"} ]
                provider_max_message_rate = "5/s"
                ["slow.example"]
                mx_rollup = false
                max_message_rate = "1/s"
                ["free.example"]
                mx_rollup = false
                max_message_rate = "none"
                """)).config());
        harness.router.setSite("a.example", "mx1.mail.example");
        harness.router.setSite("b.example", "mx2.mail.example");
        harness.submit("a.example");
        assertThat(rates()).isEqualTo(Map.of("mail", 3L));
        harness.submit("b.example");
        harness.submit("slow.example");
        harness.submit("c.example");
        assertThat(rates()).as("mx1 and mx2 come to 6/s, and share 5/s").isEqualTo(Map.of("mail", 5L, "", 4L));
        harness.submit("free.example");
        assertThat(rates()).isEqualTo(Map.of("mail", 5L));
    }

    /** Whole messages a second. */
    private Map<String, Long> rates() {
        Map<String, Long> rates = new HashMap<>();
        views().rateLimits().forEach((provider, perSecond) -> rates.put(provider, Math.round(perSecond)));
        return rates;
    }

    @Test
    void eachHoldIsToldWithHowMuchItHolds() {
        harness.submit("a.example", "shop", "", 1_000);
        harness.submit("a.example", "shop", "", 1_000);
        harness.submit("a.example", "bank", "", 1_000);
        ReadyQueue readyQueue = harness.readyQueue("a.example");
        var _ = readyQueue.suspendTenant("shop", Duration.ofHours(1), "550 5.7.1 your tenant is blocked");
        WhyMail why = views().why(Selection.EVERYTHING);
        assertThat(why.holds()).hasSize(2);
        assertThat(why.holds().getFirst().what())
                .isEqualTo("the end of the suspension of tenant shop: 550 5.7.1 your tenant is blocked");
        assertThat(why.holds().getFirst().destinations()).isEqualTo(2);
        assertThat(why.holds().getFirst().untilMillis())
                .isEqualTo(harness.clock.millis() + Duration.ofHours(1).toMillis());
        assertThat(views().why(selection("tenant", "bank")).holds()).hasSize(1);
    }

    @Test
    void whatIsScheduledTellsWhenTheFirstIsDue() {
        long now = harness.clock.millis();
        harness.submit("a.example", "", "", 1_000, 1, now + 100_000);
        harness.submit("a.example", "", "", 1_000, 1, now + 50_000);
        harness.submit("b.example", "", "", 1_000, 1, now + 10_000);
        assertThat(views().why(selection("domain", "a.example")).nextMillis()).isEqualTo(now + 50_000);
    }

    @Test
    void theLastRepliesAndTheStripOfOutcomesAreThoseOfTheReadyQueue() {
        harness.submit("a.example");
        harness.submit("a.example");
        ReadyQueue readyQueue = harness.readyQueue("a.example");
        QueueItem first = harness.take(readyQueue);
        for (int i = 0; i < 12; i++) {
            harness.queue.replied(first,
                    new RecentReply(i, 451, "4.7.650", "wait " + i, "RateLimited", true));
        }
        harness.queue.outcome(first, 0, 1, 0);
        harness.queue.retry(first, harness.clock.millis() + 60_000, 1);
        QueueItem second = harness.take(readyQueue);
        harness.queue.outcome(second, 2, 0, 1);
        harness.queue.finished(second);
        WhyMail why = views().why(Selection.EVERYTHING);
        assertThat(why.queues().getFirst().strip()).isEqualTo("tddb");
        assertThat(why.replies()).hasSize(10);
        assertThat(why.replies().getFirst().text()).isEqualTo("wait 11");
        assertThat(why.replies().getLast().text()).isEqualTo("wait 2");
    }

    @Test
    void whatWasSaidIsToldWhenNoneOfTheMailIsQueuedAnyMore() {
        harness.submit("a.example", "shop", "", 1_000);
        harness.submit("b.example", "bank", "", 1_000);
        QueueItem item = harness.take(harness.readyQueue("a.example"));
        harness.queue.replied(item, new RecentReply(1, 550, "5.1.1", "nobody here", "BadRecipient", true));
        harness.queue.outcome(item, 0, 0, 1);
        harness.queue.finished(item);
        WhyMail why = views().why(selection("tenant", "shop"));
        assertThat(why.counts().destinations()).isZero();
        assertThat(why.queues()).isEmpty();
        assertThat(why.replies()).extracting(RecentReply::text).containsExactly("nobody here");
        assertThat(views().why(selection("tenant", "bank")).replies()).isEmpty();
    }

    @Test
    void onlyFiftyOutcomesAreKept() {
        harness.submit("a.example");
        QueueItem item = harness.take(harness.readyQueue("a.example"));
        harness.queue.outcome(item, 0, 0, 30);
        harness.queue.outcome(item, 40, 5, 0);
        assertThat(item.home.domain.readyQueue.recent.strip()).isEqualTo("bbbbb" + "d".repeat(40) + "ttttt");
    }

    @Test
    void pagesOfMessagesGoOnWhereTheLastEnded() throws IOException {
        for (int i = 0; i < 10; i++) {
            harness.submit(i % 2 == 0 ? "a.example" : "b.example");
        }
        MessagePage first = views().messages(selection("domain", "a.example"), Cursor.START, 3, _ -> null);
        assertThat(first.messages()).extracting(row -> row.id().value()).containsExactly(0L, 2L, 4L);
        assertThat(first.selected()).isEqualTo(5);
        Cursor next = Cursor.parse(requireNonNull(first.next()).toString());
        MessagePage second = views().messages(selection("domain", "a.example"), next, 3, _ -> null);
        assertThat(second.messages()).extracting(row -> row.id().value()).containsExactly(6L, 8L);
        assertThat(second.next()).isNull();
        assertThatThrownBy(() -> Cursor.parse("17"))
                .hasMessage("cursor \"17\": expected what the page before gave as next");
    }

    @Test
    void sendersAndRecipientsAreReadFromTheSpoolForThoseAloneThatTheQueueSelects() throws IOException {
        for (int i = 0; i < 10; i++) {
            harness.submit(i % 2 == 0 ? "a.example" : "b.example");
        }
        Selection selection = Selection.parse(
                Map.of("domain", List.of("a.example"), "recipient", List.of("ann4@*", "ann8@a.example")));
        MessagePage page = views().messages(selection, Cursor.START, 100, QueueViewsTest::envelope);
        assertThat(page.messages()).extracting(row -> row.id().value()).containsExactly(4L, 8L);
        assertThat(page.looked()).isEqualTo(5);
        assertThat(page.next()).isNull();
        MessagePage one = views().messages(selection, Cursor.START, 1, QueueViewsTest::envelope);
        assertThat(one.messages()).hasSize(1);
        assertThat(views().messages(selection, requireNonNull(one.next()), 1, QueueViewsTest::envelope).messages())
                .extracting(row -> row.id().value()).containsExactly(8L);
    }

    private static @Nullable Envelope envelope(SpoolEntry entry) {
        return new Envelope(new MessageId(entry.messageId()), "news@shop.example",
                List.of(new Recipient("ann" + entry.messageId() + "@a.example", "a.example")), BodyType.SEVEN_BIT,
                false, "", "", 0, Origin.LOCAL);
    }

    @Test
    void whatAnOperatorHoldsSaysWhyAndHasNoTimeUntilItHasOne() {
        long id = harness.submit("a.example");
        QueueItem item = harness.take(harness.readyQueue("a.example"));
        harness.queue.order(item, Orders.NONE.hold("look at it", 0), 0, false);
        MessageRow row = views().message(new MessageId(id)).getFirst();
        assertThat(row.state()).isEqualTo(QueueItem.State.HELD);
        assertThat(row.waitingFor()).isEqualTo("its release by an operator: look at it");
        assertThat(row.nextMillis()).isZero();
        assertThat(views().why(selection("domain", "a.example")).nextMillis()).isZero();
    }

    @Test
    void aMessageIsFoundByItsIdAloneWithWhyItWaits() {
        long now = harness.clock.millis();
        long waits = harness.submit("a.example", "", "", 1_000, 2, now + 100_000);
        long ready = harness.submit("b.example");
        MessageRow row = views().message(new MessageId(waits)).getFirst();
        assertThat(row.state()).isEqualTo(QueueItem.State.SCHEDULED);
        assertThat(row.attempts()).isEqualTo(2);
        assertThat(row.nextMillis()).isEqualTo(now + 100_000);
        assertThat(requireNonNull(views().why(row)).waitingFor()).isEqualTo("its next attempt");
        assertThat(views().message(new MessageId(ready)).getFirst().waitingFor())
                .startsWith("the session that is coming up");
        assertThat(views().message(new MessageId(12345))).isEmpty();
    }
}

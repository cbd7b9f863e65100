package dev.penstock.top;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.jline.utils.AttributedString;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.penstock.admin.LatencyRoutes.Bucket;
import dev.penstock.admin.LatencyRoutes.Latencies;
import dev.penstock.admin.LatencyRoutes.Latency;
import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Hold;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer.Alarm;
import dev.penstock.admin.StandingAnswer.Connections;
import dev.penstock.admin.StandingAnswer.Part;
import dev.penstock.admin.StandingAnswer.ProviderRow;
import dev.penstock.admin.StandingAnswer.Providers;
import dev.penstock.admin.StandingAnswer.Source;
import dev.penstock.admin.StandingAnswer.Sources;
import dev.penstock.admin.StandingAnswer.Status;
import dev.penstock.admin.StandingAnswer.Suspension;
import dev.penstock.admin.StandingAnswer.Tenant;
import dev.penstock.admin.StandingAnswer.Tenants;
import dev.penstock.admin.StandingAnswer.WarmUp;
import dev.penstock.queue.Grouping;
import dev.penstock.top.Answers.Question;

/** What stands on the screen, without a terminal. */
class PictureTest {
    private static final Instant NOW = Instant.parse("2026-12-01T12:00:00Z");
    private static final Lately LATELY = new Lately(600, 60, 1, 30_000, 10_000, 40, 0.2497, 0.001);
    private static final Counts COUNTS = new Counts(12_345, 2_000, 1, 0, 10_000, 300, 44, 2_100, 52_428_800,
            List.of(10L, 20L, 30L, 40L, 50L, 60L, 70L, 80L, 90L, 11_895L), NOW.minus(Duration.ofHours(51)));
    private static final String WIDE = "日本語.example";
    /** A receiver tries to clear the screen and to write from right to left. */
    private static final String EVIL = "451 \u001b[2J\u009b31m\u202eslow\r\n";

    private static Row row(String name) {
        return new Row(name, COUNTS, LATELY, 3, EVIL, NOW.plusSeconds(90));
    }

    private static Latencies latencies(Instant at, long quick, long slow) {
        return new Latencies(at, "", List.of(new Latency("delivery", "bulk",
                List.of(new Bucket(0.25, quick), new Bucket(60.0, slow), new Bucket(null, 0)))));
    }

    private static Model model(View view, int rows, String... alarms) {
        List<Row> names = new ArrayList<>(List.of(row("google"), row(WIDE), row("")));
        IntStream.range(3, rows).forEach(i -> names.add(row("domain" + i + ".example")));
        Source source = new Source("ip-1", List.of("192.0.2.1"), "mx1.test", "", List.of("bulk"), 3, 20, LATELY,
                List.of(new Suspension("google", "block", EVIL, NOW, null)),
                List.of(new WarmUp("google", "usual", 3, 1_000L, 17, null)), Map.of());
        Status status = new Status("gateway.test", "0.1.0", NOW, NOW.minus(Duration.ofHours(3)),
                new Flow(12.5, 700, 40_000, 900, 50_000), new Flow(10, 600, 30_000, 800, 40_000), LATELY,
                new Connections(12, 40), new Connections(20, 44), COUNTS, List.of(),
                List.of(new Part("spool", true, ""), new Part("dns", false, EVIL)),
                Stream.of(alarms).map(alarm -> new Alarm("part", "dns", alarm)).toList());
        WhyOf why = new WhyOf("", COUNTS, List.of(new Hold("connection_limit 20", "ip-1->mx.google", "ready", 10_000,
                null), new Hold(EVIL, "ip-1->mx.google", "suspended", 300, NOW.plusSeconds(7_500))), 7,
                NOW.plusSeconds(30), null, List.of(), List.of());
        Answers first = new Answers(Question.of(view), NOW.minusSeconds(1), status,
                new Queues(view.grouping().word(), "", NOW, 345, 0, COUNTS, names),
                new Providers(NOW, List.of(new ProviderRow(row("google"), "blocked", null, null))),
                new Sources(List.of(source)), new Tenants(NOW, List.of(new Tenant(row("google"), 12_000, null,
                        Map.of()))),
                why, latencies(NOW.minusSeconds(1), 0, 0),
                view.mode() instanceof Mode.Detail ? List.of("queue " + EVIL, "word ".repeat(60)) : List.of());
        Answers second = new Answers(first.question(), NOW, status, first.queues(), first.providers(), first.sources(),
                first.tenants(), why, latencies(NOW, 100, 1), first.detail());
        return Model.EMPTY.with(first).with(second);
    }

    private static View view(Screen screen) {
        return View.of(screen, Filter.NONE, Duration.ofSeconds(1));
    }

    private static Picture picture(View view, int width, int height, boolean colours, String... alarms) {
        return new Picture(view, model(view, 40, alarms), NOW, width, height, new Palette(colours));
    }

    private static String text(Picture picture) {
        return String.join("\n", picture.lines().stream().map(line -> line.toString().stripTrailing()).toList());
    }

    private static View pressed(View view, Key key, Picture picture) {
        return Objects.requireNonNull(view.press(key, picture));
    }

    @ParameterizedTest
    @EnumSource(Screen.class)
    void noScreenIsWiderOrHigherThanItsTerminalAndNoneTellsItWhatToDo(Screen screen) {
        View rows = view(screen);
        View detail = new View(rows.screen(), rows.by(), rows.times(), rows.sort(), false, rows.filter(), 0, true,
                rows.interval(), new Mode.Detail(new Target.Provider("google"), 0));
        View prompt = pressed(pressed(rows, Key.typed('/'), picture(rows, 80, 24, true)), Key.typed('x'),
                picture(rows, 80, 24, true));
        View help = pressed(rows, Key.typed('?'), picture(rows, 80, 24, true));
        for (View view : List.of(rows, detail, prompt, help)) {
            for (int width : new int[]{1, 2, 7, 19, 40, 79, 80, 132, 300}) {
                for (int height : new int[]{1, 2, 3, 4, 5, 10, 24, 60}) {
                    Picture picture = picture(view, width, height, true, EVIL, "two", "three", "four", "five");
                    List<AttributedString> lines = picture.lines();
                    assertThat(lines).as("%s %sx%s", view, width, height).hasSize(height);
                    assertThat(lines).allSatisfy(line -> {
                        assertThat(line.columnLength()).isLessThanOrEqualTo(width);
                        assertThat(line.toString().chars()).noneMatch(c -> Character.isISOControl(c) || c == 0x202e);
                    });
                    assertThat(picture.cursor()).isLessThan(width);
                }
            }
        }
    }

    @Test
    void theOverviewSaysInOutConnectionsQueuePartsAndAlarms() {
        assertThat(text(picture(view(Screen.OVERVIEW), 80, 24, false, "source ip-1 isn't used"))).startsWith("""
                Penstock 0.1.0 at gateway.test, up 3h, 2026-12-01T12:00:00Z, every 1s
                [1 Overview] 2 Queues  3 Providers  4 Sources  5 Tenants  6 Held by  7 Latency
                by provider, in order of queued: 345, 12,345 queued
                in       12.5/s now          700 last minute (top 900)         40,000 last hour
                out      10.0/s now          600 last minute (top 800)         30,000 last hour
                last hour 30,000 delivered, 10,000 deferred (25.0%), 40 bounced (0.1%)
                connections in 12 (top 40), out 20 (top 44)
                queued 12,345, oldest 2d3h: 10,000 ready, 300 suspended, 2,000 scheduled, 1 held
                parts spool ok dns NOT OK
                ALARM source ip-1 isn't used

                 PROVIDER          MODE     QUEUED  OLDEST  OUT/MIN  DEFERRED  BOUNCED  WAITS FOR
                """.lines().limit(11).reduce("", (a, b) -> a + b + "\n")).endsWith(
                "? help  / filter  s S order  b by  Enter why  p pause  + - interval  q quit");
    }

    @Test
    void columnsStandBelowTheirHeadsAlsoWithWideNamesAndTheLeastGoFirst() {
        List<String> wide = text(picture(view(Screen.QUEUES), 160, 10, false)).lines().toList();
        assertThat(wide.get(3)).isEqualTo(" DOMAIN            QUEUED   READY  SUSPENDED  SCHEDULED  HELD  ACTIVE  "
                + "OLDEST  OUT/MIN  DEFERRED  BOUNCED  WAITS FOR");
        assertThat(wide.get(4)).isEqualTo(">google            12,345  10,000        300      2,000     1      44  "
                + "  2d3h      600     25.0%     0.1%  451 ?[2J?31m?slow??");
        assertThat(wide.get(5)).startsWith(" 日本語.example    12,345  10,000");
        List<String> narrow = text(picture(view(Screen.QUEUES), 60, 10, false)).lines().toList();
        assertThat(narrow.get(3)).isEqualTo(" DOMAIN            QUEUED  OLDEST  DEFERRED  WAITS FOR");
        assertThat(narrow.get(4)).isEqualTo(">google            12,345    2d3h     25.0%  451 ?[2J?31m?s…");
    }

    @Test
    void rowsBeyondTheScreenAreReachedAndTheChosenOneIsMarked() {
        View view = view(Screen.QUEUES);
        Picture picture = picture(view, 80, 10, false);
        assertThat(picture.count()).isEqualTo(40);
        View last = pressed(view, Key.typed('G'), picture);
        assertThat(text(picture(last, 80, 10, false))).contains(">domain39.example", " domain38.example")
                .doesNotContain("google");
    }

    @Test
    void sourcesTenantsHoldsAndProvidersSayWhatIsTheMatter() {
        assertThat(text(picture(view(Screen.SOURCES), 160, 60, false))).contains("ip-1", "suspended",
                "day 3 17 of 1,000 to google", "google: 451 ?[2J");
        assertThat(text(picture(view(Screen.TENANTS), 120, 24, false))).contains("12,345  12,000");
        assertThat(text(picture(view(Screen.PROVIDERS), 120, 24, false))).contains("google            blocked");
        assertThat(text(picture(view(Screen.HELD), 100, 24, false))).contains(
                "10,000  ready          -  ip-1->mx.google  connection_limit 20",
                "   300  suspended   2h5m  ip-1->mx.google  451 ?[2J",
                "     7  -              -  -                what isn't among these",
                " 2,000  scheduled    30s  -                its next attempt");
    }

    @Test
    void enterAsksAfterWhatTheRowIsAbout() {
        assertThat(picture(view(Screen.PROVIDERS), 80, 24, false).target(2)).isEqualTo(new Target.Provider(""));
        assertThat(path(picture(view(Screen.PROVIDERS), 80, 24, false).target(2))).isEqualTo("/providers/-");
        assertThat(path(picture(view(Screen.QUEUES), 80, 24, false).target(0))).isEqualTo("/why?domain=google");
        assertThat(path(picture(view(Screen.QUEUES), 80, 24, false).target(2))).isEqualTo("/why?domain=-");
        assertThat(path(picture(view(Screen.HELD), 80, 24, false).target(0)))
                .isEqualTo("/why?source=ip-1&site=mx.google");
        assertThat(picture(view(Screen.QUEUES), 80, 24, false).target(40)).isNull();
        assertThat(Target.mail(Filter.NONE, Grouping.CAMPAIGN, "shop/spring").path())
                .isEqualTo("/why?tenant=shop&campaign=spring");
    }

    private static String path(@Nullable Target target) {
        return Objects.requireNonNull(target).path();
    }

    @Test
    void whatIsBadHasAColourUnlessNoneAreWanted() {
        AttributedString coloured = picture(view(Screen.PROVIDERS), 120, 24, true).lines().get(4);
        assertThat(coloured.toAnsi()).contains("\u001b[31;1mblocked", "\u001b[31;1m25.0%");
        picture(view(Screen.PROVIDERS), 120, 24, false).lines()
                .forEach(line -> assertThat(line.toAnsi()).doesNotContainPattern("\u001b\\[[0-9;]*[349][0-7]"));
    }

    @Test
    void aGatewayThatDoesntAnswerIsTold() {
        View view = view(Screen.QUEUES);
        Model model = model(view, 3).without("no gateway answers at admin.sock: refused");
        assertThat(text(new Picture(view, model, NOW.plusSeconds(75), 80, 24, new Palette(false))))
                .endsWith("no answer for 1m15s: no gateway answers at admin.sock: refused").contains("google");
        assertThat(text(new Picture(view, model(view, 3), NOW.plusSeconds(5), 80, 24, new Palette(false))))
                .endsWith("no answer for 5s");
        assertThat(text(new Picture(view, model(view, 3), NOW.plusSeconds(2), 80, 24, new Palette(false))))
                .endsWith("q quit");
        assertThat(text(new Picture(view(Screen.HELD), model(view, 3), NOW, 80, 24, new Palette(false))))
                .as("answers to another screen aren't shown").contains("asking …").doesNotContain("google");
    }

    @Test
    void textForScriptsHasAllRowsAndNoKeys() {
        List<String> text = picture(view(Screen.QUEUES), 200, 1_000, false).text();
        assertThat(text).hasSize(2 + 1 + 40).noneMatch(line -> line.contains("[2 Queues]") || line.contains("q quit"));
        assertThat(picture(view(Screen.LATENCY), 200, 1_000, false).text().subList(2, 5)).containsExactly(
                "101 since the start", "  250ms             100           99.0%",
                "     1m               1            1.0%");
    }
}

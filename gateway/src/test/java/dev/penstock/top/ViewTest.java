package dev.penstock.top;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.queue.Grouping;
import dev.penstock.queue.QueueTable.Column;
import dev.penstock.top.Key.Named;

/** What keys do, without a terminal. */
class ViewTest {
    private static final Target GOOGLE = new Target.Provider("google");

    /** So many rows, all about one provider; ten are seen at a time. */
    private record Some(int count) implements View.Rows {
        @Override
        public int page() {
            return 10;
        }

        @Override
        public @Nullable Target target(int row) {
            return row < count ? GOOGLE : null;
        }
    }

    private static final View.Rows ROWS = new Some(25);

    private static View start() {
        return View.of(Screen.OVERVIEW, Filter.NONE, Duration.ofSeconds(1));
    }

    private static View after(View view, Object... keys) {
        return after(ROWS, view, keys);
    }

    /** Strings are typed. */
    private static View after(View.Rows rows, View view, Object... keys) {
        View now = view;
        for (Object key : keys) {
            if (key instanceof Named named) {
                now = press(now, named, rows);
            } else {
                for (int character : key.toString().codePoints().toArray()) {
                    now = press(now, new Key.Typed(character), rows);
                }
            }
        }
        return now;
    }

    private static View press(View view, Key key, View.Rows rows) {
        View next = view.press(key, rows);
        assertThat(next).as("%s ends it", key).isNotNull();
        return Objects.requireNonNull(next);
    }

    @Test
    void numbersAndTabChooseTheScreen() {
        assertThat(after(start(), "2").screen()).isEqualTo(Screen.QUEUES);
        assertThat(after(start(), "7").screen()).isEqualTo(Screen.LATENCY);
        assertThat(after(start(), "8").screen()).isEqualTo(Screen.OVERVIEW);
        assertThat(after(start(), Named.TAB, Named.TAB).screen()).isEqualTo(Screen.PROVIDERS);
        assertThat(after(start(), Named.BACK_TAB).screen()).isEqualTo(Screen.LATENCY);
    }

    @Test
    void qAndControlCEndItAndWhileAFilterIsTypedOnlyControlCDoes() {
        assertThat(start().press(Key.typed('q'), ROWS)).isNull();
        assertThat(start().press(Named.INTERRUPT, ROWS)).isNull();
        View typing = after(start(), "/q");
        assertThat(typing.mode()).isEqualTo(new Mode.Prompt("q", ""));
        assertThat(typing.press(Named.INTERRUPT, ROWS)).isNull();
        assertThat(after(start(), "?").press(Key.typed('q'), ROWS)).isNull();
    }

    @Test
    void aFilterIsTypedMendedAndKept() {
        View view = after(start(), "2/provider=googel", Named.BACKSPACE, Named.BACKSPACE, "le tenant=shop",
                Named.ENTER);
        assertThat(view.filter()).isEqualTo(Filter.parse("provider=google tenant=shop", Grouping.DOMAIN));
        assertThat(after(view, "3").filter()).isEqualTo(view.filter());
        assertThat(after(view, "/").mode()).isEqualTo(new Mode.Prompt("provider=google tenant=shop", ""));
        assertThat(after(view, "/", Named.ERASE_LINE, Named.ENTER).filter()).isEqualTo(Filter.NONE);
        assertThat(after(view, "/x", Named.ESCAPE).filter()).isEqualTo(view.filter());
        assertThat(after(start(), "/", Named.BACKSPACE).mode()).isEqualTo(new Mode.Rows());
    }

    @Test
    void aWordAloneIsAPartOfTheNamesOfThatScreen() {
        assertThat(after(start(), "2/gmail", Named.ENTER).filter().parameters())
                .isEqualTo(Map.of("domain", List.of("*gmail*")));
        assertThat(after(start(), "5/shop", Named.ENTER).filter().parameters())
                .isEqualTo(Map.of("tenant", List.of("*shop*")));
    }

    @Test
    void aFilterThatCantBeReadIsToldAndStaysThere() {
        View view = after(start(), "/colour=red", Named.ENTER);
        assertThat(view.mode()).isInstanceOfSatisfying(Mode.Prompt.class, prompt -> {
            assertThat(prompt.text()).isEqualTo("colour=red");
            assertThat(prompt.wrong()).contains("\"colour\" selects nothing", "domain, site, provider");
        });
        assertThat(view.filter()).isEqualTo(Filter.NONE);
        assertThat(after(start(), "/state=held", Named.ENTER).mode()).isInstanceOfSatisfying(Mode.Prompt.class,
                prompt -> assertThat(prompt.wrong()).contains("penstock message list"));
        String longest = "x".repeat(2_000);
        assertThat(after(start(), "/" + longest).mode()).isInstanceOfSatisfying(Mode.Prompt.class,
                prompt -> assertThat(prompt.text()).hasSize(500));
    }

    @Test
    void rowsAreChosenWithinThoseThatThereAre() {
        assertThat(after(start(), Named.DOWN, "j", Named.PAGE_DOWN).row()).isEqualTo(12);
        assertThat(after(start(), "G").row()).isEqualTo(24);
        assertThat(after(start(), "G", Named.DOWN, Named.PAGE_DOWN).row()).isEqualTo(24);
        assertThat(after(start(), "Ggk", Named.UP).row()).isZero();
        assertThat(after(new Some(0), start(), "G", Named.DOWN).row()).isZero();
    }

    @Test
    void enterAsksAfterARowAndEscapeGoesBackToIt() {
        View view = after(start(), Named.DOWN, Named.ENTER);
        assertThat(view.mode()).isEqualTo(new Mode.Detail(GOOGLE, 0));
        assertThat(after(view, Named.PAGE_DOWN).mode()).isEqualTo(new Mode.Detail(GOOGLE, 10));
        assertThat(after(view, Named.END).mode()).as("the last page is full").isEqualTo(new Mode.Detail(GOOGLE, 15));
        assertThat(after(view, Named.UP).mode()).isEqualTo(new Mode.Detail(GOOGLE, 0));
        View back = after(view, Named.ESCAPE);
        assertThat(back.mode()).isEqualTo(new Mode.Rows());
        assertThat(back.row()).isEqualTo(1);
        assertThat(after(new Some(0), start(), Named.ENTER).mode()).isEqualTo(new Mode.Rows());
    }

    @Test
    void orderGroupingPauseAndIntervalAreChanged() {
        assertThat(after(start(), "s").order()).isEqualTo("oldest");
        assertThat(after(start(), "sS").order()).isEqualTo("-oldest");
        assertThat(after(start(), "s".repeat(View.SORTS.size())).sort()).isEqualTo(Column.QUEUED);
        assertThat(after(start(), "2b").grouping()).isEqualTo(Grouping.SITE);
        assertThat(after(start(), "3b").grouping()).isEqualTo(Grouping.PROVIDER);
        assertThat(after(start(), "7b").times()).isEqualTo(Times.TRANSACTIONAL);
        assertThat(after(start(), "p").paused()).isTrue();
        assertThat(after(start(), "pp").paused()).isFalse();
        assertThat(after(start(), "++").interval()).isEqualTo(Duration.ofSeconds(5));
        assertThat(after(start(), "++-").interval()).isEqualTo(Duration.ofSeconds(2));
        assertThat(after(start(), "-").interval()).isEqualTo(Duration.ofSeconds(1));
        assertThat(after(start(), "+".repeat(20)).interval()).isEqualTo(Duration.ofSeconds(60));
    }
}

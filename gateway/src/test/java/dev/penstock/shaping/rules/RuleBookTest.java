package dev.penstock.shaping.rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.routing.Providers;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.Throttle;
import dev.penstock.shaping.rules.SiteFinder.Answer;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.Patience;

class RuleBookTest {
    private static final Site FIRST = Site.ofHosts(List.of("mx1.example.net", "mx2.example.net"));
    private static final Site SECOND = Site.ofHosts(List.of("mx.example.org"));

    @TempDir
    Path directory;
    private final ManualClock clock = new ManualClock();
    private final Map<String, CompletableFuture<Answer>> asked = new HashMap<>();
    private final List<String> questions = new ArrayList<>();

    private ShapingConfig config(String toml) throws IOException {
        ShapingReader.Result result = ShapingReader
                .read(Files.writeString(directory.resolve("shaping.toml"), toml));
        assertThat(result.errors()).isEmpty();
        return result.config();
    }

    private CompletableFuture<Answer> ask(String domain) {
        questions.add(domain);
        return asked.compute(domain, (_, _) -> new CompletableFuture<>());
    }

    private void answer(String domain, Answer answer) {
        Objects.requireNonNull(asked.get(domain)).complete(answer);
    }

    private RuleBook book(String toml) throws IOException {
        return new RuleBook(config(toml), this::ask, clock::nanoTime);
    }

    private static int limit(Shaper shaper, Site key) {
        return shaper.limits(key).connectionLimit();
    }

    @Test
    void aSectionIsForItsDomainUntilItsSiteIsKnownAndThenForAllOfTheSite() throws IOException {
        RuleBook book = book("[\"big.example\"]\nconnection_limit = 3\n");
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        book.look();
        assertThat(questions).containsExactly("big.example");
        assertThat(shaper.key("big.example", FIRST)).isEqualTo(Site.ofDomain("big.example"));
        assertThat(limit(shaper, Site.ofDomain("big.example"))).as("never without its limits").isEqualTo(3);
        assertThat(limit(shaper, FIRST)).isEqualTo(10);

        answer("big.example", new Answer.At(FIRST));
        assertThat(book.publish()).isTrue();
        assertThat(shaper.key("big.example", FIRST)).isEqualTo(FIRST);
        assertThat(shaper.key("small.example", FIRST)).isEqualTo(FIRST);
        assertThat(limit(shaper, FIRST)).isEqualTo(3);
        assertThat(book.publish()).as("nothing is new").isFalse();
    }

    @Test
    void anExplanationAndTheShaperAgreeWhereADomainsProviderIsAnotherThanItsHosts() throws IOException {
        String toml = """
                [provider."by end"]
                match = [ {DomainSuffix="big.example"} ]
                connection_limit = 2
                enable_mta_sts = true
                [provider."by hosts"]
                match = [ {MXSuffix=".example.net"} ]
                connection_limit = 7
                enable_mta_sts = false
                ["big.example"]
                idle_timeout = "3s"
                """;
        RuleBook book = book(toml);
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        agree(book, shaper, "by end", 2);
        book.look();
        answer("big.example", new Answer.At(FIRST));
        book.publish();
        shaper.changed();
        agree(book, shaper, "by hosts", 7);
        assertThat(book.doubts()).singleElement().asString()
                .contains("[\"big.example\"] is over [provider.\"by hosts\"]");
    }

    private static void agree(RuleBook book, Shaper shaper, String provider, int connections) {
        Site key = shaper.key("big.example", FIRST);
        Throttle throttle = shaper.use("ip-1", key, new Providers(book.config().providers()).ofKey(key, FIRST));
        Explanation explained = Explanation.of(book.rules(), "big.example", FIRST, "ip-1",
                new Sender("", "", "", "big.example"));
        assertThat(throttle.provider()).isEqualTo(provider);
        assertThat(throttle.limits().connectionLimit()).isEqualTo(connections);
        assertThat(book.provider("big.example", FIRST)).as("by which MTA-STS is asked for").isEqualTo(provider);
        assertThat(explained.provider()).isEqualTo(provider);
        assertThat(explained.settings()).filteredOn(setting -> setting.key().equals("connection_limit"))
                .extracting(Explanation.Setting::value).containsExactly(String.valueOf(connections));
    }

    @Test
    void throttlesInUseGetTheLimitsOfASiteThatASectionRollsUpTo() throws IOException {
        RuleBook book = book("[\"big.example\"]\nconnection_limit = 3\n");
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        Throttle throttle = shaper.use(FIRST);
        assertThat(throttle.limits().connectionLimit()).isEqualTo(10);
        book.look();
        answer("big.example", new Answer.At(FIRST));
        book.publish();
        shaper.changed();
        assertThat(throttle.limits().connectionLimit()).isEqualTo(3);
    }

    @Test
    void aDomainThatMovesTakesItsSectionAlong() throws IOException {
        RuleBook book = book("[\"big.example\"]\nconnection_limit = 3\n");
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        book.look();
        answer("big.example", new Answer.At(FIRST));
        book.publish();
        clock.advance(Duration.ofSeconds(2));
        assertThat(shaper.key("big.example", SECOND)).as("its mail goes elsewhere").isEqualTo(
                Site.ofDomain("big.example"));
        book.look();
        assertThat(questions).as("and it is asked for before its time").hasSize(2);
        answer("big.example", new Answer.At(SECOND));
        book.publish();
        assertThat(shaper.key("big.example", SECOND)).isEqualTo(SECOND);
        assertThat(limit(shaper, SECOND)).isEqualTo(3);
        assertThat(limit(shaper, FIRST)).isEqualTo(10);
    }

    @Test
    void troubleWithTheDnsTakesNothingAwayAndNoHostsDo() throws IOException {
        RuleBook book = book("[\"big.example\"]\nconnection_limit = 3\n");
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        book.look();
        answer("big.example", new Answer.At(FIRST));
        book.publish();
        clock.advance(Rollups.REFRESH);
        book.look();
        answer("big.example", new Answer.Unknown("SERVFAIL"));
        book.publish();
        assertThat(limit(shaper, FIRST)).isEqualTo(3);
        clock.advance(Rollups.RETRY);
        book.look();
        answer("big.example", new Answer.Nowhere("big.example takes no mail"));
        book.publish();
        assertThat(limit(shaper, FIRST)).isEqualTo(10);
        assertThat(book.doubts()).singleElement().asString().contains("big.example takes no mail");
    }

    @Test
    void aReloadKeepsWhatIsKnownOfSites() throws IOException {
        RuleBook book = book("[\"big.example\"]\nconnection_limit = 3\n");
        Shaper shaper = new Shaper(book, null, clock, clock::nanoTime);
        book.look();
        answer("big.example", new Answer.At(FIRST));
        book.publish();
        shaper.reconfigure(config("[\"big.example\"]\nconnection_limit = 4\n[\"new.example\"]\nidle_timeout = '3s'\n"));
        assertThat(limit(shaper, FIRST)).isEqualTo(4);
        book.look();
        assertThat(questions).containsExactly("big.example", "new.example");
        shaper.reconfigure(config("# nothing\n"));
        assertThat(limit(shaper, FIRST)).isEqualTo(10);
        answer("new.example", new Answer.At(FIRST));
        assertThat(book.publish()).as("whose section is gone").isFalse();
    }

    @Test
    void questionsAreBoundedAndEachAnswerMakesRoomForTheNext() throws IOException {
        StringBuilder toml = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            toml.append("[\"d").append(i).append(".example\"]\nconnection_limit = 3\n");
        }
        RuleBook book = book(toml.toString());
        book.look();
        book.look();
        assertThat(questions).hasSize(Rollups.MOST_OUT);
        for (String domain : List.copyOf(questions)) {
            answer(domain, new Answer.At(FIRST));
        }
        book.look();
        assertThat(questions).hasSize(2 * Rollups.MOST_OUT).doesNotHaveDuplicates();
    }

    @Test
    void theThreadAsksAndPutsAnswersInForce() throws Exception {
        try (RuleBook book = new RuleBook(config("[\"big.example\"]\nconnection_limit = 3\n"),
                _ -> CompletableFuture.completedFuture(new Answer.At(FIRST)), System::nanoTime)) {
            CountDownLatch changed = new CountDownLatch(1);
            book.start(changed::countDown);
            assertThat(changed.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
            assertThat(book.of(new EgressPath("default", FIRST), "").own().connectionLimit()).isEqualTo(3);
        }
    }
}

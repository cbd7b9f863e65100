package dev.penstock.revision;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.config.TrafficLimits;

/** A configuration that is changed through the gateway that runs on it: whole or not at all, and back. */
class ReloadsTest {
    private static final String SLOW = "# ours\r\n[\"default\"]\r\nconnection_limit = 3   # few\r\n";
    private static final String FAST = "[\"default\"]\nconnection_limit = 30\n";

    @TempDir
    Path directory;
    Path config;
    Path shaping;
    Reloads reloads;
    private final List<GatewayConfig> taken = new CopyOnWriteArrayList<>();
    private @Nullable RuntimeException refusal;
    private Callable<?> whileTaken = () -> "";
    private int putBack;
    private final Reloads.Refusals told = new Reloads.Refusals() {
        @Override
        public void refused() {}

        @Override
        public void putBack() {
            putBack++;
        }
    };

    @BeforeEach
    void start() throws IOException {
        shaping = Files.writeString(directory.resolve("shaping.toml"), SLOW);
        config = Files.writeString(directory.resolve("penstock.toml"), text(5));
        Places places = new Places();
        reloads = new Reloads(config, Reloads.Found.of(config),
                ((ConfigReader.Valid) ConfigReader.read(config, places)).config(), places, this::take, told);
    }

    private String text(int jitter) {
        return """
                [gateway]
                shaping-file = "%s"
                [spool]
                directory = "%s"
                [events]
                directory = "%s"
                [queue]
                jitter-percent = %d
                """.formatted(shaping, directory.resolve("spool"), directory.resolve("log"), jitter);
    }

    private void take(GatewayConfig changed) {
        try {
            whileTaken.call();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        RuntimeException no = refusal;
        if (no != null) {
            throw no;
        }
        taken.add(changed);
    }

    @Test
    void aShapingFileComesIntoForceWithWhoAndWhy() throws IOException {
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isInstanceOfSatisfying(Reloads.Applied.InForce.class,
                applied -> {
                    assertThat(applied.version()).isEqualTo(2);
                    assertThat(applied.difference().lines()).singleElement().asString()
                            .contains("connection_limit: 3 -> 30, faster");
                });
        assertThat(shaping).content().isEqualTo(FAST);
        assertThat(taken.getLast().shaping().defaults().with(TrafficLimits.CONNECTION_LIMIT, 3))
                .isNotEqualTo(taken.getLast().shaping().defaults());
        assertThat(reloads.current()).isEqualTo(taken.getLast());
        assertThat(versions(ConfigFile.SHAPING)).extracting(FileHistory.Version::note).containsExactly(Note.NONE,
                new Note("anna", "Gmail is slow"));
    }

    @Test
    void soDoesTheConfigurationItself() throws IOException {
        assertThat(apply(ConfigFile.GATEWAY, text(7), 1)).isInstanceOfSatisfying(Reloads.Applied.InForce.class,
                applied -> assertThat(applied.difference().lines()).containsExactly("queue.jitter-percent: 5 -> 7"));
        assertThat(taken.getLast().queue().jitterPercent()).isEqualTo(7);
        assertThat(reloads.settings()).anySatisfy(setting -> {
            assertThat(setting.key()).isEqualTo("queue.jitter-percent");
            assertThat(setting.value()).isEqualTo(7L);
            assertThat(setting.origin()).isEqualTo(config + ":8");
        });
        assertThat(reloads.rollback(ConfigFile.GATEWAY, Optional.empty(), wish(null)))
                .isInstanceOf(Reloads.Applied.InForce.class);
        assertThat(config).content().isEqualTo(text(5));
    }

    @Test
    void errorsAreThoseOfTheFileThatItWouldBe() throws IOException {
        assertThat(
                apply(ConfigFile.SHAPING, "[\"default\"]\nconnection_limit = 0\nmax_message_rate = \"fast\"\n", null))
                .isInstanceOfSatisfying(Reloads.Applied.Not.class, not -> assertThat(not.problems())
                        .extracting(problem -> problem.file() + ":" + problem.line())
                        .containsExactly(shaping + ":2", shaping + ":3"));
        assertThat(apply(ConfigFile.GATEWAY, text(99), null)).isInstanceOfSatisfying(Reloads.Applied.Not.class,
                not -> assertThat(not.problems()).singleElement()
                        .satisfies(
                                problem -> assertThat(problem.toString()).startsWith(config + ":8:1: queue.jitter")));
        nothingHasChanged();
    }

    @Test
    void aFileUnderTheShapingFileIsTakenUpAndABrokenOneChangesNothing() throws IOException {
        Path base = Files.writeString(directory.resolve("community.toml"),
                "[\"default\"]\nmax_message_rate = \"9/s\"\n");
        Files.writeString(config, text(5).replace("[spool]", "shaping-base = [\"" + base + "\"]\n[spool]"));
        assertThat(reloads.reload()).isInstanceOf(Reloads.Result.Taken.class);
        assertThat(reloads.shapingFiles()).containsExactly(shaping, base);
        reloads.shapingMayHaveChanged();
        assertThat(taken).hasSize(1).last().satisfies(now -> assertThat(now.shaping().defaults().maxMessageRate())
                .hasToString("9/s"));

        Files.writeString(base, "[\"default\"]\nmax_message_rate = \"8/s\"\n");
        reloads.shapingMayHaveChanged();
        assertThat(taken).hasSize(2).last().satisfies(now -> {
            assertThat(now.shaping().defaults().maxMessageRate()).hasToString("8/s");
            assertThat(now.shaping().defaults().connectionLimit()).isEqualTo(3);
        });
        assertThat(versions(ConfigFile.SHAPING)).as("the shaping file is as it was").hasSize(1);

        Files.writeString(base, "[\"default\"]\nmax_message_rate = \"fast\"\n");
        reloads.shapingMayHaveChanged();
        assertThat(reloads.reload()).isInstanceOfSatisfying(Reloads.Result.Refused.class,
                refused -> assertThat(refused.problems()).singleElement().asString().startsWith(base + ":2:"));
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isInstanceOfSatisfying(Reloads.Applied.Not.class,
                not -> assertThat(not.problems()).singleElement().asString().startsWith(base + ":2:"));
        assertThat(shaping).content().isEqualTo(SLOW);
        assertThat(taken).hasSize(2);

        Files.writeString(base, "# nothing\n");
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isInstanceOf(Reloads.Applied.InForce.class);
        assertThat(reloads.rollback(ConfigFile.SHAPING, Optional.empty(), wish(null)))
                .isInstanceOf(Reloads.Applied.InForce.class);
        assertThat(shaping).content().isEqualTo(SLOW);
        assertThat(base).content().isEqualTo("# nothing\n");
    }

    @Test
    void whatTakesARestartIsRefused() throws IOException {
        assertThat(apply(ConfigFile.GATEWAY, text(5) + "[http]\nport = 9999\n", null))
                .isEqualTo(new Reloads.Applied.Not("a restart is needed to change http.port", List.of()));
        nothingHasChanged();
    }

    @Test
    void whatTheGatewayDoesntTakeUpIsPutBack() throws IOException {
        refusal = new IllegalArgumentException("the certificate can't be used");
        assertThat(apply(ConfigFile.SHAPING, FAST, null))
                .isEqualTo(new Reloads.Applied.Not("the certificate can't be used", List.of()));
        refusal = null;
        nothingHasChanged();
        assertThat(putBack).isEqualTo(1);
        reloads.shapingMayHaveChanged();
        assertThat(taken).as("the file that was put back is the one in force").isEmpty();
    }

    /** The file of before has errors, which a start would name; it is still what was there. */
    @Test
    void whatIsPutBackNeedNotBeRight() throws IOException {
        Files.writeString(shaping, "nonsense");
        refusal = new IllegalArgumentException("no");
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isInstanceOf(Reloads.Applied.Not.class);
        assertThat(shaping).content().isEqualTo("nonsense");
    }

    @Test
    void whatSomebodyElseHasWrittenMeanwhileIsLeftAndSaid() throws IOException {
        refusal = new IllegalArgumentException("no");
        whileTaken = () -> Files.writeString(shaping, "# mine");
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isEqualTo(new Reloads.Applied.Left(
                "no; the file of before can't be put back: somebody has changed it meanwhile"));
        assertThat(shaping).content().isEqualTo("# mine");
        assertThat(putBack).as("it isn't").isZero();
    }

    @Test
    void aDryRunSaysWhatWouldChange() throws IOException {
        assertThat(reloads.apply(ConfigFile.SHAPING, FAST, new FileChange.Wish(true, null, Note.NONE)))
                .isInstanceOfSatisfying(Reloads.Applied.Unchanged.class,
                        would -> assertThat(would.difference().lines()).hasSize(1));
        nothingHasChanged();
    }

    @Test
    void aCheckSaysWhatWouldBeWrong() throws IOException {
        assertThat(reloads.check(ConfigFile.SHAPING, FAST)).isEqualTo(new Reloads.Result.Taken(List.of()));
        assertThat(reloads.check(ConfigFile.SHAPING, "nonsense")).isInstanceOfSatisfying(Reloads.Result.Refused.class,
                refused -> assertThat(refused.problems()).isNotEmpty()
                        .allMatch(problem -> problem.file().equals(shaping)));
        nothingHasChanged();
    }

    @Test
    void rollbackRestoresOctetForOctet() throws IOException {
        apply(ConfigFile.SHAPING, FAST, null);
        assertThat(reloads.rollback(ConfigFile.SHAPING, Optional.of(1), wish(null)))
                .isInstanceOfSatisfying(Reloads.Applied.InForce.class,
                        applied -> assertThat(applied.version()).isEqualTo(3));
        assertThat(shaping).content().isEqualTo(SLOW);
        assertThat(reloads.rollback(ConfigFile.SHAPING, Optional.of(9), wish(null)))
                .isEqualTo(new Reloads.Applied.Conflict("there is no version 9; kept are 1 to 3"));
    }

    @Test
    void whoEditedTheFileWithoutSayingSoGetsItIntoForceByApplyingIt() throws IOException {
        Files.writeString(config, text(9));
        assertThat(apply(ConfigFile.GATEWAY, text(9), null)).isInstanceOf(Reloads.Applied.InForce.class);
        assertThat(taken.getLast().queue().jitterPercent()).isEqualTo(9);
    }

    @Test
    void ofManyWhoChangeAVersionOneWinsAndTheOthersAreTold() throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        List<Reloads.Applied> outcomes = new CopyOnWriteArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            String next = "[\"default\"]\nconnection_limit = " + (100 + i) + "\n";
            threads.add(Thread.ofVirtual().start(() -> {
                try {
                    start.await();
                    outcomes.add(apply(ConfigFile.SHAPING, next, 1));
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }));
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(outcomes).hasSize(16);
        assertThat(outcomes).filteredOn(Reloads.Applied.InForce.class::isInstance).hasSize(1);
        assertThat(outcomes).filteredOn(Reloads.Applied.Conflict.class::isInstance).hasSize(15)
                .allMatch(new Reloads.Applied.Conflict("version 2 is in force, not 1")::equals);
        assertThat(versions(ConfigFile.SHAPING)).hasSize(2);
        assertThat(taken).hasSize(1);
    }

    @Test
    void aFileThatIsGoneHasNoPlaceToBeReplacedIn() throws IOException {
        Files.delete(shaping);
        assertThat(apply(ConfigFile.SHAPING, FAST, null)).isInstanceOfSatisfying(Reloads.Applied.Not.class,
                not -> assertThat(not.problems()).singleElement().asString().contains("there is no file " + shaping));
        assertThat(shaping).doesNotExist();
    }

    @Test
    void withoutAFileThereIsNothingToChange() throws IOException {
        Reloads none = new Reloads(null, Reloads.Found.of(null), reloads.current(), new Places(), this::take,
                Reloads.Refusals.NONE);
        assertThat(none.reload()).isEqualTo(
                new Reloads.Result.Refused("started without --config, so there is no file to read", List.of()));
        assertThat(none.apply(ConfigFile.GATEWAY, text(1), wish(null))).isInstanceOf(Reloads.Applied.Not.class);
    }

    private void nothingHasChanged() throws IOException {
        assertThat(shaping).content().isEqualTo(SLOW);
        assertThat(config).content().isEqualTo(text(5));
        assertThat(taken).isEmpty();
        assertThat(versions(ConfigFile.SHAPING)).hasSize(1);
        assertThat(versions(ConfigFile.GATEWAY)).hasSize(1);
        assertThat(directory.resolve("spool").resolve("shaping-versions").resolve("candidate")).doesNotExist();
    }

    private List<FileHistory.Version> versions(ConfigFile which) throws IOException {
        return which.history(reloads.current()).versions();
    }

    private Reloads.Applied apply(ConfigFile which, String text, @Nullable Integer ifVersion) throws IOException {
        return reloads.apply(which, text, wish(ifVersion));
    }

    private static FileChange.Wish wish(@Nullable Integer ifVersion) {
        return new FileChange.Wish(false, ifVersion, new Note("anna", "Gmail is slow"));
    }
}

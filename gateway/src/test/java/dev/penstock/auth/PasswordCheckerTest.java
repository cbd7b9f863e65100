package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import dev.penstock.auth.PasswordChecker.Verdict;
import dev.penstock.config.PasswordHash;
import dev.penstock.testing.Patience;
import dev.penstock.units.ClientKey;

class PasswordCheckerTest {
    private static final PasswordHash HASH = new PasswordHash.Argon2id(8, 1, 1, "A".repeat(22), "A".repeat(43));
    private static final PasswordHash OTHER = new PasswordHash.Argon2id(8, 1, 1, "B".repeat(22), "A".repeat(43));
    private static final ClientKey CLIENT = new ClientKey(1, 1);
    private static final ClientKey FLOODING = new ClientKey(2, 2);
    private static final byte[] RIGHT = {'r'};
    private static final byte[] WRONG = {'w'};

    private final CountDownLatch go = new CountDownLatch(1);

    @Test
    void aPasswordThatWasRightIsRememberedAndOneThatWasWrongIsNot() {
        try (PasswordChecker checker = new PasswordChecker(1, 10, Patience.LONG, (_, password) -> password[0] == 'r')) {
            for (int i = 0; i < 100; i++) {
                assertThat(verdict(checker.check(CLIENT, "alice", HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            }
            assertThat(checker.checks()).isEqualTo(1);
            assertThat(checker.recalled()).isEqualTo(99);
            for (int i = 0; i < 3; i++) {
                assertThat(verdict(checker.check(CLIENT, "alice", HASH, WRONG))).isEqualTo(Verdict.WRONG);
            }
            assertThat(checker.checks()).isEqualTo(4);
        }
    }

    @Test
    void whatIsRememberedIsOfThatHashAndUntilItIsForgotten() {
        try (PasswordChecker checker = new PasswordChecker(1, 10, Patience.LONG, (hash, _) -> hash.equals(HASH))) {
            assertThat(verdict(checker.check(CLIENT, "alice", HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            assertThat(verdict(checker.check(CLIENT, "alice", OTHER, RIGHT))).isEqualTo(Verdict.WRONG);
            checker.forget();
            assertThat(verdict(checker.check(CLIENT, "alice", HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            assertThat(checker.checks()).isEqualTo(3);
        }
    }

    @Test
    void checksOfTheSamePasswordAtTheSameTimeAreOne() {
        try (PasswordChecker checker = new PasswordChecker(1, 1, Patience.LONG, (_, _) -> await())) {
            List<CompletableFuture<Verdict>> asked = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                asked.add(checker.check(CLIENT, "alice", HASH, RIGHT));
            }
            go.countDown();
            assertThat(asked).allSatisfy(check -> assertThat(verdict(check)).isEqualTo(Verdict.RIGHT));
            assertThat(checker.checks()).isEqualTo(1);
        }
    }

    @Test
    void whatThereIsNoPlaceForIsNotDecided() {
        try (PasswordChecker checker = new PasswordChecker(1, 4, Patience.LONG, (_, _) -> await())) {
            List<CompletableFuture<Verdict>> asked = new ArrayList<>();
            for (byte i = 0; i < 10; i++) {
                asked.add(checker.check(CLIENT, "alice", HASH, new byte[]{i}));
            }
            Map<Boolean, List<CompletableFuture<Verdict>>> byState = asked.stream()
                    .collect(Collectors.partitioningBy(CompletableFuture::isDone));
            List<CompletableFuture<Verdict>> decided = byState.getOrDefault(true, List.of());
            assertThat(decided).hasSizeBetween(7, 8)
                    .allSatisfy(check -> assertThat(check.join()).isEqualTo(Verdict.BUSY));
            assertThat(checker.busy()).isEqualTo(decided.size());
            go.countDown();
            byState.getOrDefault(false, List.of())
                    .forEach(check -> assertThat(verdict(check)).isEqualTo(Verdict.RIGHT));
            assertThat(verdict(checker.check(CLIENT, "alice", HASH, new byte[]{9}))).as("asked again")
                    .isEqualTo(Verdict.RIGHT);
        }
    }

    @Test
    void whoFloodsItShutsOutNobodyElse() {
        try (PasswordChecker checker = new PasswordChecker(1, 4, Patience.LONG,
                (_, password) -> await() && password[0] == 'r')) {
            List<CompletableFuture<Verdict>> flood = new ArrayList<>();
            for (byte i = 0; i < 100; i++) {
                flood.add(checker.check(FLOODING, "alice", HASH, new byte[]{i, i}));
                flood.add(checker.check(new ClientKey(3, 3), "alice", HASH, new byte[]{i, i, i}));
            }
            CompletableFuture<Verdict> other = checker.check(CLIENT, "alice", HASH, RIGHT);
            go.countDown();
            assertThat(verdict(other)).isEqualTo(Verdict.RIGHT);
            assertThat(flood).extracting(PasswordCheckerTest::verdict).contains(Verdict.WRONG, Verdict.BUSY);
        }
    }

    @Test
    void whoWaitsForAnothersCheckIsNotRefusedWithIt() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        try (PasswordChecker checker = new PasswordChecker(1, 6, Patience.LONG, (_, _) -> {
            begun.countDown();
            return await();
        })) {
            var _ = checker.check(new ClientKey(9, 9), "alice", HASH, new byte[]{9});
            assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
            var _ = checker.check(FLOODING, "alice", HASH, new byte[]{1});
            var _ = checker.check(FLOODING, "alice", HASH, new byte[]{2});
            CompletableFuture<Verdict> theirs = checker.check(FLOODING, "alice", HASH, RIGHT);
            CompletableFuture<Verdict> same = checker.check(CLIENT, "alice", HASH, RIGHT);
            for (byte i = 3; i < 6; i++) {
                var _ = checker.check(new ClientKey(3, 3), "alice", HASH, new byte[]{i});
            }
            var _ = checker.check(new ClientKey(4, 4), "alice", HASH, new byte[]{6}); // takes the place of theirs
            assertThat(verdict(theirs)).isEqualTo(Verdict.BUSY);
            assertThat(same).isNotDone();
            go.countDown();
            assertThat(verdict(same)).isEqualTo(Verdict.RIGHT);
        }
    }

    @Test
    void twoUsersWithTheSamePasswordAreTwoChecks() {
        try (PasswordChecker checker = new PasswordChecker(1, 4, Patience.LONG, (_, _) -> await())) {
            CompletableFuture<Verdict> one = checker.check(CLIENT, "nobody", HASH, WRONG);
            CompletableFuture<Verdict> other = checker.check(CLIENT, "no one", HASH, WRONG);
            go.countDown();
            verdict(one);
            verdict(other);
            assertThat(checker.checks()).as("time tells nothing of who is known").isEqualTo(2);
        }
    }

    private boolean await() {
        try {
            return go.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException _) {
            return false;
        }
    }

    private static Verdict verdict(CompletableFuture<Verdict> check) {
        return check.orTimeout(60, TimeUnit.SECONDS).join();
    }
}

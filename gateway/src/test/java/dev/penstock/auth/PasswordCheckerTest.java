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

class PasswordCheckerTest {
    private static final PasswordHash HASH = new PasswordHash.Argon2id(8, 1, 1, "A".repeat(22), "A".repeat(43));
    private static final PasswordHash OTHER = new PasswordHash.Argon2id(8, 1, 1, "B".repeat(22), "A".repeat(43));
    private static final byte[] RIGHT = {'r'};
    private static final byte[] WRONG = {'w'};

    private final CountDownLatch go = new CountDownLatch(1);

    @Test
    void aPasswordThatWasRightIsRememberedAndOneThatWasWrongIsNot() {
        try (PasswordChecker checker = new PasswordChecker(1, 10, (_, password) -> password[0] == 'r')) {
            for (int i = 0; i < 100; i++) {
                assertThat(verdict(checker.check(HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            }
            assertThat(checker.checks()).isEqualTo(1);
            assertThat(checker.recalled()).isEqualTo(99);
            for (int i = 0; i < 3; i++) {
                assertThat(verdict(checker.check(HASH, WRONG))).isEqualTo(Verdict.WRONG);
            }
            assertThat(checker.checks()).isEqualTo(4);
        }
    }

    @Test
    void whatIsRememberedIsOfThatHashAndUntilItIsForgotten() {
        try (PasswordChecker checker = new PasswordChecker(1, 10, (hash, _) -> hash.equals(HASH))) {
            assertThat(verdict(checker.check(HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            assertThat(verdict(checker.check(OTHER, RIGHT))).isEqualTo(Verdict.WRONG);
            checker.forget();
            assertThat(verdict(checker.check(HASH, RIGHT))).isEqualTo(Verdict.RIGHT);
            assertThat(checker.checks()).isEqualTo(3);
        }
    }

    @Test
    void checksOfTheSamePasswordAtTheSameTimeAreOne() {
        try (PasswordChecker checker = new PasswordChecker(1, 1, (_, _) -> await())) {
            List<CompletableFuture<Verdict>> asked = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                asked.add(checker.check(HASH, RIGHT));
            }
            go.countDown();
            assertThat(asked).allSatisfy(check -> assertThat(verdict(check)).isEqualTo(Verdict.RIGHT));
            assertThat(checker.checks()).isEqualTo(1);
        }
    }

    @Test
    void whatThereIsNoPlaceForIsNotDecided() {
        try (PasswordChecker checker = new PasswordChecker(1, 2, (_, _) -> await())) {
            List<CompletableFuture<Verdict>> asked = new ArrayList<>();
            for (byte i = 0; i < 10; i++) {
                asked.add(checker.check(HASH, new byte[]{i}));
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
            assertThat(verdict(checker.check(HASH, new byte[]{9}))).as("asked again").isEqualTo(Verdict.RIGHT);
        }
    }

    private boolean await() {
        try {
            return go.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException _) {
            return false;
        }
    }

    private static Verdict verdict(CompletableFuture<Verdict> check) {
        return check.orTimeout(20, TimeUnit.SECONDS).join();
    }
}

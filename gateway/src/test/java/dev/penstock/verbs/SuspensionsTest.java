package dev.penstock.verbs;

import static dev.penstock.verbs.VerbGateway.mail;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.ItemView;
import dev.penstock.queue.OperatorSuspension;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;

/** What operators suspend, over restarts and damage. */
@Timeout(120)
class SuspensionsTest {
    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    @Test
    void aSuspensionStandsOverARestartAndMailGoesWhenItIsResumed() throws Exception {
        try (FakeMx mx = new FakeMx()) {
            try (VerbGateway gateway = new VerbGateway(directory)) {
                gateway.route("x.example", mx);
                gateway.start();
                gateway.suspensions.suspend(mail("domain", "x.example"), 0, "op", "they asked for it");
                gateway.accept("", "", "a@x.example");
            }
            try (VerbGateway again = new VerbGateway(directory)) {
                again.route("x.example", mx);
                again.route("y.example", mx);
                again.start();
                again.accept("", "", "b@y.example");
                again.awaitEvents(MessageEvent.Type.DELIVERY, 1);
                assertThat(again.events(MessageEvent.Type.DELIVERY).getFirst().recipients())
                        .containsExactly("b@y.example");
                OperatorSuspension standing = again.suspensions.standing().getFirst();
                assertThat(List.of(standing.id(), standing.who(), standing.why()))
                        .containsExactly("s1", "op", "they asked for it");
                // What just moves from one place to another may be in neither of those that are looked at.
                await().atMost(Patience.LONG).untilAsserted(() -> assertThat(again.queue.items("x.example", 1))
                        .extracting(ItemView::waitingFor).containsExactly(
                                "an operator to resume it (s1, --domain x.example, by op): they asked for it"));
                assertThat(again.suspensions.resume("s1", "op", "done")).isPresent();
                again.awaitEvents(MessageEvent.Type.DELIVERY, 2);
                assertThat(again.suspensions.suspend(mail("tenant", "t"), 0, "op", "again").id())
                        .as("no id comes twice").isEqualTo("s2");
            }
        }
    }

    @Test
    void aSourceThatIsSuspendedByItsNameIsOutOfUseUntilAllWhoSuspendedItResume() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.suspensions.suspend(mail("source", "ip-1"), 0, "op", "blocked");
            String second = gateway.suspensions.suspend(mail("source", "ip-1"), 0, "op2", "new address").id();
            gateway.suspensions.suspend(mail("source", "ip-2", "tenant", "shop"), 0, "op", "of a tenant's mail alone");
            assertThat(gateway.health.all()).extracting(SourceHealth.Suspension::source).containsExactly("ip-1");
            assertThat(gateway.health.all()).extracting(SourceHealth.Suspension::cause)
                    .containsExactly(Cause.OPERATOR);
            gateway.suspensions.resume("s1", "op", "done");
            assertThat(gateway.health.all()).hasSize(1);
            gateway.suspensions.resume(second, "op", "done");
            assertThat(gateway.health.all()).isEmpty();
        }
    }

    @Test
    void whatCannotBeRecordedIsNotSuspended() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            Files.createDirectories(directory.resolve("suspensions/in-the-way"));
            assertThatThrownBy(() -> gateway.suspensions.suspend(mail("domain", "x.example"), 0, "op", "why"))
                    .isInstanceOf(IOException.class);
            assertThat(gateway.suspensions.standing()).isEmpty();
        }
    }

    @Test
    void aDamagedFileIsSetAsideAndTheStartIsNotBlocked() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            gateway.suspensions.suspend(mail("domain", "x.example"), 0, "op", "why");
        }
        Path file = directory.resolve("suspensions");
        byte[] octets = Files.readAllBytes(file);
        octets[octets.length - 3] ^= 1;
        Files.write(file, octets);
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.suspensions.standing()).isEmpty();
            assertThat(directory.resolve("suspensions.damaged")).hasBinaryContent(octets);
        }
    }

    @Test
    void aFileThatIsTooLargeIsSetAsideAndTheStartIsNotBlocked() throws Exception {
        Path file = directory.resolve("suspensions");
        try (RandomAccessFile large = new RandomAccessFile(file.toFile(), "rw")) {
            large.setLength(Suspensions.MAX_FILE + 1L);
        }
        try (VerbGateway gateway = new VerbGateway(directory)) {
            assertThat(gateway.suspensions.standing()).isEmpty();
            assertThat(directory.resolve("suspensions.damaged")).hasSize(Suspensions.MAX_FILE + 1L);
            gateway.suspensions.suspend(mail("domain", "x.example"), 0, "op", "why");
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.suspensions.standing()).hasSize(1);
        }
    }

    @Test
    void moreThanAStartReadsIsNotSuspended() throws Exception {
        String much = "x".repeat(Suspensions.MAX_FILE / 2);
        try (VerbGateway gateway = new VerbGateway(directory)) {
            gateway.suspensions.suspend(mail("domain", "x.example"), 0, "op", much);
            assertThatThrownBy(() -> gateway.suspensions.suspend(mail("domain", "y.example"), 0, "op", much))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("resume some first");
            assertThat(gateway.suspensions.standing()).hasSize(1);
        }
        try (VerbGateway again = new VerbGateway(directory)) {
            assertThat(again.suspensions.standing()).hasSize(1);
        }
    }

    @Test
    void whatIsNotUnderstoodIsSaid() throws Exception {
        try (VerbGateway gateway = new VerbGateway(directory).start()) {
            assertThatThrownBy(() -> gateway.suspensions.suspend(mail("recipient", "a@x.example"), 0, "op", "why"))
                    .hasMessageContaining("hold single messages instead");
            assertThatThrownBy(() -> gateway.suspensions.suspend(mail("domain", "x.example"), 1, "op", "why"))
                    .hasMessageContaining("is over");
        }
    }
}

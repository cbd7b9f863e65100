package dev.penstock.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.LocalDomainConfig;
import dev.penstock.config.LocalDomainConfig.Lmtp;
import dev.penstock.config.LocalDomainConfig.OnFailure;
import dev.penstock.config.LocalDomainConfig.Verify;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Decision;
import dev.penstock.testing.Fifo;

/** Recipients that stand in a file, and the file as it changes. */
class LocalRecipientsTest {
    private static final LocalDomainConfig.Store STORE = new Lmtp(List.of("127.0.0.1:24"));
    private static final Duration NEVER = Duration.ofDays(1); // only the test looks at the files

    @TempDir
    Path directory;

    @Test
    void listedRecipientsAreAcceptedAndOthersUnknown() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            assertThat(recipients.isLocal("example.com")).isTrue();
            assertThat(recipients.isLocal("example.org")).isFalse();
            assertThat(recipients.verify(recipient("Anna@example.com"))).isSameAs(Decision.ACCEPTED);
            assertThat(recipients.verify(recipient("anna+news@example.com"))).isSameAs(Decision.ACCEPTED);
            assertThat(answer(recipients, "bert+anna@example.com"))
                    .isEqualTo("550 5.1.1 <bert+anna@example.com>: Recipient address rejected: User unknown");
            assertThat(recipients.stats()).isEqualTo(new LocalStats(2, 1, 0, 0, 0, 1, 0, 0, 1));
        }
    }

    @Test
    void letterCaseCountsWhereItIsConfiguredToAndInDomainsOfOthers() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            assertThat(recipients.isCaseSensitive("example.com")).isFalse();
            assertThat(recipients.isCaseSensitive("example.org")).isTrue();
        }
    }

    @Test
    void everyDomainHasAPostmaster() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            assertThat(recipients.verify(recipient("PostMaster@example.com"))).isSameAs(Decision.ACCEPTED);
        }
    }

    @Test
    void whereNothingIsVerifiedEverybodyIsTaken() {
        try (LocalRecipients recipients = new LocalRecipients(
                Map.of("example.com", LocalDomainConfig.of(STORE, Verify.NONE, Optional.empty())),
                (_, _, _) -> new CallAhead.Answer.Unknown("not asked"), System::nanoTime, NEVER)) {
            assertThat(recipients.verify(recipient("who@example.com"))).isSameAs(Decision.ACCEPTED);
        }
    }

    @Test
    void aChangedFileIsTakenWhenItStandsStill() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            Files.writeString(file(), "bert\n# and more\n");
            recipients.lookAtFiles();
            Files.writeString(file(), "bert\nclara\n");
            recipients.lookAtFiles();

            assertThat(answer(recipients, "bert@example.com")).startsWith("550");
            recipients.lookAtFiles();

            assertThat(answer(recipients, "bert@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "clara@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
            assertThat(recipients.stats().fileReads()).isEqualTo(2);
        }
    }

    @Test
    void aFileReplacedByOneOfTheSameSizeAndTimeIsSeenToo() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            Path other = Files.writeString(directory.resolve("new"), "bert\n");
            Files.setLastModifiedTime(other, Files.getLastModifiedTime(file()));
            Files.move(other, file(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            recipients.lookAtFiles();
            recipients.lookAtFiles();

            assertThat(answer(recipients, "bert@example.com")).isEqualTo("accepted");
        }
    }

    @Test
    void aFileWithoutAnOctetLeavesTheOldListInForceHoweverLongItStands() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            Files.writeString(file(), "");
            looks(recipients);
            looks(recipients);
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(recipients.stats().fileFailures()).isOne();
            Files.writeString(file(), "# nobody\n");
            looks(recipients);
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
        }
    }

    @Test
    void aFileWrittenInPlaceWithTheOldSizeAndTimeIsSeenToo() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            FileTime time = Files.getLastModifiedTime(file());
            Object changed = Files.getAttribute(file(), "unix:ctime");
            do { // until the system's clock for files has moved on, which some do every few milliseconds only
                Files.writeString(file(), "bert\n");
                Files.setLastModifiedTime(file(), time);
            } while (Files.getAttribute(file(), "unix:ctime").equals(changed));
            looks(recipients);
            assertThat(answer(recipients, "bert@example.com")).isEqualTo("accepted");
        }
    }

    @Test
    void aFifoInItsPlaceIsNotWaitedFor() throws Exception {
        try (LocalRecipients recipients = withFile("anna\n")) {
            Files.delete(file());
            Fifo.make(file());
            looks(recipients);
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(recipients.stats().fileFailures()).isOne();
        }
    }

    @Test
    void aWrongOrMissingNewFileLeavesTheOldListInForce() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            Files.writeString(file(), "anna\nbert bert\n");
            looks(recipients);
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(recipients.stats().fileFailures()).isOne();

            Files.delete(file());
            looks(recipients);
            assertThat(answer(recipients, "anna@example.com")).isEqualTo("accepted");
            assertThat(recipients.stats().fileFailures()).isEqualTo(2);

            Files.writeString(file(), "bert\n");
            looks(recipients);
            assertThat(answer(recipients, "bert@example.com")).isEqualTo("accepted");
            assertThat(answer(recipients, "anna@example.com")).startsWith("550");
        }
    }

    @Test
    void withoutAFileRecipientsAreDeferredOrAcceptedAsConfigured() throws IOException {
        LocalDomainConfig defer = LocalDomainConfig.of(STORE, Verify.FILE, Optional.of(file()));
        LocalDomainConfig accept = new LocalDomainConfig(STORE, Verify.FILE, Optional.of(file()), "", false,
                Duration.ZERO, Duration.ZERO, Duration.ofSeconds(1), OnFailure.ACCEPT);
        try (LocalRecipients recipients = new LocalRecipients(Map.of("defer.example", defer, "accept.example", accept),
                (_, _, _) -> new CallAhead.Answer.Unknown("not asked"), System::nanoTime, NEVER)) {
            assertThat(answer(recipients, "anna@defer.example")).isEqualTo(
                    "451 4.1.1 <anna@defer.example>: Recipient address can't be verified now, try again later");
            assertThat(answer(recipients, "anna@accept.example")).isEqualTo("accepted");
            assertThat(recipients.stats().undecided()).isEqualTo(2);

            Files.writeString(file(), "anna\n");
            looks(recipients);
            assertThat(answer(recipients, "anna@defer.example")).isEqualTo("accepted");
            assertThat(answer(recipients, "bert@accept.example")).startsWith("550");
        }
    }

    @Test
    void aChangedConfigurationTakesDomainsAndKeepsWhatWasRead() throws IOException {
        try (LocalRecipients recipients = withFile("anna\n")) {
            LocalDomainConfig same = LocalDomainConfig.of(STORE, Verify.FILE, Optional.of(file()));
            recipients.reconfigure(Map.of("example.org", same));

            assertThat(recipients.isLocal("example.com")).isFalse();
            assertThat(answer(recipients, "anna@example.com")).startsWith("451 4.1.1");
            assertThat(answer(recipients, "anna@example.org")).isEqualTo("accepted");
            assertThat(recipients.stats().fileReads()).isOne();
        }
    }

    private static void looks(LocalRecipients recipients) {
        recipients.lookAtFiles();
        recipients.lookAtFiles();
    }

    private LocalRecipients withFile(String text) throws IOException {
        Files.writeString(file(), text);
        return new LocalRecipients(
                Map.of("example.com", LocalDomainConfig.of(STORE, Verify.FILE, Optional.of(file()))),
                (_, _, _) -> new CallAhead.Answer.Unknown("not asked"), System::nanoTime, NEVER);
    }

    private Path file() {
        return directory.resolve("recipients");
    }

    private static String answer(LocalRecipients recipients, String address) {
        return switch (recipients.verify(recipient(address)).join()) {
            case Decision.Accept _ -> "accepted";
            case Decision.Refuse(var reply) -> reply.oneLine();
        };
    }

    private static Recipient recipient(String address) {
        return new Recipient(address, address.substring(address.indexOf('@') + 1));
    }
}

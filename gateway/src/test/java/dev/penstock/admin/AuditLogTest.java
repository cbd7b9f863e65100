package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.AdminConfig;
import dev.penstock.http.Problem;
import dev.penstock.testing.ManualClock;
import dev.penstock.units.ByteSize;

class AuditLogTest {
    private final ManualClock clock = new ManualClock();

    @TempDir
    Path directory;

    @Test
    void aRequestIsInTheFileBeforeItIsDoneAndItsResultBeforeTheAnswer() throws IOException {
        try (AuditLog audit = open()) {
            Audit.Pending pending = audit.begin(request("anna", "POST /jobs"));
            assertThat(all(audit)).singleElement().satisfies(entry -> {
                assertThat(entry.id()).isEqualTo(pending.id());
                assertThat(entry.at()).isEqualTo(clock.instant());
                assertThat(entry.result()).isNull();
            });
            pending.end(new Audit.Result(200, null, 17L, "job-1"));
            assertThat(all(audit)).singleElement().satisfies(entry -> {
                assertThat(entry.request()).isEqualTo(request("anna", "POST /jobs"));
                assertThat(entry.result()).isEqualTo(new Audit.Result(200, null, 17L, "job-1"));
            });
            assertThat(lines()).hasSize(2);
        }
    }

    @Test
    void pagesGoBackOneAfterTheOther() throws IOException {
        try (AuditLog audit = open()) {
            for (int i = 0; i < 25; i++) {
                audit.begin(request(i % 5 == 0 ? "bob" : "anna", "POST /jobs/" + i)).end(done());
            }
            List<String> seen = new ArrayList<>();
            String before = null;
            do {
                AuditLog.Page page = audit.read(_ -> true, before, 10);
                page.entries().forEach(entry -> seen.add(entry.request().verb()));
                before = page.next();
            } while (before != null);
            assertThat(seen).containsExactlyElementsOf(
                    IntStream.range(0, 25).mapToObj(i -> "POST /jobs/" + (24 - i)).toList());
            assertThat(audit.read(entry -> entry.request().who().equals("bob"), null, 2).entries())
                    .extracting(entry -> entry.request().verb()).containsExactly("POST /jobs/20", "POST /jobs/15");
        }
    }

    @Test
    void filesEndBySizeAndAreReadAsOne() throws IOException {
        try (AuditLog audit = open("1 KB", Duration.ofDays(400))) {
            for (int i = 0; i < 20; i++) {
                audit.begin(request("anna", "POST /" + i)).end(done());
            }
            assertThat(files().count()).isGreaterThan(3);
            for (Path file : files().toList()) {
                assertThat(Files.size(file)).isLessThanOrEqualTo(1_024);
            }
            assertThat(all(audit)).hasSize(20).allMatch(entry -> done().equals(entry.result()));
        }
    }

    @Test
    void filesAreDeletedByAge() throws IOException {
        try (AuditLog audit = open("1 KB", Duration.ofDays(30))) {
            audit.begin(request("anna", "POST /old")).end(done());
        }
        Path old = files().findFirst().orElseThrow();
        Files.setLastModifiedTime(old, FileTime.from(clock.instant().minus(Duration.ofDays(31))));
        clock.advance(Duration.ofSeconds(1));
        try (AuditLog audit = open("1 KB", Duration.ofDays(30))) {
            audit.begin(request("anna", "POST /new")).end(done());
            assertThat(all(audit)).extracting(entry -> entry.request().verb()).containsExactly("POST /new");
        }
        assertThat(old).doesNotExist();
    }

    @Test
    void howLongFilesAreKeptIsHeededAtOnceAndOnceADay() throws IOException {
        clock.advance(Duration.ofDays(100));
        try (AuditLog audit = open("1 KB", Duration.ofDays(400))) {
            Path first = old("audit-20200101T000000.000Z.jsonl", 31);
            audit.reconfigure(AdminConfig.DEFAULT.with(AdminConfig.AUDIT_KEEP, Duration.ofDays(30)));
            assertThat(first).doesNotExist();
            Path second = old("audit-20200102T000000.000Z.jsonl", 29);
            clock.advance(Duration.ofHours(23));
            audit.look();
            assertThat(second).exists();
            clock.advance(Duration.ofHours(2));
            audit.look();
            assertThat(second).doesNotExist();
        }
    }

    private Path old(String name, int days) throws IOException {
        Path file = Files.writeString(directory.resolve(name), "");
        return Files.setLastModifiedTime(file, FileTime.from(clock.instant().minus(Duration.ofDays(days))));
    }

    @Test
    void oneReadsItAtATime() throws Exception {
        Semaphore turn = new Semaphore(1);
        assertThat(AuditRoutes.<String>alone(turn, () -> {
            assertThatThrownBy(() -> AuditRoutes.alone(turn, () -> "second")).isInstanceOf(Problem.class)
                    .hasMessageContaining("ask again");
            return "first";
        })).isEqualTo("first");
        assertThat(AuditRoutes.alone(turn, () -> "later")).isEqualTo("later");
    }

    /** As a kill in the middle of a write leaves it. */
    @Test
    void aTornLineCostsNoOther() throws IOException {
        try (AuditLog audit = open()) {
            audit.begin(request("anna", "POST /1")).end(done());
        }
        Files.writeString(files().findFirst().orElseThrow(), "{\"id\":\"0001", UTF_8, StandardOpenOption.APPEND);
        try (AuditLog audit = open()) {
            audit.begin(request("anna", "POST /2")).end(done());
            assertThat(all(audit)).extracting(entry -> entry.request().verb()).containsExactly("POST /2", "POST /1");
            assertThat(all(audit)).allMatch(entry -> done().equals(entry.result()));
        }
    }

    @Test
    void idsAscendOverRestartsAndClocksThatJumpBack() throws IOException {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            try (AuditLog audit = open()) {
                for (int j = 0; j < 3; j++) {
                    Audit.Pending pending = audit.begin(request("anna", "POST /" + i + j));
                    pending.end(done());
                    ids.add(pending.id());
                }
            }
            clock.advance(Duration.ofHours(i % 2 == 0 ? -7 : 1));
        }
        assertThat(ids).isSorted().doesNotHaveDuplicates();
        try (AuditLog audit = open()) {
            assertThat(all(audit)).extracting(Audit.Entry::id).containsExactlyElementsOf(ids.reversed());
        }
    }

    @Test
    void whatCantBeRecordedIsntDone() throws IOException {
        AtomicLong room = new AtomicLong(Long.MAX_VALUE);
        try (AuditLog audit = new AuditLog(directory, config("16 MB", Duration.ofDays(400)), clock,
                file -> new FullChannel(FileChannel.open(file, StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE), room::get))) {
            audit.begin(request("anna", "POST /1")).end(done());
            Audit.Pending begun = audit.begin(request("anna", "POST /2"));
            room.set(10);
            assertThatThrownBy(() -> audit.begin(request("anna", "POST /3"))).isInstanceOf(IOException.class)
                    .hasMessage("No space left on device");
            begun.end(done());
            assertThat(audit.refused()).isEqualTo(1);
            assertThat(audit.unfinished()).isEqualTo(1);
            room.set(Long.MAX_VALUE);
            audit.begin(request("anna", "POST /4")).end(done());
            assertThat(all(audit)).extracting(entry -> entry.request().verb())
                    .containsExactly("POST /4", "POST /2", "POST /1");
            assertThat(all(audit)).extracting(Audit.Entry::result).containsExactly(done(), null, done());
        }
        assertThat(lines()).allMatch(line -> line.startsWith("{") && line.endsWith("}"));
    }

    @Test
    void requestsOfManyThreadsAreWholeLines() throws Exception {
        try (AuditLog audit = open("4 KB", Duration.ofDays(400))) {
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 8; t++) {
                String who = "operator-" + t;
                threads.add(Thread.ofVirtual().start(() -> {
                    for (int i = 0; i < 25; i++) {
                        try {
                            audit.begin(request(who, "POST /" + i)).end(done());
                        } catch (IOException e) {
                            throw new AssertionError(e);
                        }
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            List<Audit.Entry> entries = all(audit);
            assertThat(entries).hasSize(200).allMatch(entry -> done().equals(entry.result()));
            assertThat(entries).extracting(Audit.Entry::id).doesNotHaveDuplicates();
        }
    }

    @Test
    void aFileThatWasMovedAwayIsFollowedByAnother() throws IOException {
        try (AuditLog audit = open()) {
            audit.begin(request("anna", "POST /1")).end(done());
            Files.move(files().findFirst().orElseThrow(), directory.resolve("taken-away"));
            audit.begin(request("anna", "POST /2")).end(done());
            assertThat(all(audit)).extracting(entry -> entry.request().verb()).containsExactly("POST /2");
        }
    }

    private AuditLog open() throws IOException {
        return open("16 MB", Duration.ofDays(400));
    }

    private AuditLog open(String size, Duration keep) throws IOException {
        return new AuditLog(directory, config(size, keep), clock);
    }

    private static AdminConfig config(String size, Duration keep) {
        return AdminConfig.DEFAULT.with(AdminConfig.AUDIT_FILE_SIZE, ByteSize.parse(size))
                .with(AdminConfig.AUDIT_KEEP, keep);
    }

    private static Audit.Request request(String who, String verb) {
        return new Audit.Request(who, Role.OPERATE, "socket", "socket", verb, "/x", "because", null, null, null);
    }

    private static Audit.Result done() {
        return new Audit.Result(200, null, null, null);
    }

    private static List<Audit.Entry> all(AuditLog audit) throws IOException {
        return audit.read(_ -> true, null, 10_000).entries();
    }

    private Stream<Path> files() throws IOException {
        try (Stream<Path> found = Files.list(directory)) {
            return found.filter(file -> file.getFileName().toString().startsWith("audit-")).sorted().toList().stream();
        }
    }

    private List<String> lines() throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path file : files().toList()) {
            lines.addAll(Files.readAllLines(file));
        }
        return lines;
    }
}

package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.MaildirConfig;
import dev.penstock.delivery.MaildirStore.StoreException;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.Recipient;

@Timeout(180)
class MaildirStoreTest {
    private final MaildirStore store = new MaildirStore("gateway.test", InstantSource.system());

    @TempDir
    Path base;

    @AfterEach
    void close() {
        store.close();
    }

    @Test
    void aMessageIsAFileWithLineFeedsBehindTheHeadersOfFinalDelivery() throws Exception {
        String name = store.deliver(config(), "sender@source.example", recipient("Anna+news@example.com"),
                content("Subject: test\r\n\r\n.dots stay\r\nbare \r too\r\n"));

        Path maildir = base.resolve("example.com/anna/Maildir");
        List<Path> files = list(maildir.resolve("new"));
        String expected = """
                Return-Path: <sender@source.example>
                Delivered-To: Anna+news@example.com
                Subject: test

                .dots stay
                bare \r too
                """;
        assertThat(files).singleElement().satisfies(file -> {
            assertThat(Files.readString(file)).isEqualTo(expected);
            assertThat(file.getFileName().toString()).startsWith(name)
                    .endsWith(".gateway.test,S=" + expected.length() + ",W=" + (expected.length() + 6));
            assertThat(mode(file)).isEqualTo("rw-------");
        });
        assertThat(name).matches("\\d+\\.M\\d+P\\d+Q1\\.gateway\\.test");
        assertThat(list(maildir.resolve("tmp"))).isEmpty();
        assertThat(Files.isDirectory(maildir.resolve("cur"))).isTrue();
        Path made = base;
        for (Path part : base.relativize(maildir.resolve("new"))) {
            made = made.resolve(part);
            assertThat(mode(made)).isEqualTo("rwx------");
        }
    }

    @Test
    void reportsHaveTheNullReversePath() throws Exception {
        store.deliver(config(), "", recipient("anna@example.com"), content("\r\nx\r\n"));

        assertThat(Files.readString(list(base.resolve("example.com/anna/Maildir/new")).getFirst()))
                .isEqualTo("Return-Path: <>\nDelivered-To: anna@example.com\n\nx\n");
    }

    @Test
    void lineEndsSplitBetweenPiecesAreLineFeedsToo() throws Exception {
        byte[] bytes = "a: b\r\n\r\nc\r\r\nd\r".getBytes(ISO_8859_1);
        Content pieces = new Content() {
            @Override
            public long size() {
                return bytes.length;
            }

            @Override
            public boolean hasDotLines() {
                return false;
            }

            @Override
            public boolean hasEightBit() {
                return false;
            }

            @Override
            public void forEachChunk(ChunkSink sink) throws IOException {
                for (int i = 0; i < bytes.length; i++) {
                    sink.accept(bytes, i, 1);
                }
            }
        };
        store.deliver(config(), "", recipient("anna@example.com"), pieces);

        assertThat(Files.readString(list(base.resolve("example.com/anna/Maildir/new")).getFirst()))
                .endsWith("\na: b\n\nc\r\nd\r");
    }

    @Test
    void manyAtOnceAreAllKeptUnderNamesOfTheirOwn() throws Exception {
        List<Callable<String>> deliveries = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            String user = "user" + i % 5;
            deliveries.add(() -> store.deliver(config(), "", recipient(user + "@example.com"), content("x\r\n")));
        }
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            for (var delivery : callers.invokeAll(deliveries)) {
                delivery.get();
            }
        }
        for (int i = 0; i < 5; i++) {
            assertThat(list(base.resolve("example.com/user" + i + "/Maildir/new"))).hasSize(40);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"../../etc/passwd\"@example.com", "\"..\"@example.com", "..@example.com",
        ".hidden@example.com", "a/b@example.com", "\"a\\/b\"@example.com", "\"a b\"@example.com", "\"\"@example.com",
        "\"a\u0000b\"@example.com", "\"a\u0085b\"@example.com", "-rf@example.com", "{domain}@example.com"})
    void whatCannotBeADirectoryOfItsOwnIsRefusedForGood(String address) throws IOException {
        assertThatThrownBy(() -> store.deliver(config(), "", recipient(address), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.BAD_MAILBOX_NAME));
        assertThat(list(base)).isEmpty();
    }

    @Test
    void aLocalPartOfDotsInsideIsAnOrdinaryName() throws Exception {
        store.deliver(config(), "", recipient("a..b@example.com"), content("x\r\n"));

        assertThat(list(base.resolve("example.com"))).containsExactly(base.resolve("example.com/a..b"));
    }

    @Test
    void withoutItsFileSystemNothingIsMade() {
        MaildirConfig config = new MaildirConfig(base + "/not-mounted/{local}", true, "+", false);
        assertThatThrownBy(() -> store.deliver(config, "", recipient("anna@example.com"), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure()).isEqualTo(new Failure(Failure.Kind.NO_MAILDIR,
                                base + "/not-mounted is not there; is its file system mounted?")));
        assertThat(Files.exists(base.resolve("not-mounted"))).isFalse();
    }

    @Test
    void maildirsAreOnlyMadeWhereTheyAreToBe() throws Exception {
        MaildirConfig config = new MaildirConfig(base + "/{local}", false, "+", false);
        assertThatThrownBy(() -> store.deliver(config, "", recipient("anna@example.com"), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.NO_MAILDIR));
        assertThat(list(base)).isEmpty();

        for (String part : List.of("tmp", "new", "cur")) {
            Files.createDirectories(base.resolve("anna").resolve(part));
        }
        store.deliver(config, "", recipient("anna@example.com"), content("x\r\n"));
        assertThat(list(base.resolve("anna/new"))).hasSize(1);
    }

    @Test
    void whatCannotBeReadLeavesNothingBehind() throws Exception {
        Content broken = new Content() {
            @Override
            public long size() {
                return 10;
            }

            @Override
            public boolean hasDotLines() {
                return false;
            }

            @Override
            public boolean hasEightBit() {
                return false;
            }

            @Override
            public void forEachChunk(ChunkSink sink) throws IOException {
                sink.accept("a: b".getBytes(ISO_8859_1), 0, 4);
                throw new IOException("the spool is gone");
            }
        };
        assertThatThrownBy(() -> store.deliver(config(), "", recipient("anna@example.com"), broken))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.STORE_TROUBLE));
        Path maildir = base.resolve("example.com/anna/Maildir");
        assertThat(list(maildir.resolve("tmp"))).isEmpty();
        assertThat(list(maildir.resolve("new"))).isEmpty();
    }

    private MaildirConfig config() {
        return new MaildirConfig(base + "/{domain}/{local}/Maildir", true, "+", false);
    }

    private static Recipient recipient(String address) {
        return new Recipient(address, address.substring(address.lastIndexOf('@') + 1));
    }

    private static Content content(String text) {
        return MemoryContent.of(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}

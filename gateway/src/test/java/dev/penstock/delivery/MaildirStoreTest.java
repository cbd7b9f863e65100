package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.MaildirConfig;
import dev.penstock.delivery.MaildirStore.Copy;
import dev.penstock.delivery.MaildirStore.StoreException;
import dev.penstock.message.Content;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Recipient;

@Timeout(180)
class MaildirStoreTest {
    private static final MessageId ID = new MessageId(1_757_675_280_000L << MessageId.MILLIS_SHIFT);
    private final AtomicLong ids = new AtomicLong(ID.value());
    private final MaildirStore store = new MaildirStore("gateway.test", InstantSource.system());

    @TempDir
    Path base;

    @AfterEach
    void close() {
        store.close();
    }

    @Test
    void aMessageIsAFileWithLineFeedsBehindTheHeadersOfFinalDelivery() throws Exception {
        String name = store.deliver(config(),
                new Copy(ID, 3, "sender@source.example", recipient("Anna+news@example.com"), false),
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
        assertThat(name).isEqualTo("1757675280.1K4YSRNM00000N3.gateway.test");
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
        store.deliver(config(), copy("", "anna@example.com"), content("\r\nx\r\n"));

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
        store.deliver(config(), copy("", "anna@example.com"), pieces);

        assertThat(Files.readString(list(base.resolve("example.com/anna/Maildir/new")).getFirst()))
                .endsWith("\na: b\n\nc\r\nd\r");
    }

    @Test
    void manyAtOnceAreAllKeptUnderNamesOfTheirOwn() throws Exception {
        List<Callable<String>> deliveries = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            String user = "user" + i % 5;
            deliveries.add(() -> store.deliver(config(), copy("", user + "@example.com"), content("x\r\n")));
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

    @Test
    void anAttemptThatNobodyRemembersIsFoundInNew() throws Exception {
        Copy copy = copy("s@source.example", "anna@example.com");
        store.deliver(config(), copy, content("x\r\n"));
        List<Path> first = list(folder("new"));

        assertThat(store.deliver(config(), again(copy), content("x\r\n"))).isEqualTo(copy.fileName("gateway.test"));
        assertThat(list(folder("new"))).isEqualTo(first);
        assertThat(list(folder("tmp"))).isEmpty();
    }

    @Test
    void anAttemptThatNobodyRemembersIsFoundInCurWhereAReaderHasPutIt() throws Exception {
        Copy copy = copy("s@source.example", "anna@example.com");
        store.deliver(config(), copy, content("x\r\n"));
        Path seen = see(folder("new"));

        assertThat(store.deliver(config(), again(copy), content("x\r\n"))).isEqualTo(copy.fileName("gateway.test"));
        assertThat(list(folder("new"))).isEmpty();
        assertThat(list(folder("cur"))).containsExactly(seen);
        assertThat(list(folder("tmp"))).isEmpty();
    }

    @Test
    void twoRecipientsWithOneMaildirGetACopyEach() throws Exception {
        MessageId id = new MessageId(ids.incrementAndGet());
        store.deliver(config(), new Copy(id, 0, "", recipient("anna@example.com"), true), content("x\r\n"));
        store.deliver(config(), new Copy(id, 1, "", recipient("anna@example.com"), true), content("x\r\n"));

        assertThat(list(folder("new"))).hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anotherMessageUnderTheSameNameIsNotTakenForItNorReplaced(boolean again) throws Exception {
        Copy copy = copy("", "anna@example.com");
        store.deliver(config(), copy, content("one\r\n"));
        store.deliver(config(), again ? again(copy) : copy, content("two\r\n"));

        assertThat(list(folder("new"))).hasSize(2)
                .extracting(file -> Files.readString(file).lines().reduce("", (_, last) -> last))
                .containsExactlyInAnyOrder("one", "two");
    }

    @ParameterizedTest
    @ValueSource(strings = {"new", "cur"})
    void whatIsNoFileIsNotTakenForTheMessage(String folder) throws Exception {
        Copy copy = copy("", "anna@example.com");
        store.deliver(config(), copy, content("x\r\n"));
        Path stored = list(folder("new")).getFirst();
        Files.delete(stored);
        Path odd = Files.createDirectory(folder(folder).resolve(stored.getFileName()));

        store.deliver(config(), again(copy), content("x\r\n"));
        assertThat(list(folder("new"))).filteredOn(file -> !file.equals(odd)).singleElement()
                .satisfies(file -> assertThat(Files.readString(file)).endsWith("\nx\n"));
    }

    @Test
    void whatCouldNotBeSyncedIsThereOnceAfterTheNextAttempt() throws Exception {
        AtomicInteger failures = new AtomicInteger(2);
        try (MaildirStore failing = store(directory -> {
            if (directory.endsWith("new") && failures.getAndDecrement() > 0) {
                throw new IOException("Input/output error");
            }
        })) {
            Copy copy = copy("", "anna@example.com");
            for (int attempt = 1; attempt <= 2; attempt++) {
                assertThatThrownBy(() -> failing.deliver(config(), again(copy), content("x\r\n")))
                        .isInstanceOfSatisfying(StoreException.class,
                                e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.STORE_TROUBLE));
                assertThat(list(folder("new"))).isEmpty();
            }
            failing.deliver(config(), again(copy), content("x\r\n"));
            assertThat(list(folder("new"))).hasSize(1);
        }
    }

    @Test
    void whatAReaderTookBeforeTheSyncFailedIsNotStoredTwice() throws Exception {
        AtomicInteger failures = new AtomicInteger(1);
        try (MaildirStore failing = store(directory -> {
            if (directory.endsWith("new") && failures.getAndDecrement() > 0) {
                see(directory);
                throw new IOException("Input/output error");
            }
        })) {
            Copy copy = copy("", "anna@example.com");
            assertThatThrownBy(() -> failing.deliver(config(), copy, content("x\r\n")))
                    .isInstanceOf(StoreException.class);
            failing.deliver(config(), again(copy), content("x\r\n"));
            assertThat(list(folder("new"))).isEmpty();
            assertThat(list(folder("cur"))).hasSize(1);
            assertThat(list(folder("tmp"))).isEmpty();
        }
    }

    /** In the system's words, which are all that the JDK tells. */
    @ParameterizedTest
    @CsvSource({"No space left on device,STORE_FULL", "Disk quota exceeded,MAILBOX_FULL",
        "Input/output error,STORE_TROUBLE"})
    void whatTheSystemSaysDecidesOnTheStatus(String words, Failure.Kind kind) throws Exception {
        try (MaildirStore failing = store(directory -> {
            if (directory.endsWith("new")) {
                throw new IOException(words);
            }
        })) {
            assertThatThrownBy(
                    () -> failing.deliver(config(), copy("", "anna@example.com"), content("x\r\n")))
                    .isInstanceOfSatisfying(StoreException.class,
                            e -> assertThat(e.failure().kind()).isEqualTo(kind));
            assertThat(list(folder("tmp"))).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"../../etc/passwd\"@example.com", "\"..\"@example.com", "..@example.com",
        ".hidden@example.com", "a/b@example.com", "\"a\\/b\"@example.com", "\"a b\"@example.com", "\"\"@example.com",
        "\"a\u0000b\"@example.com", "\"a\u0085b\"@example.com", "-rf@example.com", "{domain}@example.com"})
    void whatCannotBeADirectoryOfItsOwnIsRefusedForGood(String address) throws IOException {
        assertThatThrownBy(() -> store.deliver(config(), copy("", address), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.BAD_MAILBOX_NAME));
        assertThat(list(base)).isEmpty();
    }

    @Test
    void aLocalPartOfDotsInsideIsAnOrdinaryName() throws Exception {
        store.deliver(config(), copy("", "a..b@example.com"), content("x\r\n"));

        assertThat(list(base.resolve("example.com"))).containsExactly(base.resolve("example.com/a..b"));
    }

    @Test
    void withoutItsFileSystemNothingIsMade() {
        MaildirConfig config = new MaildirConfig(base + "/not-mounted/{local}", true, "+", false);
        assertThatThrownBy(() -> store.deliver(config, copy("", "anna@example.com"), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure()).isEqualTo(new Failure(Failure.Kind.NO_MAILDIR,
                                base + "/not-mounted is not there; is its file system mounted?")));
        assertThat(Files.exists(base.resolve("not-mounted"))).isFalse();
    }

    @Test
    void maildirsAreOnlyMadeWhereTheyAreToBe() throws Exception {
        MaildirConfig config = new MaildirConfig(base + "/{local}", false, "+", false);
        assertThatThrownBy(() -> store.deliver(config, copy("", "anna@example.com"), content("x\r\n")))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.NO_MAILDIR));
        assertThat(list(base)).isEmpty();

        for (String part : List.of("tmp", "new", "cur")) {
            Files.createDirectories(base.resolve("anna").resolve(part));
        }
        store.deliver(config, copy("", "anna@example.com"), content("x\r\n"));
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
        assertThatThrownBy(() -> store.deliver(config(), copy("", "anna@example.com"), broken))
                .isInstanceOfSatisfying(StoreException.class,
                        e -> assertThat(e.failure().kind()).isEqualTo(Failure.Kind.STORE_TROUBLE));
        Path maildir = base.resolve("example.com/anna/Maildir");
        assertThat(list(maildir.resolve("tmp"))).isEmpty();
        assertThat(list(maildir.resolve("new"))).isEmpty();
    }

    private MaildirConfig config() {
        return new MaildirConfig(base + "/{domain}/{local}/Maildir", true, "+", false);
    }

    private static MaildirStore store(MaildirStore.DirectorySync sync) {
        return new MaildirStore("gateway.test", InstantSource.system(), sync);
    }

    private Copy copy(String sender, String address) {
        return new Copy(new MessageId(ids.incrementAndGet()), 0, sender, recipient(address), false);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tmp", "new", "cur"})
    void aMailboxesOwnDirectoryThatIsALinkIsNotFollowed(String part) throws Exception {
        store.deliver(config(), copy("s@source.example", "anna@example.com"), content("one\r\n"));
        Path elsewhere = Files.createDirectory(base.resolve("elsewhere"));
        Files.move(folder(part), base.resolve("kept"));
        Files.createSymbolicLink(folder(part), elsewhere);

        assertThatThrownBy(() -> store.deliver(config(), copy("s@source.example", "anna@example.com"),
                content("two\r\n"))).isInstanceOf(StoreException.class)
                .hasMessage(folder(part) + " is a symbolic link, which isn't followed there");
        assertThat(list(elsewhere)).isEmpty();
    }

    @Test
    void aLinkToAMailboxIsFollowedWhenTheOwnerOfTheBaseHasMadeIt() throws Exception {
        Path disk = Files.createDirectory(base.resolve("disk"));
        Path link = Files.createSymbolicLink(base.resolve("example.com"), disk);
        store.deliver(config(), copy("s@source.example", "anna@example.com"), content("one\r\n"));
        assertThat(list(disk.resolve("anna/Maildir/new"))).hasSize(1);

        assumeTrue(Files.getAttribute(base, "unix:uid").equals(0), "only root gives files away");
        Files.setAttribute(link, "unix:uid", 65_534, LinkOption.NOFOLLOW_LINKS);
        assertThatThrownBy(() -> store.deliver(config(), copy("s@source.example", "anna@example.com"),
                content("two\r\n"))).isInstanceOf(StoreException.class)
                .hasMessage(link + " is a symbolic link of somebody else than the owner of " + base);
        assertThat(list(disk.resolve("anna/Maildir/new"))).hasSize(1);
    }

    private static Copy again(Copy copy) {
        return new Copy(copy.id(), copy.index(), copy.sender(), copy.recipient(), true);
    }

    private Path folder(String name) {
        return base.resolve("example.com/anna/Maildir").resolve(name);
    }

    /** As a reader does with what it has shown to its user. */
    private static Path see(Path arrived) throws IOException {
        Path file = list(arrived).getFirst();
        return Files.move(file, arrived.resolveSibling("cur").resolve(file.getFileName() + ":2,S"));
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

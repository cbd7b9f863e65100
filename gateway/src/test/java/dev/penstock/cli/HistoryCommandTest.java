package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.events.EventLines;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Client;
import dev.penstock.message.MessageEvent.Meaning;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageEvent.Tls;
import dev.penstock.message.MessageId;

/** {@code penstock history}: what people read. */
class HistoryCommandTest {
    private static final int NOBODY = 65_534;
    private static final long TIME = 1_757_675_281_440L; // 2025-09-12T11:08:01.440Z
    private static final MessageId ID = new MessageId(TIME << MessageId.MILLIS_SHIFT);

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    Path directory;
    private Path config;

    @BeforeEach
    void write() throws IOException {
        config = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                [events]
                directory = "%1$s/log"
                [history]
                directory = "%1$s/history"
                """.formatted(directory));
        Path log = Files.createDirectory(directory.resolve("log"));
        Files.writeString(log.resolve("delivery-1.jsonl"), EventLines.line(received()) + EventLines.line(deferred())
                + "torn");
    }

    private static MessageEvent received() {
        return new MessageEvent(MessageEvent.Type.RECEPTION, ID, "a@s.example", List.of("ann@r.example"), "r.example",
                "shop", "",
                "", 4_096, new Response(250, "2.0.0", "Ok", ""), new Peer("app1", "192.0.2.9"), "10.0.0.1:25", TIME,
                TIME, 0, "ESMTP", "01K3IN", null, new Client("", "app1", "smtp", "<1@s.example>"));
    }

    private static MessageEvent deferred() {
        return new MessageEvent(MessageEvent.Type.TRANSIENT_FAILURE, ID, "a@s.example", List.of("ann@r.example"),
                "r.example",
                "shop", "", "default->mx.r.example", 4_096,
                new Response(451, "4.7.651", "busy \u001b[31mred\u202e", "RCPT TO"),
                new Peer("mx.r.example", "192.0.2.7"),
                "10.0.0.1", TIME + 1_000, TIME, 0, "ESMTPS", "01K3OUT",
                new Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "dane", "verified", false), Client.NONE, "", "default",
                new Meaning("SpamBlock", "quota-issues", "source-provider", "defer, suspend 4h"));
    }

    @Test
    void whatWasIndexedIsFoundAndToldInOrder() {
        assertThat(run("rebuild")).as(err()).isEqualTo(ExitCode.OK);
        assertThat(out()).matches("2 events, \\d+ octets of index\n");

        assertThat(run("find", "--recipient", "ANN@r.example")).isEqualTo(ExitCode.OK);
        assertThat(out()).isEqualTo("""
                2025-09-12T11:08:02.440Z TransientFailure %1$s <a@s.example> to ann@r.example tenant=shop at \
                mx.r.example[192.0.2.7] from 10.0.0.1 session=01K3OUT TLSv1.3 verified: 451 4.7.651 busy ?[31mred? \
                class=quota-issues decision=defer, suspend 4h
                2025-09-12T11:08:01.440Z Reception %1$s <a@s.example> to ann@r.example tenant=shop by \
                app1[192.0.2.9] from 10.0.0.1:25 session=01K3IN: 250 2.0.0 Ok
                """.formatted(ID));

        assertThat(run("story", ID.toString())).isEqualTo(ExitCode.OK);
        assertThat(out().lines()).extracting(line -> line.split(" ", 3)[1]).containsExactly("Reception",
                "TransientFailure");

        assertThat(run("story", ID.toString(), "--json")).isEqualTo(ExitCode.OK);
        assertThat(out()).isEqualTo(EventLines.line(received()) + EventLines.line(deferred()));
    }

    @Test
    void aSearchGoesOnWhereItsCursorSays() {
        run("rebuild");
        assertThat(run("find", "--tenant", "shop", "--limit", "1", "--json")).isEqualTo(ExitCode.OK);
        assertThat(out()).isEqualTo(EventLines.line(deferred()));
        Matcher cursor = Pattern.compile("there is more: --after (\\S+)").matcher(err());
        assertThat(cursor.find()).isTrue();
        assertThat(run("find", "--tenant", "shop", "--limit", "1", "--json", "--after", cursor.group(1)))
                .isEqualTo(ExitCode.OK);
        assertThat(out()).isEqualTo(EventLines.line(received()));
        assertThat(err()).isEmpty();
    }

    @Test
    void anIndexIsNotMadeAnewForAnotherUserWhoCouldNotWriteIt() throws IOException {
        assumeTrue(Files.getAttribute(directory, "unix:uid").equals(0), "only root gives files away");
        Files.setAttribute(directory.resolve("log"), "unix:uid", NOBODY);
        assertThat(run("rebuild")).isEqualTo(ExitCode.CANT_CREATE);
        assertThat(err()).contains("log: belongs to the user with the number 65534, who couldn't write what 0 makes "
                + "there; run this as that user");
        assertThat(directory.resolve("history")).doesNotExist();
        Files.setAttribute(directory.resolve("log"), "unix:uid", 0);
        Files.createDirectory(directory.resolve("history"));
        Files.setAttribute(directory.resolve("history"), "unix:uid", NOBODY);
        assertThat(run("rebuild")).isEqualTo(ExitCode.CANT_CREATE);
        assertThat(directory.resolve("history")).isEmptyDirectory();
    }

    @Test
    void timesAndTypesNarrowASearch() {
        run("rebuild");
        assertThat(run("find", "--since", "2025-09-12T11:08:02Z", "--until", "1h")).isEqualTo(ExitCode.OK);
        assertThat(out().lines()).hasSize(1).first().asString().contains("TransientFailure");
        assertThat(run("find", "--type", "reception,bounce")).isEqualTo(ExitCode.OK);
        assertThat(out().lines()).hasSize(1).first().asString().contains("Reception");
        assertThat(run("find", "--since", "1h")).isEqualTo(ExitCode.OK);
        assertThat(out()).isEmpty();
    }

    @Test
    void whatIsWrongIsSaid() {
        assertThat(run("find", "--recipient", "ann@r.example")).isEqualTo(ExitCode.NO_INPUT);
        assertThat(err()).contains("there is no index").contains("penstock history rebuild");
        run("rebuild");
        assertThat(run("find", "--since", "yesterday")).isEqualTo(ExitCode.USAGE);
        assertThat(err())
                .contains("yesterday is no time; expected one like 2026-11-24T00:22:05Z, or how long ago, like 2h");
        assertThat(run("find", "--type", "Lost")).isEqualTo(ExitCode.USAGE);
        assertThat(err()).contains("Lost isn't a type of event");
        assertThat(run("find", "--limit", "0")).isEqualTo(ExitCode.USAGE);
        assertThat(err()).contains("--limit 0 isn't from 1 to 1000");
        assertThat(run("find", "--after", "here")).isEqualTo(ExitCode.USAGE);
        assertThat(err()).contains("here isn't a cursor");
        assertThat(run("story", "X")).isEqualTo(ExitCode.USAGE);
        assertThat(err()).contains("X isn't a message id: expected 13 letters and digits");
        assertThat(run("story", new MessageId(7).toString())).isEqualTo(ExitCode.NO_INPUT);
        assertThat(err()).contains("nothing is known of 0000000000007");
    }

    private int run(String verb, String... arguments) {
        out.reset();
        err.reset();
        String[] all = new String[arguments.length + 4];
        all[0] = "history";
        all[1] = verb;
        all[2] = "--config";
        all[3] = config.toString();
        System.arraycopy(arguments, 0, all, 4, arguments.length);
        return Main.execute(started -> {
            throw new AssertionError("nothing is to be started: " + started);
        }, (_, _) -> {}, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), all);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}

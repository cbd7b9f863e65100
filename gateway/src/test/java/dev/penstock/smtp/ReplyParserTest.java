package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReplyParserTest {
    @Test
    void aReplyIsReadWhereverItIsSplit() {
        byte[] wire = "550-5.7.1 first\r\n550-5.7.1 second\r\n550 5.7.1 third\r\n".getBytes(UTF_8);
        for (int split = 0; split < wire.length; split++) {
            ReplyParser parser = new ReplyParser();
            assertThat(parser.parse(ByteBuffer.wrap(wire, 0, split))).isNull();
            assertThat(parser.inReply()).isEqualTo(split > 0);
            assertThat(parser.parse(ByteBuffer.wrap(wire, split, wire.length - split)))
                    .isEqualTo(new Reply(550, new EnhancedStatus(5, 7, 1), List.of("first", "second", "third")));
        }
    }

    @Test
    void nothingThatATerminalObeysIsKept() {
        ReplyParser parser = new ReplyParser();
        assertThat(parser.parse(ByteBuffer.wrap("550 no \u009b31m\u0085\u2028\u00fc\r\n".getBytes(UTF_8))))
                .extracting(Reply::text).isEqualTo("no ?31m??\u00fc");
    }

    @Test
    void onlyOneReplyIsTaken() {
        ByteBuffer wire = ByteBuffer.wrap("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n".getBytes(UTF_8));
        ReplyParser parser = new ReplyParser();
        assertThat(parser.parse(wire)).isEqualTo(Reply.of(250, "2.1.0", "Ok"));
        assertThat(parser.parse(wire)).isEqualTo(Reply.of(250, "2.1.5", "Ok"));
        assertThat(parser.parse(wire)).isEqualTo(Reply.of(354, "", "go"));
        assertThat(parser.parse(wire)).isNull();
    }

    @Test
    void sloppyRepliesAreUnderstood() {
        assertThat(parse("250\r\n")).isEqualTo(Reply.of(250, "", ""));
        assertThat(parse("250-\r\n250 x\n").lines()).containsExactly("", "x");
        assertThat(parse("250-a\r\n421 b\r\n").code()).isEqualTo(421);
        assertThat(parse("550 5.1.1\r\n")).isEqualTo(Reply.of(550, "5.1.1", ""));
        assertThat(parse("550-5.1.1 a\r\n550 b\r\n"))
                .isEqualTo(new Reply(550, new EnhancedStatus(5, 1, 1), List.of("a", "b")));
    }

    @Test
    void aStatusOfAnotherClassIsText() {
        assertThat(parse("450 5.1.1 later\r\n")).isEqualTo(Reply.of(450, "", "5.1.1 later"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\r\n", "25\r\n", "abc\r\n", "2500 x\r\n", "150 x\r\n", "600 x\r\n", "SSH-2.0-OpenSSH\r\n",
        "250_x\r\n"})
    void garbageIsRefused(String wire) {
        assertThatExceptionOfType(ReplySyntaxException.class).isThrownBy(() -> parse(wire));
    }

    @Test
    void whatPassesALimitIsTextLeftOut() {
        ReplyParser parser = new ReplyParser(20, 3);
        assertThat(parser.parse(bytes("250 " + "x".repeat(16) + "\r\n"))).isEqualTo(Reply.of(250, "", "x".repeat(16)));
        assertThat(parser.parse(bytes("550 5.1.1 " + "x".repeat(11) + "\r\n")))
                .isEqualTo(Reply.of(550, "5.1.1", "x".repeat(10)));
        assertThat(parser.parse(bytes("250 " + "x".repeat(100_000) + "\n")))
                .isEqualTo(Reply.of(250, "", "x".repeat(16)));
        assertThat(parser.parse(bytes("250 " + "x".repeat(15) + "ü and more\r\n")))
                .isEqualTo(Reply.of(250, "", "x".repeat(15)));
        assertThat(parser.parse(bytes("250-a\r\n".repeat(4) + "421 b\r\n")))
                .isEqualTo(new Reply(421, null, List.of("a", "a", "a")));
        assertThat(parser.parse(bytes("354 go\r\n"))).isEqualTo(Reply.of(354, "", "go"));
    }

    @Test
    void theTextOfAReplyIsBoundedAsAWhole() {
        Reply reply = parse(("250-" + "x".repeat(2_000) + "\r\n").repeat(100) + "550 5.7.1 no\r\n");
        assertThat(reply.code()).isEqualTo(550);
        assertThat(reply.text().length()).isLessThan(33_000);
    }

    @Test
    void aReplyWithoutEndHasTheCodeOfWhatCameAndNothingBehindIt() {
        for (String wire : List.of("250-a\r\n".repeat(20), "250-a\r\n250 " + "x".repeat(200),
                "250 " + "x".repeat(200))) {
            ReplyParser parser = new ReplyParser(20, 3, 100);
            ByteBuffer in = bytes(wire);
            assertThat(parser.parse(in)).as(wire).isNotNull().extracting(Reply::code).isEqualTo(250);
            assertThat(parser.inReply()).isTrue();
            assertThatExceptionOfType(ReplySyntaxException.class).isThrownBy(() -> parser.parse(in));
        }
    }

    @Test
    void aLongLineThatIsNoReplyIsRefusedBeforeItsEnd() {
        assertThatExceptionOfType(ReplySyntaxException.class)
                .isThrownBy(() -> new ReplyParser(20, 3).parse(bytes("x".repeat(100))));
    }

    @Test
    void whatIsEncodedIsReadBack() {
        Reply reply = new Reply(452, new EnhancedStatus(4, 5, 3), List.of("too", "", "many"));
        assertThat(new String(reply.encode(), UTF_8)).isEqualTo("452-4.5.3 too\r\n452-4.5.3 \r\n452 4.5.3 many\r\n");
        assertThat(new ReplyParser().parse(ByteBuffer.wrap(reply.encode()))).isEqualTo(reply);
        assertThat(reply.oneLine()).isEqualTo("452 4.5.3 too  many");
    }

    @Test
    void noTextCanAddALine() {
        assertThat(new String(Reply.of(550, "5.0.0", "bad\r\n250 good").encode(), UTF_8))
                .isEqualTo("550 5.0.0 bad??250 good\r\n");
    }

    private static Reply parse(String wire) {
        return Objects.requireNonNull(new ReplyParser().parse(bytes(wire)));
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(UTF_8));
    }
}

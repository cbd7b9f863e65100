package dev.penstock.trace;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.testing.ManualTicker;

/** What a client of ours writes, in whatever pieces it is written. */
class SentLinesTest {
    private final ManualTicker ticker = new ManualTicker();
    private final TraceHub hub = new TraceHub(ticker);
    private final SessionTrace trace = new SessionTrace(hub, "1", Direction.OUT,
            () -> new SessionFacts("1", Direction.OUT, null, "mx.example", "", "default", "", "", ""), ticker);
    private final SentLines sent = new SentLines(trace);

    private static List<String> taken(Watch watch) {
        try {
            return watch.take(Duration.ZERO).lines().stream().skip(1).map(TraceLine::text).toList();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** @param content places of the text where content begins and ends, as often as there is some */
    private void write(String text, SplittableRandom random, int... content) {
        byte[] octets = text.getBytes(ISO_8859_1);
        int at = 0;
        int mark = 0;
        while (at < octets.length) {
            int n = Math.min(octets.length - at, 1 + random.nextInt(random.nextBoolean() ? 3 : 40));
            if (mark < content.length && content[mark] <= at + n) { // told when it is in the buffer, before it is written
                sent.contentBegins(content[mark] - at);
                boolean known = random.nextBoolean() || content[mark + 1] <= at + n;
                if (known) {
                    n = Math.max(n, Math.min(octets.length, content[mark + 1]) - at);
                    sent.contentEnds(content[mark + 1] - at, true);
                } else {
                    int end = content[mark + 1];
                    sent.written(octets, at, n);
                    at += n;
                    while (at < end) {
                        n = Math.min(end - at, 1 + random.nextInt(10));
                        sent.written(octets, at, n);
                        at += n;
                    }
                    sent.contentEnds(0, true);
                    n = 0;
                }
                mark += 2;
            }
            if (n > 0) {
                sent.written(octets, at, n);
                at += n;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void theDialogueIsTheSameInWhateverPiecesItIsWritten(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        String before = """
                EHLO gateway.test
                AUTH LOGIN
                c21hcnQ=
                czNjcmV0aXZl
                MAIL FROM:<a@source.example>
                RCPT TO:<b@dest.example>
                DATA
                """.replace("\n", "\r\n");
        String first = "Subject: s3cret\r\n\r\nAUTH PLAIN in a body\r\nMAIL FROM:<no@command>\r\n.\r\n";
        String between = "MAIL FROM:<c@source.example>\r\nRCPT TO:<d@dest.example>\r\nBDAT 22 LAST\r\n";
        String second = "no line end in RCPT TO";
        String after = "QUIT\r\n";
        for (int i = 0; i < 500; i++) {
            try (Watch watch = hub.open(TraceFilter.ALL, false, Duration.ofMinutes(1))) {
                trace.isOn();
                int one = before.length();
                int two = one + first.length() + between.length();
                write(before + first + between + second + after, random, one, one + first.length(), two,
                        two + second.length());
                assertThat(taken(watch)).as("seed %s, round %s", seed, i).containsExactly("EHLO gateway.test",
                        "AUTH LOGIN", "[masked]", "[masked]", "MAIL FROM:<a@source.example>",
                        "RCPT TO:<b@dest.example>", "DATA", "[" + first.length() + " octets]",
                        "MAIL FROM:<c@source.example>", "RCPT TO:<d@dest.example>", "BDAT 22 LAST", "[22 octets]",
                        "QUIT");
            }
        }
    }

    @Test
    void contentWhoseMarkIsMissingIsMasked() {
        try (Watch watch = hub.open(TraceFilter.ALL, true, Duration.ofMinutes(1))) {
            trace.isOn();
            byte[] octets = "Subject: private\r\n\r\nbody\r\n.\r\n".getBytes(ISO_8859_1);
            sent.written(octets, 0, octets.length);
            assertThat(taken(watch)).containsExactly("[masked]", "[masked]", "[masked]", ".");
        }
    }

    @Test
    void whoComesInTheMidstOfALineGetsNothingOfIt() {
        byte[] octets = "AUTH PLAIN c2VjcmV0".getBytes(ISO_8859_1);
        sent.written(octets, 0, 14);
        try (Watch watch = hub.open(TraceFilter.ALL, true, Duration.ofMinutes(1))) {
            trace.isOn();
            sent.written(octets, 14, octets.length - 14);
            sent.written("\r\nQUIT\r\n".getBytes(ISO_8859_1), 0, 8);
            assertThat(taken(watch)).containsExactly("[masked]", "QUIT");
        }
    }

    @Test
    void whoComesBetweenChunksThatNobodyWatchedGetsNoBodyForAHeader() {
        byte[] head = "BDAT 14\r\nSubject: x\r\n\r\n".getBytes(ISO_8859_1);
        sent.contentBegins(9);
        sent.contentEnds(head.length, false);
        sent.written(head, 0, head.length);
        try (Watch watch = hub.open(TraceFilter.ALL, true, Duration.ofMinutes(1))) {
            trace.isOn();
            byte[] body = "BDAT 11 LAST\r\nSecret: y\r\n".getBytes(ISO_8859_1);
            sent.contentBegins(14);
            sent.contentEnds(body.length, true);
            sent.written(body, 0, body.length);
            assertThat(taken(watch)).containsExactly("BDAT 11 LAST", "[11 octets]");
        }
    }
}

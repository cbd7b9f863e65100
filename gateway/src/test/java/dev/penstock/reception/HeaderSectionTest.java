package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.testing.FakePolicy;

class HeaderSectionTest {
    private static final String MESSAGE = """
            Subject: first
            X-Tenant: acme
            X-Folded: one
             two
            \tthree
            To: b@example.org
            x-tenant : again

            Subject: no field
            X-Tenant: of the body
            """;

    private final FakePolicy policy = new FakePolicy();

    @Test
    void fieldsAreAddedReplacedAndRemovedInOnePass() {
        assertThat(
                edited(MESSAGE, edits(List.of(new HeaderField("X-Seen", "yes"), new HeaderField("Subject", "second")),
                        List.of("subject", "x-tenant", "x-folded"))))
                .isEqualTo("""
                        X-Seen: yes
                        Subject: second
                        To: b@example.org

                        Subject: no field
                        X-Tenant: of the body
                        """);
    }

    @Test
    void whatIsLeftOutOfEveryMessageGoesWithWhatIsLeftOutOfThisOne() {
        policy.removed = List.of("to");
        assertThat(edited("To: a\nCc: b\nBcc: c\n\n", edits(List.of(), List.of("bcc")))).isEqualTo("Cc: b\n\n");
        assertThat(edited("To: a\nCc: b\nBcc: c\n\n", HeaderEdits.of(policy, Decision.ACCEPT)))
                .isEqualTo("Cc: b\nBcc: c\n\n");
    }

    @Test
    void whatChangesNothingCostsNoCopy() {
        byte[] message = wire(MESSAGE);
        assertThat(HeaderSection.of(message).edited(HeaderEdits.of(policy, Decision.ACCEPT))).isSameAs(message);
        List<Integer> runs = new ArrayList<>();
        HeaderSection.of(message).edit(HeaderEdits.without(List.of("to")), message.length,
                (bytes, _, length) -> {
                    assertThat(bytes).isSameAs(message);
                    runs.add(length);
                });
        assertThat(runs).as("what is before the field, and all that is behind it").hasSize(2);
    }

    @Test
    void fieldsAreReadUnfoldedInTheirOrder() {
        assertThat(HeaderSection.of(wire(MESSAGE)).fields(List.of("x-tenant", "x-folded"))).containsExactly(
                new HeaderField("X-Tenant", "acme"), new HeaderField("X-Folded", "one two\tthree"),
                new HeaderField("x-tenant", "again"));
        assertThat(HeaderSection.of(wire(MESSAGE)).fields(List.of())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"no field at all\n\n", "Subjects: x\n\n", "Subject x: y\n\n", "Subject\n\n",
        " Subject: x\n\n",
        ": x\n\n", "\n\nSubject: x\n", "\n", ""})
    void whatIsNoSuchFieldStays(String message) {
        assertThat(edited(message, HeaderEdits.without(List.of("subject")))).isEqualTo(message);
        assertThat(HeaderSection.of(wire(message)).fields(List.of("subject"))).isEmpty();
    }

    @Test
    void aMessageWithoutAnEmptyLineIsAllHeader() {
        assertThat(edited("From: a\nSubject: b\n", HeaderEdits.without(List.of("subject")))).isEqualTo("From: a\n");
        assertThat(edited("Subject: cut off", HeaderEdits.without(List.of("subject")))).isEmpty();
    }

    @Test
    void whatWouldEndAnAddedFieldEarlyBecomesASpace() {
        assertThat(edited("\n", edits(List.of(new HeaderField("X-One", "1\r\n\r\nbody\r\n.\u0000"),
                new HeaderField("X (Two)", "Grüße")), List.of()))).isEqualTo("""
                        X-One: 1 body .\s
                        X??Two?: Grüße

                        """);
    }

    @Test
    void onlyTheSectionDecidesWhetherItHasEightBit() {
        assertThat(HeaderSection.of(wire("Subject: Grüße\n\n")).hasEightBit()).isTrue();
        assertThat(HeaderSection.of(wire("Subject: x\n\nGrüße\n")).hasEightBit()).isFalse();
    }

    @Test
    void aSectionOfManyShortFieldsWeighsMoreThanItsOctets() {
        byte[] message = wire("a:\n".repeat(1000));
        assertThat(HeaderSection.of(message).weight(List.of("a"))).isGreaterThan(100L * 1000);
        assertThat(HeaderSection.of(message).weight(List.of("b"))).isZero();
        assertThat(HeaderSection.of(message).weight(List.of())).isZero();
    }

    /** In random pieces: what decides is CRLFCRLF, and the line before the message counts as ended. */
    @Test
    void theEndIsFoundHoweverTheMessageIsCut() {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 2_000; run++) {
            byte[] message = new byte[random.nextInt(40)];
            for (int i = 0; i < message.length; i++) {
                message[i] = (byte) "\r\n\r\nab".charAt(random.nextInt(6));
            }
            int found = ("\r\n" + new String(message, UTF_8)).indexOf("\r\n\r\n");
            int expected = found < 0 ? -1 : found + 2;
            EndOfHeader end = new EndOfHeader();
            int at = 0;
            int actual = -1;
            while (at < message.length && actual < 0) {
                int to = at + 1 + random.nextInt(message.length - at);
                actual = end.find(message, at, to);
                at = to;
            }
            assertThat(actual).as("seed %d, %s", seed, Arrays.toString(message)).isEqualTo(expected);
        }
    }

    private HeaderEdits edits(List<HeaderField> added, List<String> removed) {
        return HeaderEdits.of(policy, new Decision.Accept(null, null, added, removed));
    }

    private static String edited(String message, HeaderEdits edits) {
        return new String(HeaderSection.of(wire(message)).edited(edits), UTF_8).replace("\r\n", "\n");
    }

    private static byte[] wire(String text) {
        return text.replace("\n", "\r\n").getBytes(UTF_8);
    }
}

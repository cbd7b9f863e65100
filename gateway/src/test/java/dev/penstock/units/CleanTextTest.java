package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What a terminal shows of what others have said. */
class CleanTextTest {
    /** CSI in one character (ECMA-48 8.3.16), DEL, and what turns the direction of writing. */
    private static final String COMMANDS = "a\u009b31mb\u007fc\u0085d\u202ee";

    @Test
    void aTerminalIsToldNothingByALine() {
        assertThat(CleanText.of("x\u001b[2J" + COMMANDS)).isEqualTo("x?[2Ja?31mb?c?d?e");
    }

    @Test
    void jsonSaysTheSameToWhoReadsItAndNothingToATerminal() {
        assertThat(CleanText.ofJson("{\"reply\":\n  \"" + COMMANDS + " é\"}"))
                .isEqualTo("{\"reply\":\n  \"a\\u009b31mb\\u007fc\\u0085d\\u202ee é\"}");
    }

    @Test
    void jsonWithoutSuchCharactersStaysAsItIs() {
        String json = "{\"reply\": \"250 ok\"}\n";
        assertThat(CleanText.ofJson(json)).isSameAs(json);
    }
}

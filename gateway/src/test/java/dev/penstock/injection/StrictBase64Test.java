package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.util.Base64;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.http.Problem;

/** Attachments are the octets that were meant, or the request is refused. */
class StrictBase64Test {
    private static byte[] everyOctet() {
        byte[] octets = new byte[256];
        for (int i = 0; i < octets.length; i++) {
            octets[i] = (byte) i;
        }
        return octets;
    }

    @Test
    void linesOfAnyLengthAndPaddingLeftOutAreUnderstood() {
        byte[] octets = everyOctet();
        String plain = Base64.getEncoder().encodeToString(octets);
        for (String written : new String[]{plain, plain.replace("=", ""),
            Base64.getMimeEncoder().encodeToString(octets),
            " " + plain.substring(0, 3) + "\t\n" + plain.substring(3) + "\r\n"}) {
            assertThat(StrictBase64.decode(written)).as(written).isEqualTo(octets);
        }
        assertThat(StrictBase64.decode("")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"AA-A", "AA_A", "data:x/y;base64,AAAA", "AA!A", "AAÄA", "A", "AA=A", "AA==AA==", "=",
        "====",
        "AAAA\u0000", "AAAA\u00a0"})
    void whatIsNoneIsRefused(String text) {
        assertThatThrownBy(() -> StrictBase64.decode(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-_-_", "data:application/pdf;base64,AAAA", "AA!?AA"})
    void aRequestWithAnAttachmentThatIsNoneIsRefusedNamingIt(String data) {
        String request = "{\"envelope_sender\": \"\", \"recipients\": [{\"email\": \"ann@a.example\"}], \"content\": {\"from\": "
                + "{\"email\": \"s@s.example\"}, \"text_body\": \"t\", \"attachments\": [{\"content_type\": \"a/b\", "
                + "\"base64\": true, \"data\": \"" + data + "\"}]}}";
        assertThatThrownBy(() -> RequestReader.read(new ByteArrayInputStream(request.getBytes(UTF_8)), 10,
                new RequestMemory(Long.MAX_VALUE).share()))
                .isInstanceOfSatisfying(Problem.class, problem -> {
                    assertThat(problem.answer().status()).isEqualTo(422);
                    assertThat(new String(problem.answer().body().octets(), UTF_8))
                            .contains("\"/content/attachments/0/data\"", "not in base64");
                });
    }
}

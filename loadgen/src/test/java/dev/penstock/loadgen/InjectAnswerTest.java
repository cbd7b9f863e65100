package dev.penstock.loadgen;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;

import org.junit.jupiter.api.Test;

class InjectAnswerTest {
    @Test
    void onlyWhatIsCalledAcceptedCountsAsAccepted() throws IOException {
        InjectAnswer answer = read("""
                {"recipients":[{"email":"a@a.test","status":"accepted"},
                 {"email":"b@a.test","status":"refused","code":550,"text":"no"},
                 {"email":"c@a.test","status":"refused"}]}""");
        assertThat(answer.recipients()).extracting(InjectAnswer.Recipient::code).satisfiesExactly(
                first -> assertThat(first).isZero(), second -> assertThat(second).isEqualTo(550),
                third -> assertThat(third).isNotZero());
    }

    @Test
    void anAnswerThatIsCutOffIsNone() {
        assertThatThrownBy(() -> read(200, 1000, "{}")).isInstanceOf(IOException.class)
                .hasMessage("the answer is cut off");
        assertThatThrownBy(() -> read("{\"recipients\":[{\"status\":")).isInstanceOf(IOException.class)
                .hasMessage("the answer isn't JSON");
    }

    private static InjectAnswer read(String body) throws IOException {
        return read(200, body.length(), body);
    }

    private static InjectAnswer read(int status, int length, String body) throws IOException {
        String head = "HTTP/1.1 " + status + " x\r\nContent-Length: " + length + "\r\n\r\n";
        return InjectAnswer.read(new ByteArrayInputStream((head + body).getBytes(US_ASCII)));
    }
}

package dev.penstock.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.ScramVerifier;

/** What a client says to log in, and what it takes for an answer. */
class SaslClientTest {
    private static final int ROOM = 400;
    private static final String CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
    private static final String NONCE = CLIENT_NONCE + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private static final String SERVER_FIRST = "r=" + NONCE + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    private static final String SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
    }

    private static @Nullable String text(byte @Nullable [] octets) {
        return octets == null ? null : new String(octets, UTF_8);
    }

    private static ScramClient scram() {
        return new ScramClient("user", "pencil", CLIENT_NONCE);
    }

    @ParameterizedTest
    @CsvSource({"LOGIN PLAIN SCRAM-SHA-256 CRAM-MD5, SCRAM-SHA-256", "LOGIN PLAIN, PLAIN", "LOGIN, LOGIN",
        "CRAM-MD5 XOAUTH2,"})
    void theStrongestMechanismOfferedIsTaken(String offered, @Nullable String taken) {
        SaslClient client = SaslClient.strongest(Set.of(offered.split(" ", -1)), "u", "p");
        assertThat(client == null ? null : client.mechanism()).isEqualTo(taken);
    }

    @Test
    void scramGoesAsInRfc7677() {
        ScramClient client = scram();
        assertThat(text(client.initial(ROOM))).isEqualTo("n,,n=user,r=" + CLIENT_NONCE);
        assertThat(client.isComplete()).isFalse();
        assertThat(text(client.respond(base64(SERVER_FIRST)))).isEqualTo("c=biws,r=" + NONCE
                + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assertThat(client.isComplete()).as("235 now proves nothing").isFalse();
        assertThat(client.respond(base64(SERVER_FINAL))).isEmpty();
        assertThat(client.isComplete()).isTrue();
    }

    @Test
    void aServerThatDoesNotKnowThePasswordIsLeft() {
        ScramClient client = scram();
        client.initial(ROOM);
        client.respond(base64(SERVER_FIRST));
        assertThat(client.respond(base64(SERVER_FINAL.replace("6rri", "7rri")))).isNull();
        assertThat(client.problem()).contains("isn't who it should be");
        assertThat(client.isComplete()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1000001", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=99999999999",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z", "", "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096", "x"})
    void aFirstMessageThatIsNoScramIsCancelled(String message) {
        ScramClient client = scram();
        client.initial(ROOM);
        assertThat(client.respond(base64(message))).isNull();
        assertThat(client.problem()).isNotEmpty().doesNotContain("pencil");
    }

    @Test
    void whatIsNoBase64IsCancelled() {
        assertThat(scram().respond("?")).isNull();
    }

    @Test
    void ourServerTakesNamesWithCommasByScram() {
        String password = "p\u00e4ss,=word";
        ScramVerifier verifier = Hashing.scramSha256(password, ScramVerifier.MIN_ITERATIONS);
        Identity identity = new Identity("a,b=c", "acme", List.of());
        ScramExchange server = new ScramExchange(false, false, _ -> null, name -> new ScramExchange.Account(verifier,
                name.equals("a,b=c") ? identity : null));
        ScramClient client = new ScramClient("a,b=c", password);
        byte[] message = Objects.requireNonNull(client.initial(ROOM));
        for (int i = 0; i < 2; i++) {
            Exchange.Step step = server.respond(message).join();
            assertThat(step).isInstanceOf(Exchange.Step.Challenge.class);
            message = Objects.requireNonNull(client.respond(((Exchange.Step.Challenge) step).base64()));
        }
        assertThat(client.isComplete()).isTrue();
        assertThat(server.respond(message).join()).isEqualTo(new Exchange.Step.Success(identity));
    }

    @Test
    void plainThatHasNoRoomInTheCommandComesToTheFirstChallenge() {
        PlainClient client = new PlainClient("user", "pencil");
        assertThat(client.initial(5)).isNull();
        assertThat(client.isComplete()).isFalse();
        assertThat(text(client.respond(""))).isEqualTo("\0user\0pencil");
        assertThat(client.isComplete()).isTrue();
        assertThat(client.respond("")).isNull();
    }

    @Test
    void loginSaysTheNameThenThePasswordWhateverIsAsked() {
        LoginClient client = new LoginClient("user", "pencil");
        assertThat(client.initial(ROOM)).isNull();
        assertThat(text(client.respond(base64("Username:")))).isEqualTo("user");
        assertThat(client.isComplete()).isFalse();
        assertThat(text(client.respond(base64("Password:")))).isEqualTo("pencil");
        assertThat(client.isComplete()).isTrue();
        assertThat(client.respond(base64("Token:"))).isNull();
    }
}

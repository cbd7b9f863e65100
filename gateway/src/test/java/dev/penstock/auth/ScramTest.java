package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;

import com.ongres.scram.client.ScramClient;
import com.ongres.scram.common.exception.ScramException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.auth.Exchange.Reason;
import dev.penstock.auth.Exchange.Step;
import dev.penstock.config.ScramVerifier;
import dev.penstock.tls.TlsSession;

/** SCRAM-SHA-256 and SCRAM-SHA-256-PLUS against ongres scram-client, which PostgreSQL's driver uses. */
class ScramTest {
    private static final Identity USER = new Identity("user", "acme", List.of("example.com"));
    private static final byte[] EXPORTER = {1, 2, 3};
    private static final byte[] END_POINT = {4, 5, 6, 7};

    private static SaslAuthenticator authenticator;
    private static SaslAuthenticator withoutBinding;

    @BeforeAll
    static void open(@TempDir Path directory) throws IOException {
        var config = Users.file(directory.resolve("users.toml"), Users.user("user", "pencil"),
                Users.user("a=b,c", "p,=\u00e4 "),
                Users.disabled(Users.user("mallory", "gone")));
        authenticator = new SaslAuthenticator(config, ScramTest::binding, new PasswordChecker());
        withoutBinding = new SaslAuthenticator(config, (_, _) -> null, new PasswordChecker());
    }

    @AfterAll
    static void close() {
        authenticator.close();
        withoutBinding.close();
    }

    private static byte @Nullable [] binding(String type, TlsSession tls) {
        return switch (type) {
            case "tls-exporter" -> EXPORTER;
            case "tls-server-end-point" -> END_POINT;
            default -> null;
        };
    }

    /** RFC 7677 3. */
    @Test
    void theExampleOfTheRfc() {
        ScramVerifier verifier = Hashing.scramSha256("pencil", Base64.getDecoder().decode("W22ZaJ0SNY7soEsUEjb6gQ=="),
                4096);
        ScramExchange exchange = new ScramExchange(false, false, _ -> null,
                _ -> new ScramExchange.Account(verifier, USER), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        assertThat(text(say(exchange, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))).isEqualTo(
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        assertThat(text(say(exchange, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")))
                .isEqualTo("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assertThat(say(exchange, "")).isEqualTo(new Step.Success(USER));
    }

    @Test
    void aClientProvesItselfAndTheServerToo() throws ScramException {
        assertThat(login(withoutBinding, null, "SCRAM-SHA-256", "user", "pencil", null))
                .isEqualTo(new Step.Success(USER));
        assertThat(login(authenticator, Users.TLS, "SCRAM-SHA-256", "a=b,c", "p,=\u00e4 ", null))
                .isInstanceOf(Step.Success.class);
    }

    @ParameterizedTest
    @CsvSource({"user,pencils", "user,Pencil", "nobody,pencil", "mallory,gone", "User,pencil"})
    void aWrongNameOrPasswordIsRefusedAtTheEnd(String name, String password) throws ScramException {
        assertThat(login(authenticator, null, "SCRAM-SHA-256", name, password, null))
                .isEqualTo(new Step.Failure(Reason.CREDENTIALS, "wrong name or password"));
    }

    @ParameterizedTest
    @CsvSource({"tls-exporter", "tls-server-end-point"})
    void plusIsBoundToTheConnection(String type) throws ScramException {
        byte[] right = Objects.requireNonNull(binding(type, Users.TLS));
        assertThat(authenticator.mechanisms(Users.TLS)).startsWith("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256");
        assertThat(login(authenticator, Users.TLS, "SCRAM-SHA-256-PLUS", "user", "pencil",
                new Binding(type, HexFormat.of().formatHex(right))))
                .isEqualTo(new Step.Success(USER));
        assertThat(login(authenticator, Users.TLS, "SCRAM-SHA-256-PLUS", "user", "pencil",
                new Binding(type, "09")))
                .isEqualTo(new Step.Failure(Reason.CREDENTIALS,
                        "the channel binding doesn't fit this connection"));
    }

    @Test
    void plusIsOfferedOnlyWhereTlsGivesABinding() {
        assertThat(authenticator.mechanisms(null)).containsExactly("SCRAM-SHA-256");
        assertThat(withoutBinding.mechanisms(Users.TLS)).doesNotContain("SCRAM-SHA-256-PLUS");
        assertThat(withoutBinding.start("SCRAM-SHA-256-PLUS", Users.TLS)).isNull();
    }

    @Test
    void aClientThatWasToldThereIsNoBindingIsRefusedWhereThereIsOne() {
        assertThat(first(authenticator, "SCRAM-SHA-256", "y,,n=user,r=abc")).isEqualTo(new Step.Failure(
                Reason.CREDENTIALS, "the client was made to believe there is no channel binding"));
        assertThat(first(withoutBinding, "SCRAM-SHA-256", "y,,n=user,r=abc")).isInstanceOf(Step.Challenge.class);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "SCRAM-SHA-256 | p=tls-exporter,,n=user,r=abc", "SCRAM-SHA-256-PLUS | n,,n=user,r=abc",
        "SCRAM-SHA-256 | x,,n=user,r=abc", "SCRAM-SHA-256 | n", "SCRAM-SHA-256 | n,", "SCRAM-SHA-256 | n,,",
        "SCRAM-SHA-256 | n,,n=user", "SCRAM-SHA-256 | n,,r=abc,n=user", "SCRAM-SHA-256 | n,,n=,r=abc",
        "SCRAM-SHA-256 | n,,n=user,r=", "SCRAM-SHA-256 | n,,n=us=er,r=abc", "SCRAM-SHA-256 | n,,n=us=2cer,r=abc",
        "SCRAM-SHA-256 | n,,m=x,n=user,r=abc", "SCRAM-SHA-256 | n,b=user,n=user,r=abc",
        "SCRAM-SHA-256 | n,,n=user,r=a c"})
    void malformedFirstMessagesAreTold(String mechanism, String message) {
        assertThat(first(authenticator, mechanism, message)).isInstanceOfSatisfying(Step.Failure.class,
                failure -> assertThat(failure.reason()).isEqualTo(Reason.MALFORMED));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"SCRAM-SHA-256 | n,a=other,n=user,r=abc",
        "SCRAM-SHA-256-PLUS | p=tls-unique,,n=user,r=abc"})
    void otherIdentitiesAndUnknownBindingsAreRefused(String mechanism, String message) {
        assertThat(first(authenticator, mechanism, message)).isInstanceOfSatisfying(Step.Failure.class,
                failure -> assertThat(failure.reason()).isEqualTo(Reason.CREDENTIALS));
    }

    @Test
    void anUnknownNameHasTheSameSaltEachTimeAndAsManyIterations() {
        String salt = saltAndIterations("nobody");
        assertThat(saltAndIterations("nobody")).isEqualTo(salt).endsWith(",i=4096");
        assertThat(saltAndIterations("somebody")).isNotEqualTo(salt).hasSameSizeAs(salt);
        assertThat(saltAndIterations("user")).hasSameSizeAs(salt);
    }

    private static String saltAndIterations(String name) {
        String message = text(first(authenticator, "SCRAM-SHA-256", "n,,n=" + name + ",r=abc"));
        return message.substring(message.indexOf(",s="));
    }

    /** Whatever one octet of the final message is changed to, nobody is logged in. */
    @Test
    void noChangedFinalMessageLogsIn() throws ScramException {
        Random random = new Random(7677);
        for (int round = 0; round < 2_000; round++) {
            Exchange exchange = start(authenticator, null, "SCRAM-SHA-256");
            ScramClient client = client("SCRAM-SHA-256", "user", "pencil", null);
            client.serverFirstMessage(text(say(exchange, client.clientFirstMessage().toString())));
            byte[] message = client.clientFinalMessage().toString().getBytes(StandardCharsets.UTF_8);
            message[random.nextInt(message.length)] ^= (byte) (1 + random.nextInt(255));
            assertThat(SaslAuthenticatorTest.step(exchange.respond(message))).isInstanceOf(Step.Failure.class);
            assertThat(say(exchange, "")).isInstanceOf(Step.Failure.class);
        }
    }

    @Test
    void aMessageOfAnotherExchangeIsNotTaken() throws ScramException {
        ScramClient client = client("SCRAM-SHA-256", "user", "pencil", null);
        Exchange first = start(authenticator, null, "SCRAM-SHA-256");
        Exchange second = start(authenticator, null, "SCRAM-SHA-256");
        String clientFirst = client.clientFirstMessage().toString();
        client.serverFirstMessage(text(say(first, clientFirst)));
        assertThat(say(second, clientFirst)).isInstanceOf(Step.Challenge.class);
        assertThat(say(second, client.clientFinalMessage().toString()))
                .isEqualTo(new Step.Failure(Reason.CREDENTIALS, "the nonce is another one"));
    }

    private record Binding(String type, String hex) {
        byte[] data() {
            return HexFormat.of().parseHex(hex);
        }
    }

    private static Step login(SaslAuthenticator server, @Nullable TlsSession tls, String mechanism, String name,
            String password, @Nullable Binding binding) throws ScramException {
        Exchange exchange = start(server, tls, mechanism);
        assertThat(SaslAuthenticatorTest.step(exchange.respond(null))).isEqualTo(new Step.Challenge(""));
        ScramClient client = client(mechanism, name, password, binding);
        client.serverFirstMessage(text(say(exchange, client.clientFirstMessage().toString())));
        Step step = say(exchange, client.clientFinalMessage().toString());
        if (step instanceof Step.Challenge) {
            client.serverFinalMessage(text(step));
            return say(exchange, "");
        }
        return step;
    }

    private static ScramClient client(String mechanism, String name, String password, @Nullable Binding binding) {
        var builder = ScramClient.builder().advertisedMechanisms(List.of(mechanism)).username(name)
                .password(password.toCharArray());
        if (binding != null) {
            builder.channelBinding(binding.type(), binding.data());
        }
        return builder.build();
    }

    private static Step first(SaslAuthenticator server, String mechanism, String message) {
        return say(start(server, Users.TLS, mechanism), message);
    }

    private static Exchange start(SaslAuthenticator server, @Nullable TlsSession tls, String mechanism) {
        return Objects.requireNonNull(server.start(mechanism, tls), mechanism);
    }

    private static Step say(Exchange exchange, String message) {
        return SaslAuthenticatorTest.step(exchange.respond(message.getBytes(StandardCharsets.UTF_8)));
    }

    private static String text(Step step) {
        return new String(Base64.getDecoder().decode(((Step.Challenge) step).base64()), StandardCharsets.UTF_8);
    }
}

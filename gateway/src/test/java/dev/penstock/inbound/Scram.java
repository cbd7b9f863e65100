package dev.penstock.inbound;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.ExtendedSSLSession;

import com.ongres.scram.client.ScramClient;
import com.ongres.scram.common.exception.ScramException;
import org.jspecify.annotations.Nullable;

import dev.penstock.testing.TestUsers;

/** A client's side of SCRAM, up to the reply that ends it. Stateless. */
final class Scram {
    private static final int EXPORTER_LENGTH = 32; // RFC 9266 2

    private Scram() {}

    /** @param binding null to use none */
    static void login(SmtpFixture.Client client, String mechanism, byte @Nullable [] binding) throws Exception {
        var builder = ScramClient.builder().advertisedMechanisms(List.of(mechanism)).username(TestUsers.NAME)
                .password(TestUsers.PASSWORD.toCharArray());
        ScramClient scram = binding == null
                ? builder.build()
                : builder.channelBinding("tls-exporter", binding).build();
        client.send("AUTH " + mechanism + " " + TestUsers.base64(scram.clientFirstMessage().toString()) + "\r\n");
        scram.serverFirstMessage(challenge(client));
        client.send(TestUsers.base64(scram.clientFinalMessage().toString()) + "\r\n");
        String last = client.readLine();
        if (!last.startsWith("334 ")) {
            throw new ScramException(last);
        }
        scram.serverFinalMessage(decode(last));
        client.send("\r\n");
    }

    static byte[] exporter(SmtpFixture.Client client) throws Exception {
        return ((ExtendedSSLSession) client.tls()).exportKeyingMaterialData("EXPORTER-Channel-Binding", new byte[0],
                EXPORTER_LENGTH);
    }

    private static String challenge(SmtpFixture.Client client) throws Exception {
        String line = client.readLine();
        if (!line.startsWith("334 ")) {
            throw new ScramException(line);
        }
        return decode(line);
    }

    private static String decode(String line) {
        return new String(Base64.getDecoder().decode(line.substring(4)), StandardCharsets.UTF_8);
    }
}

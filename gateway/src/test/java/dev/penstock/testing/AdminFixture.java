package dev.penstock.testing;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import dev.penstock.Penstock;
import dev.penstock.admin.AdminApi;
import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminJson;
import dev.penstock.admin.Role;
import dev.penstock.admin.TokenRoutes;
import dev.penstock.admin.Tokens;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.Places;
import dev.penstock.revision.Reloads;

/** A whole gateway that is looked after: over its Unix socket, and over TCP by tokens. */
public final class AdminFixture implements AutoCloseable {
    public final Path configuration;
    public final Path shaping;
    public final Penstock penstock;
    public final AdminClient socket;
    private final HttpClient http = HttpClient.newHttpClient();

    public AdminFixture(Path directory, String more) throws IOException {
        shaping = Files.writeString(directory.resolve("shaping.toml"), "[\"default\"]\nconnection_limit = 3\n");
        configuration = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                shaping-file = "%2$s"
                [[listener]]
                addresses = ["127.0.0.1:0"]
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [http]
                port = 0
                [dns]
                servers = ["127.0.0.1:9"]
                [admin]
                loopback-role = "none"
                %3$s
                """.formatted(directory, shaping, more));
        Reloads.Found found = Reloads.Found.of(configuration);
        Places places = new Places();
        ConfigReader.Valid valid = switch (ConfigReader.read(configuration, places)) {
            case ConfigReader.Valid read -> read;
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
        penstock = Penstock.start(valid.config());
        penstock.configuredBy(
                new Reloads(configuration, found, valid.config(), places, penstock::reload, penstock.refusals()));
        socket = AdminClient.over(directory.resolve("spool").resolve("admin.sock"));
    }

    /** The API's document, as the gateway gives it. */
    public JsonNode document() throws Exception {
        return socket.get("/openapi.json");
    }

    /** A new one, of this role. */
    public String token(Role role) throws Exception {
        return socket.post("/tokens", new TokenRoutes.NewToken("of-" + role, role, null, List.of(), "a test"),
                Tokens.Made.class).token();
    }

    /**
     * Over TCP.
     *
     * @param token null for none
     * @param body  null for none
     */
    public HttpResponse<InputStream> request(String method, String path, @Nullable String token, @Nullable String body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                + penstock.httpAddress().getPort() + AdminApi.ROOT + path)).timeout(Patience.LONG);
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        if (body != null) {
            request.header("Content-Type", "application/json");
        }
        return http.send(request.method(method, body == null
                ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofInputStream());
    }

    public static JsonNode json(HttpResponse<InputStream> response) throws IOException {
        try (InputStream in = response.body()) {
            return AdminJson.MAPPER.readTree(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    @Override
    public void close() {
        socket.close();
        http.close();
        penstock.close();
    }
}

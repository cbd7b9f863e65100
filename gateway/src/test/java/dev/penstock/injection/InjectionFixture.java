package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import org.apache.james.mime4j.dom.Message;
import org.apache.james.mime4j.message.DefaultMessageBuilder;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.dkim.Signing;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.policy.Policy;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.reception.Acceptance;
import dev.penstock.reception.Reception;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.Spool;
import dev.penstock.testing.FakeSpool;
import dev.penstock.testing.NoUsers;
import dev.penstock.testing.Patience;
import dev.penstock.tls.ServerTls;
import dev.penstock.units.ByteSize;

/**
 * A server on a port of its own over a {@link FakeSpool}, or the spool of a test's own, and a client. Every answer is held against the document that
 * the server serves about itself.
 */
final class InjectionFixture implements AutoCloseable {
    static final Instant NOW = Instant.parse("2026-11-23T10:20:30Z");
    static final String BASIC = "Basic " + Base64.getEncoder().encodeToString("ann:secret".getBytes(UTF_8));
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final JsonNode DOCUMENT = document();

    final FakeSpool spool = new FakeSpool();
    final List<Envelope> accepted = new CopyOnWriteArrayList<>();
    volatile boolean queueHasRoom = true;
    /** Of every tenant, before there is a message. */
    volatile dev.penstock.smtp.@Nullable Reply beyondQuota;
    /** So many messages are taken, the others are beyond a quota. */
    final AtomicInteger places = new AtomicInteger(Integer.MAX_VALUE);
    final List<MessageEvent> events = new CopyOnWriteArrayList<>();
    final InjectionServer server;
    private final HttpClient client;
    private final @Nullable Secured tls;

    /** ann, whose password is secret, and nobody else. */
    static class OneUser extends NoUsers {
        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            return CompletableFuture.completedFuture(switch (name + ":" + new String(password, UTF_8)) {
                case "ann:secret" -> new Exchange.Step.Success(new Identity("ann", "shop", List.of()));
                case "bob:slow" -> new Exchange.Step.Failure(Exchange.Reason.TEMPORARY, "no answer");
                default -> new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "wrong");
            });
        }
    }

    InjectionFixture(Path directory) throws IOException {
        this(directory, config -> config, new InjectionPolicy());
    }

    InjectionFixture(Path directory, UnaryOperator<InjectionConfig> change, Policy policy) throws IOException {
        this(directory, change, policy, new OneUser(), null, null);
    }

    /** @param own instead of {@link #spool}; closed by its owner */
    InjectionFixture(Path directory, Spool own) throws IOException {
        this(directory, config -> config, new InjectionPolicy(), new OneUser(), null, own);
    }

    InjectionFixture(Path directory, Authenticator authenticator) throws IOException {
        this(directory, config -> config, new InjectionPolicy(), authenticator, null, null);
    }

    /** Over TLS. */
    InjectionFixture(Path directory, Authenticator authenticator, Policy policy, @Nullable ServerTls tls,
            SSLContext clientTls)
            throws IOException {
        this(directory, config -> config, policy, authenticator, tls == null ? null : new Secured(tls, clientTls),
                null);
    }

    private record Secured(ServerTls server, SSLContext client) {}

    /** Whose messages are signed. */
    InjectionFixture(Path directory, Policy policy, Signing signing) throws IOException {
        this(directory, config -> config, policy, new OneUser(), null, null, signing);
    }

    private InjectionFixture(Path directory, UnaryOperator<InjectionConfig> change, Policy policy,
            Authenticator authenticator, @Nullable Secured tls, @Nullable Spool own) throws IOException {
        this(directory, change, policy, authenticator, tls, own, Signing.off());
    }

    private InjectionFixture(Path directory, UnaryOperator<InjectionConfig> change, Policy policy,
            Authenticator authenticator, @Nullable Secured tls, @Nullable Spool own, Signing signing)
            throws IOException {
        InjectionConfig config = change.apply(config(directory));
        this.tls = tls;
        this.client = client(tls);
        Spool used = own == null ? spool : own;
        OldJournal journal = OldJournal.open(config);
        journal.takeOver(used, NOW.toEpochMilli());
        server = new InjectionServer("gateway.example", config, InboundConfig.DEFAULT, journal, used,
                new Reception(used, new Queue(), events::add, InstantSource.fixed(NOW), signing), authenticator, policy,
                events::add, InstantSource.fixed(NOW), tls == null ? null : tls.server());
    }

    /** Remembers the messages whose destinations it takes. */
    private final class Queue implements Acceptance {
        @Override
        public void accepted(QueuedDestination destination) {
            List<Destination> all = destination.envelope().destinations();
            assertThat(destination.domain()).isEqualTo(all.get(destination.entry().destination()).domain());
            if (destination.entry().destination() == all.size() - 1) {
                accepted.add(destination.envelope());
            }
        }

        @Override
        public boolean hasRoom() {
            return queueHasRoom;
        }

        @Override
        public dev.penstock.smtp.@Nullable Reply refusal(String tenant) {
            return beyondQuota;
        }

        @Override
        public TenantAccounts.Answer take(Envelope envelope, long size) {
            return places.getAndDecrement() > 0
                    ? new TenantAccounts.Taken(envelope.tenant(), envelope.destinations().size(), 1, -1)
                    : new TenantAccounts.Refused(dev.penstock.smtp.Reply.of(452, "4.3.1", "Error: tenant \""
                            + envelope.tenant() + "\" has as many messages queued as its queue-limit 2 allows"));
        }

        @Override
        public void giveBack(TenantAccounts.Taken taken) {
            places.incrementAndGet();
        }
    }

    private static HttpClient client(@Nullable Secured tls) {
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        return tls == null ? builder.build() : builder.sslContext(tls.client()).build();
    }

    /** Of a client that has no connection yet. */
    Reply sendAnew(HttpRequest request) throws IOException, InterruptedException {
        try (HttpClient fresh = client(tls)) {
            return checked(request, fresh.send(request, HttpResponse.BodyHandlers.ofByteArray()));
        }
    }

    static InjectionConfig config(Path directory) {
        InjectionConfig d = InjectionConfig.DEFAULT;
        return d.with(InjectionConfig.ADDRESS, "127.0.0.1").with(InjectionConfig.PORT, 0)
                .with(InjectionConfig.MAX_BODY, ByteSize.ofMegabytes(1)).with(InjectionConfig.MAX_RECIPIENTS, 1000)
                .with(InjectionConfig.MEMORY_LIMIT, ByteSize.ofMegabytes(16))
                .with(InjectionConfig.DEADLINE, Patience.LONG).with(InjectionConfig.REQUIRE_AUTH, true)
                .with(InjectionConfig.RELAY_NETWORKS, List.of())
                .with(InjectionConfig.DIRECTORY, directory.resolve("keys"));
    }

    static InjectionConfig limited(InjectionConfig c, int maxConcurrent, Duration deadline) {
        return c.with(InjectionConfig.MAX_CONCURRENT, maxConcurrent).with(InjectionConfig.DEADLINE, deadline);
    }

    static InjectionConfig withTwoConnections(InjectionConfig c) {
        return c.with(InjectionConfig.MAX_CONNECTIONS, 2);
    }

    static InjectionConfig withThreeConnectionsFromAnAddress(InjectionConfig c) {
        return c.with(InjectionConfig.MAX_CONNECTIONS_PER_ADDRESS, 3);
    }

    static InjectionConfig rememberingTwo(InjectionConfig c) {
        return c.with(InjectionConfig.MAX_KEYS, 2);
    }

    static InjectionConfig relaying(InjectionConfig c, String network) {
        return c.with(InjectionConfig.RELAY_NETWORKS, List.of(network));
    }

    /** An answer. */
    record Reply(int status, java.net.http.HttpHeaders headers, JsonNode body) {
        String text(String pointer) {
            return body.at(pointer).asString();
        }

        String header(String name) {
            return headers.firstValue(name).orElse("");
        }

        /** Pointer and detail of each thing that is wrong. */
        List<String> wrongs() {
            return body.get("errors").valueStream()
                    .map(wrong -> wrong.get("pointer").asString() + ": " + wrong.get("detail").asString()).toList();
        }
    }

    URI uri(String path) {
        return URI
                .create((tls == null ? "http://127.0.0.1:" : "https://localhost:") + server.address().getPort() + path);
    }

    HttpRequest.Builder request() {
        return HttpRequest.newBuilder(uri("/api/inject/v1")).timeout(Patience.LONG.multipliedBy(2))
                .header("Content-Type", "application/json").header("Authorization", BASIC);
    }

    Reply post(String body) throws IOException, InterruptedException {
        return send(request().POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    Reply post(String body, String key) throws IOException, InterruptedException {
        return send(request().header("Idempotency-Key", key).POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    CompletableFuture<Reply> postLater(String body) {
        return sendLater(request().POST(HttpRequest.BodyPublishers.ofString(body)).build());
    }

    CompletableFuture<Reply> postLater(String body, String key) {
        return sendLater(request().header("Idempotency-Key", key).POST(HttpRequest.BodyPublishers.ofString(body))
                .build());
    }

    private CompletableFuture<Reply> sendLater(HttpRequest request) {
        return client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
                .thenApply(response -> checked(request, response));
    }

    Reply send(HttpRequest request) throws IOException, InterruptedException {
        return checked(request, client.send(request, HttpResponse.BodyHandlers.ofByteArray()));
    }

    static byte[] gzip(InputStream in) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            in.transferTo(gzip);
        }
        return out.toByteArray();
    }

    static byte[] gzip(String text) throws IOException {
        return gzip(new ByteArrayInputStream(text.getBytes(UTF_8)));
    }

    /** Path, method, status, media type and body must be in the document. */
    private static Reply checked(HttpRequest request, HttpResponse<byte[]> response) {
        JsonNode body = response.body().length == 0 ? JSON.nullNode() : JSON.readTree(response.body());
        JsonNode path = DOCUMENT.get("paths").get(request.uri().getPath());
        if (path != null) {
            JsonNode operation = path.get(request.method().toLowerCase(java.util.Locale.ROOT));
            JsonNode responses = (operation == null ? path.iterator().next() : operation).get("responses");
            JsonNode known = responses.get(String.valueOf(response.statusCode()));
            assertThat(known).as("%s %s answered with %d", request.method(), request.uri(), response.statusCode())
                    .isNotNull();
            String type = response.headers().firstValue("Content-Type").orElse("");
            JsonNode content = known.get("content").get(type);
            assertThat(content).as("%d in %s", response.statusCode(), type).isNotNull();
            assertValid(content.get("schema"), body);
            JsonNode headers = known.get("headers");
            if (headers != null && !headers.has("Idempotency-Replayed")) {
                headers.propertyNames().forEach(
                        name -> assertThat(response.headers().firstValue(name)).as(name).isPresent());
            }
        }
        return new Reply(response.statusCode(), response.headers(), body);
    }

    static void assertValid(JsonNode schema, JsonNode value) {
        ObjectNode whole = JSON.createObjectNode();
        whole.put("$schema", "https://json-schema.org/draft/2020-12/schema");
        whole.set("components", DOCUMENT.get("components"));
        whole.set("allOf", JSON.createArrayNode().add(schema));
        Schema compiled = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(whole);
        assertThat(compiled.validate(value)).as(value.toString()).isEmpty();
    }

    static JsonNode schema(String name) {
        return DOCUMENT.get("components").get("schemas").get(name);
    }

    static JsonNode parse(String json) {
        return JSON.readTree(json);
    }

    private static JsonNode document() {
        try (InputStream in = InjectionServer.class.getResourceAsStream("openapi.json")) {
            return JSON.readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A kept message without its trace line, as a MIME parser reads it. */
    Message mime(int index) throws IOException {
        return new DefaultMessageBuilder()
                .parseMessage(new ByteArrayInputStream(
                        spool.content(index).getBytes(java.nio.charset.StandardCharsets.ISO_8859_1)));
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}

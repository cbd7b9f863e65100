package dev.penstock;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.Role;
import dev.penstock.queue.Selection;
import dev.penstock.testing.AdminFixture;

/** What a whole gateway remembers of who changed something. */
@Timeout(180)
class AdminAuditTest {
    private static final String REVOKE = "/tokens/nothing-of-this-name?reason=a%20test";

    @TempDir
    Path directory;
    private AdminFixture gateway;

    @BeforeEach
    void start() throws IOException {
        gateway = new AdminFixture(directory, "");
    }

    @AfterEach
    void stop() {
        gateway.close();
    }

    @Test
    void whoChangesSomethingIsRememberedWithWhatAndWhy() throws Exception {
        String token = gateway.token(Role.CONFIGURE);
        HttpResponse<InputStream> response = gateway.request("DELETE", REVOKE, token, null);
        assertThat(AdminFixture.json(response).path("status").asInt()).isEqualTo(404);
        JsonNode entry = gateway.socket.get("/audit?limit=1").path("entries").path(0);
        assertThat(entry.path("id").asString()).isEqualTo(response.headers().firstValue("Request-Id").orElseThrow());
        assertThat(entry.path("request").path("who").asString()).isEqualTo("of-CONFIGURE");
        assertThat(entry.path("request").path("via").asString()).isEqualTo("token");
        assertThat(entry.path("request").path("from").asString()).startsWith("127.0.0.1:");
        assertThat(entry.path("request").path("verb").asString()).isEqualTo("DELETE /tokens/{id}");
        assertThat(entry.path("request").path("path").asString()).isEqualTo(REVOKE);
        assertThat(entry.path("request").path("reason").asString()).isEqualTo("a test");
        assertThat(entry.path("result").path("status").asInt()).isEqualTo(404);
    }

    @Test
    void whoOnlyLooksOrMayNotIsNot() throws Exception {
        String token = gateway.token(Role.READ);
        gateway.request("DELETE", REVOKE, token, null).body().close();
        gateway.request("GET", "/config", token, null).body().close();
        assertThat(gateway.socket.get("/audit").path("entries")).hasSize(1)
                .allMatch(entry -> entry.path("request").path("verb").asString().equals("POST /tokens"));
    }

    @Test
    void whatWasDoneToHowManyIsRememberedWhenItBeginsAndWhenItIsOver() throws Exception {
        String token = gateway.token(Role.OPERATE);
        send("a@x.example");
        await().until(() -> gateway.penstock.jobs().count(Selection.EVERYTHING).destinations() == 1);
        String order = "{\"verb\":\"bounce\",\"selection\":{\"domain\":[\"x.example\"]},\"code\":554,\"reason\":\""
                + "r".repeat(600) + "\"";
        assertThat(gateway.request("POST", "/jobs", token, order + ",\"dry_run\":true}").statusCode()).isEqualTo(200);
        JsonNode counted = gateway.socket.get("/audit?limit=1").path("entries").path(0);
        assertThat(counted.path("result").path("count").asLong()).isEqualTo(1);
        JsonNode job = AdminFixture.json(gateway.request("POST", "/jobs", token, order + "}")).path("job");
        await().until(() -> !gateway.socket.get("/audit?verb=job-over").path("entries").isEmpty());
        JsonNode begun = gateway.socket.get("/audit?verb=POST%20/jobs&limit=1").path("entries").path(0);
        assertThat(begun.path("request").path("what").path("verb").asString()).isEqualTo("bounce");
        assertThat(begun.path("request").path("what").path("code").asInt()).isEqualTo(554);
        assertThat(begun.path("request").path("selection").path("domain").path(0).asString()).isEqualTo("x.example");
        assertThat(begun.path("request").path("reason").asString()).isEqualTo("r".repeat(500) + "…");
        assertThat(begun.path("result").path("answer").asString()).isEqualTo(job.path("id").asString());
        JsonNode over = gateway.socket.get("/audit?verb=job-over").path("entries").path(0);
        assertThat(over.path("request").path("who").asString()).isEqualTo("of-OPERATE");
        assertThat(over.path("request").path("path").asString()).isEqualTo("/jobs/" + job.path("id").asString());
        assertThat(over.path("request").path("what").path("verb").asString()).isEqualTo("bounce");
        assertThat(over.path("request").path("what").path("state").asString()).isEqualTo("done");
        assertThat(over.path("request").path("what").path("counted").asLong()).isEqualTo(1);
        assertThat(over.path("result").path("status").asInt()).isEqualTo(200);
        assertThat(over.path("result").path("count").asLong()).isEqualTo(1);
    }

    @Test
    void filesThatAreRefusedAreAProblemAndRememberedAsOne() throws Exception {
        Files.writeString(gateway.shaping, "nonsense");
        HttpResponse<InputStream> response = gateway.request("POST", "/config/reload", gateway.token(Role.CONFIGURE),
                "{\"reason\":\"a test\"}");
        assertThat(response.statusCode()).isEqualTo(422);
        assertThat(AdminFixture.json(response).path("errors").path(0).path("detail").asString())
                .startsWith(gateway.shaping + ":1:");
        assertThat(gateway.socket.get("/audit?failed=true").path("entries")).hasSize(1);
    }

    @Test
    void aFileThatCantBeReplacedIsSaidAndNothingIsChanged() throws Exception {
        String body = "{\"content\":\"[\\\"default\\\"]\\nconnection_limit = 5\\n\",\"reason\":\"a test\"}";
        Files.delete(gateway.shaping);
        Files.createSymbolicLink(gateway.shaping, Path.of("/proc/version")); // where nobody can write
        HttpResponse<InputStream> response = gateway.request("POST", "/config/shaping/apply",
                gateway.token(Role.CONFIGURE), body);
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(AdminFixture.json(response).path("detail").asString())
                .startsWith("the gateway can't read or replace the file (").contains("/proc/version")
                .contains("so nothing was changed").endsWith("penstock config reload");
    }

    /** A text of a file is in the file's history. */
    @Test
    void textsOfFilesAreNotRemembered() throws Exception {
        gateway.socket.post("/config/shaping/apply", Map.of("content", Files.readString(gateway.shaping),
                "dry_run", true, "reason", "a test"));
        JsonNode request = gateway.socket.get("/audit?limit=1").path("entries").path(0).path("request");
        assertThat(request.path("what").toString()).isEqualTo("{\"dry_run\":true}");
    }

    private void send(String recipient) throws IOException {
        InetSocketAddress smtp = gateway.penstock.smtpAddresses().getFirst();
        try (Socket socket = new Socket(smtp.getAddress(), smtp.getPort());
                BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1))) {
            in.readLine();
            for (String line : List.of("HELO client.test", "MAIL FROM:<>", "RCPT TO:<" + recipient + ">", "DATA",
                    "Subject: hello\r\n\r\nhello\r\n.")) {
                socket.getOutputStream().write((line + "\r\n").getBytes(ISO_8859_1));
                assertThat(in.readLine()).as(line).matches("[23].*");
            }
        }
    }

    /** Where the log's directory was, something else is. */
    @Test
    void whatCantBeRecordedIsntDone() throws Exception {
        String token = gateway.token(Role.CONFIGURE);
        Path log = directory.resolve("log");
        Path aside = directory.resolve("aside");
        Files.move(log, aside, StandardCopyOption.ATOMIC_MOVE);
        Files.writeString(log, "");
        HttpResponse<InputStream> response = gateway.request("POST", "/tokens", token,
                "{\"name\":\"unseen\",\"role\":\"READ\",\"reason\":\"a test\"}");
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(AdminFixture.json(response).path("detail").asString())
                .startsWith("the audit log can't be written (").endsWith("), so nothing was done");
        assertThat(gateway.socket.get("/tokens").toString()).doesNotContain("unseen");
        Files.delete(log);
        Files.move(aside, log, StandardCopyOption.ATOMIC_MOVE);
        assertThat(gateway.request("POST", "/tokens", token,
                "{\"name\":\"seen\",\"role\":\"READ\",\"reason\":\"a test\"}").statusCode()).isEqualTo(200);
        try (Stream<Path> files = Files.list(log)) {
            assertThat(files.filter(file -> file.getFileName().toString().startsWith("audit-"))).isNotEmpty();
        }
    }
}

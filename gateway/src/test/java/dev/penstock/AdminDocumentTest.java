package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import dev.penstock.admin.AdminJson;
import dev.penstock.admin.Role;
import dev.penstock.testing.AdminFixture;

/** The document of the administration API is one, is the one in the documentation, and says what is answered. */
@Timeout(180)
class AdminDocumentTest {
    private static final Path DOCUMENT = Path.of("docs", "openapi.json");
    private static final String WRITE = "penstock.write-documents";

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
    void theDocumentIsThatOfTheDocumentation() throws Exception {
        ObjectNode document = (ObjectNode) gateway.document();
        ((ObjectNode) document.path("info")).put("version", "1"); // the build's, which isn't the API's affair
        String written = AdminJson.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(document) + "\n";
        if (System.getProperty(WRITE) != null) {
            Files.writeString(DOCUMENT, written);
        }
        assertThat(Files.readString(DOCUMENT))
                .as("after a route has changed, run ./mvnw -pl gateway test -Dtest=AdminDocumentTest -D%s", WRITE)
                .isEqualTo(written);
    }

    @Test
    void theDocumentIsOneOfOpenApi() throws Exception {
        try (InputStream in = getClass().getResourceAsStream("/openapi-3.1.json")) {
            Schema openApi = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                    .getSchema(AdminJson.MAPPER.readTree(in));
            assertThat(openApi.validate(gateway.document())).isEmpty();
            ObjectNode broken = (ObjectNode) gateway.document();
            broken.remove("info");
            assertThat(openApi.validate(broken)).as("the schema refuses what isn't one").isNotEmpty();
        }
    }

    @Test
    void whatIsAnsweredIsWhatTheDocumentSays() throws Exception {
        JsonNode document = gateway.document();
        String token = gateway.token(Role.CONFIGURE);
        List<String> wrong = new ArrayList<>();
        int answered = 0;
        for (Map.Entry<String, JsonNode> path : document.path("paths").properties()) {
            JsonNode get = path.getValue().path("get");
            JsonNode content = get.path("responses").path("200").path("content").path("application/json");
            if (get.isMissingNode() || content.isMissingNode()) {
                continue; // a stream, or a verb
            }
            HttpResponse<InputStream> response = gateway.request("GET",
                    path.getKey().replaceAll("\\{[^}]*}", "nothing-of-this-name"), token, null);
            JsonNode answer = AdminFixture.json(response);
            JsonNode schema = response.statusCode() == 200
                    ? content.path("schema")
                    : AdminJson.MAPPER.createObjectNode().put("$ref", "#/components/schemas/Problem");
            answered += response.statusCode() == 200 ? 1 : 0;
            schema(document, schema).validate(answer)
                    .forEach(error -> wrong.add("GET " + path.getKey() + ": " + error + " in " + answer));
            if (response.statusCode() >= 500) {
                wrong.add("GET " + path.getKey() + ": " + answer);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(answered).isGreaterThan(5);
    }

    /** With everything that may be referred to, and with no other property than is said. */
    private static Schema schema(JsonNode document, JsonNode schema) {
        ObjectNode whole = (ObjectNode) schema.deepCopy();
        ObjectNode components = (ObjectNode) document.path("components").deepCopy();
        for (Map.Entry<String, JsonNode> named : components.path("schemas").properties()) {
            ((ObjectNode) named.getValue()).put("additionalProperties", false);
        }
        whole.set("components", components);
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(whole);
    }
}

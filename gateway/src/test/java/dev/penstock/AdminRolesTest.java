package dev.penstock;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.Role;
import dev.penstock.testing.AdminFixture;

/**
 * Who may what, of every operation that a whole gateway has: they are taken from the document that it makes of its routes, so
 * that none can be left out here.
 */
@Timeout(180)
class AdminRolesTest {
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    /** Below these an operation was begun: it was done, or the request isn't right. */
    private static final List<Integer> LET_IN = List.of(200, 404, 409, 422, 503);

    @TempDir
    Path directory;
    private AdminFixture gateway;

    /**
     * One of the API's.
     *
     * @param method in upper case
     * @param path   with something in each parameter's place
     */
    private record Operation(String method, String path, Role needs, boolean takesBody) {}

    @BeforeEach
    void start() throws IOException {
        gateway = new AdminFixture(directory, "");
    }

    @AfterEach
    void stop() {
        gateway.close();
    }

    @Test
    void everyOperationIsForItsRoleAndThoseAboveItAlone() throws Exception {
        Map<Role, String> tokens = new EnumMap<>(Role.class);
        for (Role role : Role.values()) {
            tokens.put(role, gateway.token(role));
        }
        List<Operation> operations = operations();
        assertThat(operations).hasSizeGreaterThan(10).extracting(Operation::needs).contains(Role.READ, Role.CONFIGURE);
        List<String> wrong = new ArrayList<>();
        for (Operation operation : operations) {
            expect(wrong, operation, "nobody", null, UNAUTHORIZED);
            expect(wrong, operation, "a wrong token", "penstock_00000000_" + "A".repeat(43), UNAUTHORIZED);
            for (Role role : Role.values()) {
                if (role.includes(operation.needs)) {
                    int status = status(operation, tokens.get(role));
                    if (!LET_IN.contains(status)) {
                        wrong.add(role + " gets " + status + " for " + operation);
                    }
                } else {
                    expect(wrong, operation, role.name(), tokens.get(role), FORBIDDEN);
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    /** What changes something, or has files read that a text names, needs more than the right to look. */
    @Test
    void nothingIsChangedByWhoMayOnlyLook() throws Exception {
        assertThat(operations())
                .filteredOn(operation -> !operation.method.equals("GET") && operation.needs == Role.READ)
                .extracting(operation -> operation.method + " " + operation.path)
                .containsExactlyInAnyOrder("POST /console/tickets", "DELETE /console/session");
    }

    @Test
    void whoMayOnlyLookSendsLittle() throws Exception {
        HttpResponse<InputStream> response = gateway.request("POST", "/console/tickets", gateway.token(Role.READ),
                "{" + " ".repeat(1024 * 1024) + "}");
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(AdminFixture.json(response).path("detail").asString())
                .isEqualTo("a body has at most 1048576 octets here");
    }

    private void expect(List<String> wrong, Operation operation, String who, @Nullable String token, int expected)
            throws Exception {
        int status = status(operation, token);
        if (status != expected) {
            wrong.add(who + " gets " + status + " for " + operation);
        }
    }

    /** A stream goes on: its first line is enough. */
    private int status(Operation operation, @Nullable String token) throws Exception {
        HttpResponse<InputStream> response = gateway.request(operation.method, operation.path, token,
                operation.takesBody ? "{}" : null);
        response.body().close();
        return response.statusCode();
    }

    private List<Operation> operations() throws Exception {
        List<Operation> operations = new ArrayList<>();
        for (Map.Entry<String, JsonNode> path : gateway.document().path("paths").properties()) {
            for (Map.Entry<String, JsonNode> operation : path.getValue().properties()) {
                operations.add(new Operation(operation.getKey().toUpperCase(Locale.ROOT),
                        path.getKey().replaceAll("\\{[^}]*}", "nothing-of-this-name"),
                        Role.valueOf(operation.getValue().path("x-role").asString().toUpperCase(Locale.ROOT)),
                        operation.getValue().has("requestBody")));
            }
        }
        return operations;
    }
}

package dev.penstock.admin;

import java.util.List;

import dev.penstock.metrics.BuildInfo;

/** {@code GET /version}, {@code GET /me}. Stateless. */
public final class BuildRoutes {
    /** What runs. */
    public record Version(String version, String java, String hostname, int node) {}

    /** @param via how that is known: {@code socket}, {@code loopback}, {@code token}, {@code certificate}, {@code console} */
    public record Me(String name, Role role, String via) {}

    private BuildRoutes() {}

    public static List<AdminRoute> of(String hostname, int node) {
        return List.of(AdminRoute.get("/version", Role.READ, "What runs here.")
                .answers(Version.class,
                        _ -> new Version(BuildInfo.version(), Runtime.version().toString(), hostname, node)),
                AdminRoute.get("/me", Role.READ, "Who you are here, and what you may.")
                        .answers(Me.class, request -> new Me(request.operator().name(), request.operator().role(),
                                request.operator().via())));
    }
}

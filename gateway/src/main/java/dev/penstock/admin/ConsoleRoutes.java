package dev.penstock.admin;

import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.QueryStringDecoder;
import org.reactivestreams.Publisher;

import dev.penstock.http.Answer;
import dev.penstock.http.HttpExchange;
import dev.penstock.http.HttpRoute;
import dev.penstock.http.Problem;

/**
 * How a browser is let in: a ticket by the API, then {@code GET /console/login}, which sets the cookie; and how it leaves.
 * Stateless.
 */
public final class ConsoleRoutes {
    private static final String LOGIN = "/console/login";
    private static final int SEE_OTHER = 303; // RFC 9110 15.4.4
    /** What it says is our own words, without anything of the request's. */
    private static final String PAGE = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Penstock</title>
            <link rel="icon" href="/console/icon.svg" type="image/svg+xml">
            <link rel="stylesheet" href="/console/console.css">
            </head>
            <body>
            <main>
            <h1>You can't be let in so</h1>
            <p>%s</p>
            <p><a href="/console/">The console</a> shows what you may see without.</p>
            </main>
            </body>
            </html>
            """;

    private ConsoleRoutes() {}

    /** Nothing has to be said. */
    public record NewTicket() {}

    /**
     * Where a browser is sent, once.
     *
     * @param base    where the gateway listens
     * @param path    with the ticket
     * @param seconds for so long
     */
    public record Ticket(String base, String path, long seconds) {}

    /** Whose session has ended. */
    public record SignedOut(String name) {}

    /** @param base where a browser reaches the gateway: {@code http://127.0.0.1:8025} */
    public static List<AdminRoute> of(ConsoleSessions sessions, Supplier<String> base) {
        return List.of(
                AdminRoute.post("/console/tickets", Role.READ,
                        "A ticket that lets one browser in, once, with the rights of who asks for it.")
                        .takes(NewTicket.class)
                        .answers(Ticket.class, request -> ticket(sessions, base.get(), request.operator())),
                AdminRoute.delete("/console/session", Role.READ, "Ends the console's session that asks.")
                        .answers(SignedOut.class, request -> signOut(sessions, request.operator())));
    }

    private static Answer signOut(ConsoleSessions sessions, Operator operator) {
        if (!operator.via().equals(ConsoleSessions.VIA)) {
            throw Problem.of(Problem.Kind.CONFLICT,
                    "you come by " + operator.via() + ", which isn't a console's session that could end");
        }
        sessions.end(operator.credential());
        return Answer.json(AdminJson.write(new SignedOut(operator.name())))
                .with(HttpHeaderNames.SET_COOKIE.toString(), cookie("", Duration.ZERO));
    }

    private static String cookie(String session, Duration life) {
        return ConsoleSessions.COOKIE + "=" + session + "; Path=/; HttpOnly; SameSite=Strict; Max-Age="
                + life.toSeconds();
    }

    private static Ticket ticket(ConsoleSessions sessions, String base, Operator operator) {
        if (operator.via().equals(ConsoleSessions.VIA)) { // it would go on for ever
            throw Problem.of(Problem.Kind.FORBIDDEN, "a console's session can't let another browser in");
        }
        if (!leadsSafely(URI.create(base))) {
            throw Problem.of(Problem.Kind.CONFLICT, base + " is in clear, and not of this machine alone: a browser's "
                    + "session would be seen on the way; give [admin] a listener with TLS");
        }
        return new Ticket(base, LOGIN + "?ticket=" + sessions.ticket(operator),
                ConsoleSessions.TICKET_TIME.toSeconds());
    }

    private static boolean leadsSafely(URI base) {
        return ConsoleSessions.mayTravel(base.getScheme().equals("https"), InetAddress.ofLiteral(base.getHost()));
    }

    /** Not of the API: who follows it has nothing to show but the ticket. */
    public static HttpRoute login(ConsoleSessions sessions) {
        return new HttpRoute(HttpMethod.GET, LOGIN, exchange -> login(sessions, exchange));
    }

    private static Publisher<Void> login(ConsoleSessions sessions, HttpExchange exchange) {
        if (!exchange.isOverUnixSocket()
                && !ConsoleSessions.mayTravel(exchange.tls() != null, exchange.client().getAddress())) {
            return exchange.refuse(refusal(exchange,
                    Problem.of(Problem.Kind.FORBIDDEN, "a session is begun over TLS, or on this machine")));
        }
        List<String> tickets = new QueryStringDecoder(exchange.query(), false).parameters()
                .getOrDefault("ticket", List.of());
        Optional<String> session = tickets.stream().findFirst().map(sessions::begin);
        if (session.isEmpty()) {
            return exchange.refuse(refusal(exchange, Problem.of(Problem.Kind.UNAUTHORIZED,
                    "this address was used, or is older than " + ConsoleSessions.TICKET_TIME.toMinutes()
                            + " minutes: penstock console prints another")));
        }
        String cookie = cookie(session.get(), ConsoleSessions.LIFE) + (exchange.tls() == null ? "" : "; Secure");
        return exchange.refuse(new Answer(SEE_OTHER, "text/plain; charset=utf-8",
                Map.of(HttpHeaderNames.SET_COOKIE.toString(), cookie, HttpHeaderNames.LOCATION.toString(),
                        ConsoleFiles.ROOT,
                        "Referrer-Policy", "no-referrer"),
                new Answer.Body(new byte[0])));
    }

    /** For a person a page, for a program a problem. */
    private static Answer refusal(HttpExchange exchange, Problem problem) {
        if (!exchange.field(HttpHeaderNames.ACCEPT).contains("text/html")) {
            return problem.answer();
        }
        String why = String.valueOf(problem.getMessage());
        return ConsoleFiles.page(problem.kind().status(),
                PAGE.replace("%s", Character.toUpperCase(why.charAt(0)) + why.substring(1) + "."));
    }
}

package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminClient;

/** Shows SMTP dialogues as they happen. Confined to the main thread, but for what it prints, which the client's thread does. */
@Command(name = "trace", description = "Show the SMTP dialogues of a running gateway as they happen, both directions, without contents and secrets.", mixinStandardHelpOptions = true)
final class TraceCommand implements Callable<Integer> {
    private static final double NANOS_OF_A_SECOND = 1e9;
    private static final String CLIENT = "\u001b[36m"; // ECMA-48 8.3.117: cyan
    private static final String REFUSAL = "\u001b[31m"; // red
    private static final String NOTE = "\u001b[2m"; // faint
    private static final String PLAIN = "\u001b[0m";

    private final PrintStream out;
    private final PrintStream err;
    private final boolean terminal;

    @Mixin
    private GatewayOptions gateway = new GatewayOptions();

    @Option(names = "--direction", paramLabel = "in|out", description = "Clients' sessions, or the gateway's own with hosts. Left out: both.")
    private @Nullable String direction;

    @Option(names = "--session", paramLabel = "ID", description = "One session; may be repeated.")
    private List<String> sessions = new ArrayList<>();

    @Option(names = "--address", paramLabel = "NETWORK", description = "Of the client or the host: an address, or a network like 192.0.2.0/24; may be repeated.")
    private List<String> addresses = new ArrayList<>();

    @Option(names = "--domain", paramLabel = "DOMAIN", description = "Of the sender or of a recipient.")
    private @Nullable String domain;

    @Option(names = "--tenant", paramLabel = "NAME", description = "Whose message is in hand.")
    private @Nullable String tenant;

    @Option(names = "--listener", paramLabel = "NAME", description = "That the client has come to.")
    private @Nullable String listener;

    @Option(names = "--source", paramLabel = "NAME", description = "That is sent from.")
    private @Nullable String source;

    @Option(names = "--site", paramLabel = "NAME", description = "That is sent to, as the delivery log has it.")
    private @Nullable String site;

    @Option(names = "--provider", paramLabel = "NAME", description = "Whose hosts these are.")
    private @Nullable String provider;

    @Option(names = "--headers", description = "The header sections of messages too; never a body.")
    private boolean headers;

    @Option(names = "--for", paramLabel = "TIME", description = "For how long, like 60s. Left out: 10m; at most 1h.")
    private @Nullable String time;

    @Option(names = "--json", description = "Each event as the API has it, one a line.")
    private boolean json;

    /** @param terminal whether {@code out} is one, and has colours */
    TraceCommand(PrintStream out, PrintStream err, boolean terminal) {
        this.out = out;
        this.err = err;
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        return gateway.ask(err, client -> {
            client.events("/trace" + query(), event -> {
                if (json) {
                    out.println(Text.json(event.data()));
                } else {
                    print(event.name(), event.data());
                }
                out.flush();
                return !event.name().equals("end") && !out.checkError(); // whoever read the output has gone
            });
            return ExitCode.OK;
        });
    }

    private String query() {
        List<String[]> query = new ArrayList<>();
        SessionCommand.add(query, "direction", direction);
        sessions.forEach(id -> SessionCommand.add(query, "session", id));
        addresses.forEach(address -> SessionCommand.add(query, "address", address));
        SessionCommand.add(query, "domain", domain);
        SessionCommand.add(query, "tenant", tenant);
        SessionCommand.add(query, "listener", listener);
        SessionCommand.add(query, "source", source);
        SessionCommand.add(query, "site", site);
        SessionCommand.add(query, "provider", provider);
        SessionCommand.add(query, "headers", headers ? "true" : null);
        SessionCommand.add(query, "for", time);
        return AdminClient.query(query);
    }

    private void print(String event, JsonNode data) {
        switch (event) {
            case "begin" -> err.println("penstock: watching for " + data.path("seconds").asLong() + " s; ^C ends it");
            case "left-out" -> out.println("… " + Text.count(data.path("left_out").asInt(), "line") + " left out");
            case "line" -> out.println(line(data));
            default -> {
                // the end, or what a later gateway says
            }
        }
    }

    /** {@code 1a2b3c in   0.001234 C: EHLO client.example}. */
    private String line(JsonNode data) {
        String text = Text.clean(data.path("text").asString(""));
        String speaker = data.path("speaker").asString("");
        String said = switch (speaker) {
            case "client" -> "C: ";
            case "server" -> "S: ";
            default -> "-- ";
        } + text;
        return String.format(Locale.ROOT, "%s %-3s %10.6f %s", data.path("session").asString(""),
                data.path("direction").asString(""), data.path("nanos").asLong() / NANOS_OF_A_SECOND,
                terminal ? coloured(speaker, text, said) : said);
    }

    private static String coloured(String speaker, String text, String said) {
        String colour = switch (speaker) {
            case "client" -> CLIENT;
            case "server" -> text.startsWith("4") || text.startsWith("5") ? REFUSAL : "";
            default -> NOTE;
        };
        return colour.isEmpty() ? said : colour + said + PLAIN;
    }
}

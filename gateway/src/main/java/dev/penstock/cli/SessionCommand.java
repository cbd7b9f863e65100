package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.SessionRoutes.SessionInfo;
import dev.penstock.admin.SessionRoutes.SessionList;

/** The SMTP sessions of a running gateway. Confined to the main thread. */
@Command(name = "session", description = "List the SMTP sessions of a running gateway, and end one.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class SessionCommand {
    private final PrintStream out;
    private final PrintStream err;

    SessionCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Command(description = "List the sessions that are open, of clients with the gateway and of its own with hosts, the oldest first.", mixinStandardHelpOptions = true)
    int list(@Mixin GatewayOptions gateway,
            @Option(names = "--direction", paramLabel = "in|out", description = "Clients' sessions, or the gateway's own with hosts. Left out: both.") @Nullable String direction,
            @Option(names = "--id", paramLabel = "SESSION", description = "This one.") @Nullable String id,
            @Option(names = "--address", paramLabel = "NETWORK", description = "Of the client or the host: an address, or a network like 192.0.2.0/24.") @Nullable String address,
            @Option(names = "--listener", paramLabel = "NAME", description = "That the client has come to.") @Nullable String listener,
            @Option(names = "--login", paramLabel = "NAME", description = "Who the client has proved to be.") @Nullable String login,
            @Option(names = "--source", paramLabel = "NAME", description = "That is sent from.") @Nullable String source,
            @Option(names = "--site", paramLabel = "NAME", description = "That is sent to, as the delivery log has it.") @Nullable String site,
            @Option(names = "--provider", paramLabel = "NAME", description = "Whose hosts these are.") @Nullable String provider,
            @Option(names = "--state", paramLabel = "STATE", description = "What it does, like data, commit, idle or waiting.") @Nullable String state,
            @Option(names = "--limit", paramLabel = "N", description = "How many at most, 1000 unless told otherwise.") @Nullable Integer limit,
            @Option(names = "--json", description = "As the API has it.") boolean json) {
        List<String[]> query = new ArrayList<>();
        add(query, "direction", direction);
        add(query, "id", id);
        add(query, "address", address);
        add(query, "listener", listener);
        add(query, "login", login);
        add(query, "source", source);
        add(query, "site", site);
        add(query, "provider", provider);
        add(query, "state", state);
        add(query, "limit", limit == null ? null : limit.toString());
        String path = "/sessions" + AdminClient.query(query);
        return gateway.ask(err, client -> {
            if (json) {
                out.println(Text.json(client.get(path)));
                return ExitCode.OK;
            }
            SessionList list = client.get(path, SessionList.class);
            if (!list.sessions().isEmpty()) {
                out.println(row("SESSION", "DIR", "PEER", "STATE", "FOR", "MESSAGES", "PER S", "WHAT"));
            }
            list.sessions().forEach(session -> out.println(row(session)));
            out.println(Text.count(list.matching(), "session") + (list.matching() > list.sessions().size()
                    ? ", of which " + list.sessions().size() + " are shown"
                    : ""));
            return ExitCode.OK;
        });
    }

    @Command(description = "End a session: a client's with 421, the gateway's own as if the connection were lost. What is being made durable for a client has its answer first.", mixinStandardHelpOptions = true)
    int abort(@Mixin GatewayOptions gateway,
            @Parameters(paramLabel = "SESSION", description = "Its id, as list, trace and the delivery log show it.") String id,
            @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for the logs.") String reason) {
        return gateway.ask(err, client -> {
            client.delete("/sessions/" + AdminClient.segment(id)
                    + AdminClient.query(List.<String[]>of(new String[]{"reason", reason})), null);
            out.println("session " + id + " is ended");
            return ExitCode.OK;
        });
    }

    static void add(List<String[]> query, String name, @Nullable String value) {
        if (value != null) {
            query.add(new String[]{name, value});
        }
    }

    private static String row(SessionInfo session) {
        String host = session.host();
        String peer = session.peer();
        List<String> what = new ArrayList<>();
        say(what, "", session.waitingFor());
        say(what, "message ", session.message());
        say(what, "login ", session.login());
        say(what, "listener ", session.listener());
        say(what, "from ", session.source());
        say(what, "to ", session.site());
        say(what, "", session.provider());
        say(what, "", session.tls());
        return row(session.id(), session.direction(),
                host == null ? peer == null ? "-" : peer : host + (peer == null ? "" : "[" + peer + "]"),
                session.state() + (session.phase() == null ? "" : ": " + session.phase()), seconds(session),
                String.valueOf(session.messages()), String.format(Locale.ROOT, "%.1f", session.perSecond()),
                String.join(", ", what));
    }

    private static void say(List<String> what, String before, @Nullable String value) {
        if (value != null) {
            what.add(before + value);
        }
    }

    private static String seconds(SessionInfo session) {
        return String.format(Locale.ROOT, "%.1f s", session.stateSeconds());
    }

    private static String row(Object... cells) {
        return Text
                .clean(String.format(Locale.ROOT, "%-16s %-3s %-36s %-22s %-12s %8s %8s  %s", cells).stripTrailing());
    }
}

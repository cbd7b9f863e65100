package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.Audit;
import dev.penstock.admin.AuditLog;

/** Who has changed what. Confined to the main thread. */
@Command(name = "audit", description = "Say who has changed what about a running gateway, and why.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class AuditCommand {
    private final PrintStream out;
    private final PrintStream err;

    AuditCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Command(description = "List what was done, newest first.", mixinStandardHelpOptions = true)
    int list(@Mixin GatewayOptions gateway,
            @Option(names = "--who", paramLabel = "NAME", description = "By whom.") @Nullable String who,
            @Option(names = "--verb", paramLabel = "TEXT", description = "Only what has this in its method and path, like \"POST /jobs\".") @Nullable String verb,
            @Option(names = "--since", paramLabel = "TIME", description = "No older ones; like 2026-12-01T08:00:00Z.") @Nullable String since,
            @Option(names = "--until", paramLabel = "TIME", description = "No newer ones.") @Nullable String until,
            @Option(names = "--failed", description = "Only what wasn't done, or isn't known to have been.") boolean failed,
            @Option(names = "--before", paramLabel = "ID", description = "Only older ones than this, as the page before ended with.") @Nullable String before,
            @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = "How many at most (default ${DEFAULT-VALUE}).") int limit,
            @Option(names = "--json", description = "As the API has it.") boolean json) {
        List<String[]> query = new ArrayList<>();
        add(query, "who", who);
        add(query, "verb", verb);
        add(query, "since", since);
        add(query, "until", until);
        add(query, "before", before);
        add(query, "limit", String.valueOf(limit));
        if (failed) {
            add(query, "failed", "true");
        }
        String path = "/audit" + AdminClient.query(query);
        return gateway.ask(err, client -> {
            if (json) {
                out.println(Text.json(client.get(path)));
                return ExitCode.OK;
            }
            AuditLog.Page page = client.get(path, AuditLog.Page.class);
            page.entries().forEach(entry -> out.println(Text.clean(line(entry))));
            if (page.next() != null) {
                out.println("there are more: --before " + page.next());
            }
            return ExitCode.OK;
        });
    }

    private static void add(List<String[]> query, String name, @Nullable String value) {
        if (value != null) {
            query.add(new String[]{name, value});
        }
    }

    private static String line(Audit.Entry entry) {
        Audit.Request request = entry.request();
        Audit.Result result = entry.result();
        StringBuilder line = new StringBuilder(entry.at().toString()).append("  ").append(request.who()).append(" (")
                .append(request.via()).append(", ").append(request.from()).append(")  ").append(request.verb())
                .append("  ");
        if (result == null) {
            line.append("no result");
        } else {
            line.append(result.status());
            if (result.count() != null) {
                line.append(", ").append(result.count());
            }
            if (result.detail() != null) {
                line.append(", ").append(result.detail());
            }
        }
        if (request.selection() != null) {
            line.append("  ").append(request.selection());
        }
        return line.append(request.reason() == null ? "" : "  \"" + request.reason() + '"').toString();
    }
}

package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.Role;
import dev.penstock.admin.TokenRoutes;
import dev.penstock.admin.Tokens;

/** Who may look after a gateway. Confined to the main thread. */
@Command(name = "admin", description = "Say who may look after a running gateway.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class AdminCommand {
    private AdminCommand() {}

    static CommandLine of(PrintStream out, PrintStream err) {
        return new CommandLine(new AdminCommand()).addSubcommand(new TokenCommand(out, err));
    }

    /** Tokens. */
    @Command(name = "token", description = "Make, list and revoke the tokens by which a gateway is looked after over the network.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    static final class TokenCommand {
        private final PrintStream out;
        private final PrintStream err;

        TokenCommand(PrintStream out, PrintStream err) {
            this.out = out;
            this.err = err;
        }

        @Command(description = "Make a token. It is printed this once; the gateway keeps a hash of it.", mixinStandardHelpOptions = true)
        int create(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "NAME", description = "Who or what it is for, as the audit log will have it.") String name,
                @Option(names = "--role", required = true, paramLabel = "ROLE", description = "${COMPLETION-CANDIDATES}: see everything, change what becomes of mail, change the configuration.") Role role,
                @Option(names = "--expires", paramLabel = "TIME", description = "For how long it is taken, like 90d. Left out: for ever.") @Nullable String expires,
                @Option(names = "--network", paramLabel = "NETWORK", description = "From which network it is taken; may be repeated. Left out: from any.") @Nullable List<String> networks,
                @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for the audit log.") String reason) {
            return gateway.ask(err, client -> {
                Tokens.Made made = client.post("/tokens",
                        new TokenRoutes.NewToken(name, role, expires, networks, reason), Tokens.Made.class);
                out.println(made.token());
                err.println("penstock: this is the only time that it is shown; it is token " + made.view().id() + ", "
                        + line(made.view()));
                return ExitCode.OK;
            });
        }

        @Command(description = "List the tokens, without their secrets.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway,
                @Option(names = "--json", description = "As the API has it.") boolean json) {
            return gateway.ask(err, client -> {
                if (json) {
                    out.println(Text.json(client.get("/tokens")));
                    return ExitCode.OK;
                }
                List<Tokens.View> tokens = client.get("/tokens", TokenRoutes.TokenList.class).tokens();
                for (Tokens.View token : tokens) {
                    out.println(Text.clean(token.id() + "  " + token.name() + "  " + line(token)));
                }
                out.println(Text.count(tokens.size(), "token"));
                return ExitCode.OK;
            });
        }

        @Command(description = "Revoke a token: it isn't taken any more, from this moment on.", mixinStandardHelpOptions = true)
        int revoke(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "ID", description = "As list shows it.") String id,
                @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for the audit log.") String reason) {
            return gateway.ask(err, client -> {
                client.delete("/tokens/" + AdminClient.segment(id)
                        + AdminClient.query(List.<String[]>of(new String[]{"reason", reason})), null);
                out.println("revoked " + id);
                return ExitCode.OK;
            });
        }

        private static String line(Tokens.View token) {
            List<String> words = new ArrayList<>(List.of(token.role().name().toLowerCase(Locale.ROOT)));
            words.add(token.expires() == null ? "never expires" : "expires " + token.expires());
            words.add(token.networks().isEmpty() ? "from anywhere" : "from " + String.join(", ", token.networks()));
            words.add("made by " + token.createdBy() + " on " + token.created());
            return String.join(", ", words);
        }
    }
}

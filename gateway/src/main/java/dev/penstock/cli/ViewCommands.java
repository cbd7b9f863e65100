package dev.penstock.cli;

import java.io.PrintStream;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.QueueAnswer;
import dev.penstock.admin.StandingAnswer;
import dev.penstock.message.MessageId;

/**
 * The commands that show what a running gateway has queued, and why: {@code queue}, {@code message}, {@code why},
 * {@code provider}, {@code source}, {@code tenant}, {@code campaign}, {@code status}. Confined to the main thread.
 */
final class ViewCommands {
    private static final String JSON = "As the API has it.";
    private static final String SORT = "The column to put in order by, like oldest or deferral-share, queued unless said; with a - before it the other way round.";
    private static final String LIMIT = "How many at most (default ${DEFAULT-VALUE}).";

    private final PrintStream out;
    private final PrintStream err;
    private final InstantSource clock;

    private ViewCommands(PrintStream out, PrintStream err, InstantSource clock) {
        this.out = out;
        this.err = err;
        this.clock = clock;
    }

    static void addTo(CommandLine commands, PrintStream out, PrintStream err) {
        ViewCommands all = new ViewCommands(out, err, InstantSource.system());
        commands.addSubcommand(all.new Queue());
        commands.addSubcommand(all.new Message());
        commands.addSubcommand(all.new Why());
        commands.addSubcommand(all.new Provider());
        commands.addSubcommand(all.new Source());
        commands.addSubcommand(all.new Tenant());
        commands.addSubcommand(all.new Campaign());
        commands.addSubcommand(all.new Status());
    }

    private <T> int show(GatewayOptions gateway, boolean json, String path, Class<T> type,
            BiConsumer<ViewTexts, T> text) {
        return gateway.ask(err, client -> {
            if (json) {
                out.println(Text.json(client.get(path)));
            } else {
                text.accept(new ViewTexts(out, clock.instant()), client.get(path, type));
            }
            return ExitCode.OK;
        });
    }

    private static List<String[]> with(List<String[]> query, String name, @Nullable String value) {
        if (value != null) {
            query.add(new String[]{name, value});
        }
        return query;
    }

    private static String listed(String path, @Nullable String sort, int limit) {
        return path + AdminClient.query(
                with(with(new ArrayList<>(), "sort", sort), "limit", String.valueOf(limit)));
    }

    @Command(name = "queue", description = "Show what a running gateway has queued.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Queue {
        @Command(description = "List queued mail by domain, site, provider, source, pool, tenant or campaign.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway, @Mixin SelectionOptions selection,
                @Option(names = "--by", paramLabel = "WHAT", defaultValue = "domain", description = "domain, site, provider, source, pool, tenant or campaign (default ${DEFAULT-VALUE}).") String by,
                @Option(names = "--sort", paramLabel = "COLUMN", description = SORT) @Nullable String sort,
                @Option(names = "--ages", description = "How old it is instead, in the buckets of Postfix's qshape: younger than 5, 10, 20, … minutes.") boolean ages,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = LIMIT) int limit,
                @Option(names = "--offset", paramLabel = "N", defaultValue = "0", description = "Leave out so many at the beginning.") int offset,
                @Option(names = "--json", description = JSON) boolean json) {
            List<String[]> query = with(with(selection.query(), "by", by), "sort", sort);
            query = with(with(query, "limit", String.valueOf(limit)), "offset", String.valueOf(offset));
            return ViewCommands.this.show(gateway, json, "/queues" + AdminClient.query(query),
                    QueueAnswer.Queues.class, ages ? ViewTexts::ages : ViewTexts::queues);
        }

        @Command(description = "Show a domain's mail: what holds it, its ready queues with their limits, the last replies.", mixinStandardHelpOptions = true)
        int show(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "DOMAIN", description = "Recipients' domain.") String domain,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, "/queues/" + AdminClient.segment(domain),
                    QueueAnswer.WhyOf.class, ViewTexts::why);
        }
    }

    @Command(name = "message", description = "Show queued messages, and what became of past ones.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Message {
        @Command(description = "List queued messages, the oldest first.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway, @Mixin MessageOptions selection,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = LIMIT) int limit,
                @Option(names = "--cursor", paramLabel = "CURSOR", description = "Go on where the page before ended.") @Nullable String cursor,
                @Option(names = "--json", description = JSON) boolean json) {
            List<String[]> query = with(with(selection.query(), "cursor", cursor), "limit", String.valueOf(limit));
            return ViewCommands.this.show(gateway, json, "/messages" + AdminClient.query(query),
                    QueueAnswer.Messages.class, ViewTexts::messages);
        }

        @Command(description = "Show a queued message: why it waits, when it will go, what became of its recipients.", mixinStandardHelpOptions = true)
        int show(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "ID", description = "The message's id.") String id,
                @Option(names = "--json", description = JSON) boolean json) {
            return message(gateway, json, id);
        }

        @Command(description = "Find mail, queued and past: what of it is queued now, and what happened to it, the last first.", mixinStandardHelpOptions = true)
        int find(@Mixin GatewayOptions gateway, @Mixin HistoryOptions looked,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = "How many at most, of both (default ${DEFAULT-VALUE}).") int limit,
                @Option(names = "--cursor", paramLabel = "CURSOR", description = "Go on in the past where an earlier answer ended.") @Nullable String cursor,
                @Option(names = "--json", description = "What the API has of both: queued and history.") boolean json) {
            return gateway.ask(err,
                    client -> new FindCommand(out, err, clock).find(client, looked, limit, cursor, json));
        }

        @Command(description = "Tell all that happened to a message, in order: its reception, each attempt with session, host, source, TLS, reply and decision; and where it is queued now.", mixinStandardHelpOptions = true)
        int story(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "ID", description = "The message's id, as 250 and find give it.") String id,
                @Option(names = "--json", description = JSON) boolean json) {
            return gateway.ask(err, client -> new FindCommand(out, err, clock).story(client, id, json));
        }
    }

    private int message(GatewayOptions gateway, boolean json, String id) {
        return show(gateway, json, "/messages/" + AdminClient.segment(id), QueueAnswer.MessageDetail.class,
                ViewTexts::message);
    }

    @Command(name = "why", description = "Say why mail hasn't gone yet, and when it will: a message's, or what is selected.", mixinStandardHelpOptions = true)
    final class Why implements Callable<Integer> {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();
        @Mixin
        private SelectionOptions selection = new SelectionOptions();
        @Parameters(paramLabel = "ID|DOMAIN|ADDRESS", arity = "0..1", description = "A message's id, a domain, or a recipient's address.")
        private @Nullable String subject;
        @Option(names = "--json", description = JSON)
        private boolean json;

        @Override
        public Integer call() {
            String what = subject;
            if (what == null) {
                return show(gateway, json, "/why" + AdminClient.query(selection.query()), QueueAnswer.WhyOf.class,
                        ViewTexts::why);
            }
            if (MessageId.parse(what) != null) {
                return message(gateway, json, what);
            }
            int at = what.lastIndexOf('@');
            if (at < 0) {
                List<String[]> query = with(selection.query(), "domain", what);
                return show(gateway, json, "/why" + AdminClient.query(query), QueueAnswer.WhyOf.class,
                        ViewTexts::why);
            }
            List<String[]> query = with(with(selection.query(), "domain", what.substring(at + 1)), "recipient", what);
            return show(gateway, json, "/messages" + AdminClient.query(query), QueueAnswer.Messages.class,
                    ViewTexts::messages);
        }
    }

    @Command(name = "provider", description = "Show how mail to providers stands.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Provider {
        @Command(description = "List providers with mail or traffic.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway,
                @Option(names = "--sort", paramLabel = "COLUMN", description = SORT) @Nullable String sort,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = LIMIT) int limit,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, listed("/providers", sort, limit),
                    StandingAnswer.Providers.class, ViewTexts::providers);
        }

        @Command(description = "Show a provider: what adaptive control does there and why, what holds its mail, the last replies.", mixinStandardHelpOptions = true)
        int show(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "NAME", description = "The provider; - for nobody known.") String name,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, "/providers/" + AdminClient.segment(name),
                    StandingAnswer.Provider.class, ViewTexts::provider);
        }
    }

    @Command(name = "source", description = "Show how sources stand.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Source {
        @Command(description = "List sources, with their warm-up and why they aren't used.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway, @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, "/sources", StandingAnswer.Sources.class,
                    ViewTexts::sources);
        }

        @Command(description = "Show a source.", mixinStandardHelpOptions = true)
        int show(@Mixin GatewayOptions gateway,
                @Parameters(paramLabel = "NAME", description = "The source.") String name,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, "/sources/" + AdminClient.segment(name),
                    StandingAnswer.Source.class, ViewTexts::source);
        }
    }

    @Command(name = "tenant", description = "Show how tenants' mail stands.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Tenant {
        @Command(description = "List tenants with mail or traffic.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway,
                @Option(names = "--sort", paramLabel = "COLUMN", description = SORT) @Nullable String sort,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = LIMIT) int limit,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, listed("/tenants", sort, limit),
                    StandingAnswer.Tenants.class, (texts, tenants) -> texts.tenants("tenant", tenants));
        }
    }

    @Command(name = "campaign", description = "Show how campaigns' mail stands.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
    final class Campaign {
        @Command(description = "List campaigns with mail or traffic.", mixinStandardHelpOptions = true)
        int list(@Mixin GatewayOptions gateway,
                @Option(names = "--sort", paramLabel = "COLUMN", description = SORT) @Nullable String sort,
                @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = LIMIT) int limit,
                @Option(names = "--json", description = JSON) boolean json) {
            return ViewCommands.this.show(gateway, json, listed("/campaigns", sort, limit),
                    StandingAnswer.Tenants.class, (texts, tenants) -> texts.tenants("campaign", tenants));
        }
    }

    @Command(name = "status", description = "Say how a running gateway stands: mail in and out, connections, what is queued, alarms.", mixinStandardHelpOptions = true)
    final class Status implements Callable<Integer> {
        @Mixin
        private GatewayOptions gateway = new GatewayOptions();
        @Option(names = "--json", description = JSON)
        private boolean json;

        @Option(names = "--hour", description = "What came and went in each minute of the last hour instead.")
        private boolean hour;
        @Option(names = "--by", paramLabel = "WHAT", description = "With --hour and --name: of one domain, site, provider, source, pool, tenant or campaign.")
        private @Nullable String by;
        @Option(names = "--name", paramLabel = "NAME", description = "Of that; of a campaign TENANT/CAMPAIGN; - for none.")
        private @Nullable String name;

        @Override
        public Integer call() {
            if (hour || by != null || name != null) {
                String query = AdminClient.query(with(with(new ArrayList<>(), "by", by), "name", name));
                return show(gateway, json, "/traffic" + query, StandingAnswer.LastHour.class, ViewTexts::lastHour);
            }
            return show(gateway, json, "/status", StandingAnswer.Status.class, ViewTexts::status);
        }
    }
}

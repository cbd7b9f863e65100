package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.admin.HistoryAnswer.HistoryEvent;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.history.Cursor;
import dev.penstock.history.History;
import dev.penstock.history.HistoryException;
import dev.penstock.history.HistoryStats;
import dev.penstock.history.Hit;
import dev.penstock.history.Page;
import dev.penstock.history.Query;
import dev.penstock.history.Story;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.units.Durations;

/** Finds what became of messages in the index of the delivery log, and makes that anew. Confined to the main thread. */
@Command(name = "history", description = "Find what became of messages, days back: the index of the delivery log as of its last commit, ten seconds ago at most while a gateway runs.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class HistoryCommand {
    private static final String CONFIG = "The configuration, for where index and log lie.";
    private static final String JSON = "The delivery log's lines as they are.";
    private static final int PROGRESS_EVENTS = 1_000_000;

    private final PrintStream out;
    private final PrintStream err;

    HistoryCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Command(description = "Print events that fit all that is asked for, what was logged last first.", mixinStandardHelpOptions = true)
    int find(
            @Option(names = "--config", paramLabel = "FILE", required = true, description = CONFIG) Path file,
            @Option(names = "--recipient", paramLabel = "ADDRESS", description = "For this recipient, in any case.") @Nullable String recipient,
            @Option(names = "--domain", paramLabel = "DOMAIN", description = "For a recipient in it.") @Nullable String domain,
            @Option(names = "--sender", paramLabel = "ADDRESS", description = "From this sender, in any case.") @Nullable String sender,
            @Option(names = "--id", paramLabel = "ID", description = "Of this message.") @Nullable String id,
            @Option(names = "--message-id", paramLabel = "TEXT", description = "Receptions of messages with this Message-ID field.") @Nullable String messageId,
            @Option(names = "--tenant", paramLabel = "TENANT", description = "Only this tenant's.") @Nullable String tenant,
            @Option(names = "--campaign", paramLabel = "CAMPAIGN", description = "Only this campaign's.") @Nullable String campaign,
            @Option(names = "--type", paramLabel = "TYPE", split = ",", description = "What happened: Reception, Rejection, Delivery, TransientFailure, Bounce, Expiration, AdminBounce, Preflight; several with commas.") @Nullable List<String> types,
            @Option(names = "--since", paramLabel = "TIME", description = "A moment (2026-11-24T00:22:05Z), or how long ago (2h).") @Nullable String since,
            @Option(names = "--until", paramLabel = "TIME", description = "The first moment that is too late, or how long ago.") @Nullable String until,
            @Option(names = "--limit", paramLabel = "N", defaultValue = "50", description = "So many at most (default ${DEFAULT-VALUE}).") int limit,
            @Option(names = "--after", paramLabel = "CURSOR", description = "Go on where an earlier search ended, as that said.") @Nullable String after,
            @Option(names = "--json", description = JSON) boolean json) {
        Query query;
        Cursor cursor;
        try {
            query = new Query(recipient, domain, sender, id == null ? null : messageId(id), tenant, campaign,
                    messageId, since == null ? null : moment(since), until == null ? null : moment(until),
                    types == null ? Set.of() : types.stream().map(HistoryCommand::type).collect(Collectors.toSet()));
            cursor = after == null ? null : Cursor.parse(after);
            if (limit < 1 || limit > History.MAX_PAGE) {
                throw new IllegalArgumentException("--limit " + limit + " isn't from 1 to " + History.MAX_PAGE);
            }
        } catch (IllegalArgumentException e) {
            err.println("penstock history find: " + e.getMessage());
            return ExitCode.USAGE;
        }
        return search(file, history -> {
            Page<Hit> page = history.search(query, limit, cursor);
            page.items().forEach(
                    hit -> out.println(
                            json ? Text.json(hit.line()) : HistoryTexts.line(HistoryEvent.of(hit.event()), true)));
            if (page.gone() > 0) {
                err.println("penstock: " + Text.count(page.gone(), "block")
                        + " of lines that may fit can't be read: their files of the delivery log are gone");
            }
            Cursor next = page.next();
            if (next != null) {
                err.println("penstock: "
                        + (page.searched() ? "there is more" : "there may be more, much was read that doesn't fit")
                        + ": --after " + next);
            }
            return ExitCode.OK;
        });
    }

    @Command(description = "Print all that happened to a message, in order.", mixinStandardHelpOptions = true)
    int story(
            @Option(names = "--config", paramLabel = "FILE", required = true, description = CONFIG) Path file,
            @Parameters(paramLabel = "ID", description = "The message's id, as 250 and find give it.") String id,
            @Option(names = "--json", description = JSON) boolean json) {
        MessageId message;
        try {
            message = messageId(id);
        } catch (IllegalArgumentException e) {
            err.println("penstock history story: " + e.getMessage());
            return ExitCode.USAGE;
        }
        return search(file, history -> {
            Story story = history.story(message);
            story.events().forEach(
                    hit -> out.println(
                            json ? Text.json(hit.line()) : HistoryTexts.line(HistoryEvent.of(hit.event()), false)));
            if (story.events().isEmpty()) {
                err.println("penstock: nothing is known of " + message);
                return ExitCode.NO_INPUT;
            }
            if (!story.whole() || story.gone() > 0) {
                err.println("penstock: there is more, which isn't shown");
            }
            return ExitCode.OK;
        });
    }

    @Command(description = "Make the index anew from the delivery log. No gateway may use it.", mixinStandardHelpOptions = true)
    int rebuild(@Option(names = "--config", paramLabel = "FILE", required = true, description = CONFIG) Path file) {
        GatewayConfig config = config(file);
        if (config == null) {
            return ExitCode.CONFIG;
        }
        long[] told = {0};
        try {
            HistoryStats done = History.rebuild(config.history(), config.events().directory(), InstantSource.system(),
                    events -> {
                        if (events / PROGRESS_EVENTS > told[0]) {
                            told[0] = events / PROGRESS_EVENTS;
                            err.println("penstock: " + events + " events so far");
                        }
                    });
            out.println(done.events() + " events, " + done.octets() + " octets of index"
                    + (done.skipped() == 0 ? "" : ", " + done.skipped() + " lines that are no events")
                    + (done.failures() == 0 ? "" : ", " + done.failures() + " failures"));
            return done.failures() == 0 ? ExitCode.OK : ExitCode.TEMPORARY;
        } catch (IOException e) {
            err.println("penstock history rebuild: " + e.getMessage());
            return ExitCode.CANT_CREATE;
        } finally {
            out.flush();
        }
    }

    private int search(Path file, ToIntFunction<History> look) {
        GatewayConfig config = config(file);
        if (config == null) {
            return ExitCode.CONFIG;
        }
        try (History history = History.read(config.history(), config.events().directory())) {
            return look.applyAsInt(history);
        } catch (IOException e) {
            err.println("penstock: there is no index to be read at " + config.history().directory() + " ("
                    + e.getMessage() + "): history.enabled makes one, and so does penstock history rebuild");
            return ExitCode.NO_INPUT;
        } catch (HistoryException e) {
            err.println("penstock: " + e.getMessage());
            return ExitCode.TEMPORARY;
        } finally {
            out.flush();
        }
    }

    private @Nullable GatewayConfig config(Path file) {
        return switch (ConfigReader.read(file)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                yield null;
            }
            case Valid(GatewayConfig read, _) -> read;
        };
    }

    private static MessageId messageId(String text) {
        MessageId id = MessageId.parse(text);
        if (id == null) {
            throw new IllegalArgumentException(
                    text + " isn't a message id: expected " + MessageId.TEXT_LENGTH + " letters and digits");
        }
        return id;
    }

    private static MessageEvent.Type type(String label) {
        for (MessageEvent.Type type : MessageEvent.Type.values()) {
            if (type.label().equalsIgnoreCase(label)) {
                return type;
            }
        }
        throw new IllegalArgumentException(label + " isn't a type of event");
    }

    private static Instant moment(String text) {
        try {
            return Instant.parse(text);
        } catch (DateTimeParseException _) {
            try {
                return Instant.now().minus(Durations.parse(text));
            } catch (IllegalArgumentException _) {
                throw new IllegalArgumentException(
                        text + " is no time; expected one like 2026-11-24T00:22:05Z, or how long ago, like 2h");
            }
        }
    }
}

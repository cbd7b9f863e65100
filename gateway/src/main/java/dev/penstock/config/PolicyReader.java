package dev.penstock.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.config.PolicyConfig.RelayRule;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;

/** Reads the table {@code [policy]}. Stateless. */
final class PolicyReader {
    private static final Duration MIN_DEADLINE = Duration.ofMillis(10);
    private static final Duration MAX_DEADLINE = Duration.ofMinutes(1);
    private static final int MAX_IN_FLIGHT = 100_000;
    private static final int MAX_FIELD_NAME = 64; // of a field of one's own; RFC 5322 would allow 997
    private static final List<String> HEADERS = List.of("from", "subject");

    /** What a message can't be read or traced without. */
    private static final Set<String> NOT_FOR_NAMES = Set.of("from", "to", "cc", "bcc", "subject", "date", "message-id",
            "received", "return-path", "sender", "reply-to", "mime-version", "content-type",
            "content-transfer-encoding");

    private PolicyReader() {}

    static PolicyConfig read(TableBinder table, List<ListenerConfig> listeners) {
        PolicyConfig d = PolicyConfig.DEFAULT;
        PolicyConfig policy = new PolicyConfig(
                relay(table, listeners.stream().map(ListenerConfig::name).collect(Collectors.toSet())),
                table.flag("allow-null-sender", d.allowNullSender()),
                table.flag("check-from-header", d.checkFromHeader()),
                nameField(table, "tenant-header", d.tenantHeader()),
                nameField(table, "campaign-header", d.campaignHeader()),
                table.flag("headers-from-anybody", d.headersFromAnybody()),
                table.flag("remove-headers", d.removeHeaders()),
                table.text("plugins", d.plugins(), "a path in quotes", PolicyReader::plugins),
                table.duration("deadline", d.deadline(), MIN_DEADLINE, MAX_DEADLINE),
                onFailure(table, d.onFailure()),
                table.integer("max-in-flight", d.maxInFlight(), 1, MAX_IN_FLIGHT),
                callout(table),
                table.text("postmaster", d.postmaster(), "an address in quotes", PolicyReader::postmaster));
        table.end();
        if (!policy.tenantHeader().isEmpty() && policy.tenantHeader().equalsIgnoreCase(policy.campaignHeader())) {
            table.reject("campaign-header", "is the same as tenant-header");
        }
        return policy;
    }

    private static Optional<Path> plugins(String text) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        Path path = TableBinder.toPath(text);
        if (!Files.isDirectory(path)) {
            throw new IllegalArgumentException("there is no directory " + path.toAbsolutePath().normalize()
                    + "; allowed: a directory of jars, or \"\" for none");
        }
        return Optional.of(path);
    }

    private static List<RelayRule> relay(TableBinder policy, Set<String> listeners) {
        List<TableBinder> tables = policy.tables("relay");
        if (tables == null) {
            return List.of();
        }
        List<RelayRule> rules = new ArrayList<>();
        for (TableBinder table : tables) {
            if (!table.has("action")) {
                table.reject("action", "is missing; expected \"permit\" or \"refuse\"");
            }
            boolean permit = table.text("action", false, "\"permit\" or \"refuse\"", PolicyReader::action);
            rules.add(new RelayRule(permit,
                    table.list("listeners", List.of(), name -> listener(name, listeners)),
                    table.list("networks", List.of(), Syntax::network),
                    table.list("identities", List.of(), PolicyReader::identity),
                    table.list("sender-domains", List.of(), name -> domain(name, "<>")),
                    table.list("recipient-domains", List.of(), name -> domain(name, "local"))));
            table.end();
            // An empty list fits everything, which nobody means who writes one.
            for (String key : List.of("listeners", "networks", "identities", "sender-domains", "recipient-domains")) {
                if (table.isEmptyArray(key)) {
                    table.reject(key, "is empty; leave it out to fit all");
                }
            }
        }
        return rules;
    }

    private static boolean action(String text) {
        return switch (text) {
            case "permit" -> true;
            case "refuse" -> false;
            default -> throw new IllegalArgumentException("expected \"permit\" or \"refuse\"");
        };
    }

    private static String listener(String name, Set<String> listeners) {
        if (!listeners.contains(name)) {
            throw new IllegalArgumentException(
                    "there is no such listener; allowed: " + String.join(", ", listeners.stream().sorted().toList()));
        }
        return name;
    }

    private static String identity(String name) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("expected a user's name, or \"*\" for anybody who has logged in");
        }
        return name.equals("*") ? name : UsersFile.name(name); // in the form that users are compared by
    }

    /** @param special the word that is no domain and may stand here */
    private static String domain(String name, String special) {
        if (name.equals(special)) {
            return name;
        }
        try {
            return name.startsWith(".") ? "." + Syntax.domain(name.substring(1)) : Syntax.domain(name);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "expected a domain like example.com, .example.com for those below it, or " + special, e);
        }
    }

    private static Optional<Mailbox> postmaster(String text) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(MailboxParser.parse(text, false));
        } catch (AddressSyntaxException e) {
            throw new IllegalArgumentException("expected an address like postmaster@example.com: " + e.getMessage(), e);
        }
    }

    private static String nameField(TableBinder table, String key, String fallback) {
        return table.text(key, fallback, "the name of a header field in quotes", name -> {
            if (!name.isEmpty()) {
                fieldName(name);
                if (NOT_FOR_NAMES.contains(name.toLowerCase(Locale.ROOT))) {
                    throw new IllegalArgumentException("a field of one's own is needed, like X-Tenant");
                }
            }
            return name;
        });
    }

    /** RFC 5322 2.2. */
    private static String fieldName(String name) {
        if (name.isEmpty() || name.length() > MAX_FIELD_NAME
                || !name.chars().allMatch(c -> c > ' ' && c < 127 && c != ':')) {
            throw new IllegalArgumentException("expected the name of a header field, like X-Tenant: 1 to "
                    + MAX_FIELD_NAME + " printable ASCII characters without space and colon");
        }
        return name;
    }

    private static OnFailure onFailure(TableBinder table, OnFailure fallback) {
        return table.text("on-failure", fallback, "\"defer\" or \"accept\"", text -> switch (text) {
            case "defer" -> OnFailure.DEFER;
            case "accept" -> OnFailure.ACCEPT;
            default -> throw new IllegalArgumentException("expected \"defer\" or \"accept\"");
        });
    }

    private static Optional<PolicyConfig.Callout> callout(TableBinder policy) {
        Set<Event> events = EnumSet.noneOf(Event.class);
        List<String> headers = new ArrayList<>();
        List<OnFailure> onFailure = new ArrayList<>();
        return CalloutReader.read(policy, "callout", table -> {
            events.addAll(table.list("events", List.of(Event.MESSAGE), PolicyReader::event));
            if (table.isEmptyArray("events")) {
                table.reject("events", "at least one is needed");
            }
            headers.addAll(table.list("headers", HEADERS, text -> fieldName(text).toLowerCase(Locale.ROOT)));
            onFailure.add(onFailure(table, OnFailure.DEFER));
        }).map(http -> new PolicyConfig.Callout(http, events, headers, onFailure.getFirst()));
    }

    private static Event event(String text) {
        return Stream.of(Event.values())
                .filter(event -> event.name().toLowerCase(Locale.ROOT).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("expected connect, mail, recipient or message"));
    }
}

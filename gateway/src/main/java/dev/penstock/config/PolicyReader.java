package dev.penstock.config;

import java.nio.file.Files;
import java.nio.file.Path;
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
import dev.penstock.config.ValueType.Plain;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;

/** Reads the table {@code [policy]}. Stateless. */
final class PolicyReader {
    private static final int MAX_FIELD_NAME = 64; // of a field of one's own; RFC 5322 would allow 997

    /** What a message can't be read or traced without. */
    private static final Set<String> NOT_FOR_NAMES = Set.of("from", "to", "cc", "bcc", "subject", "date", "message-id",
            "received", "return-path", "sender", "reply-to", "mime-version", "content-type",
            "content-transfer-encoding");

    private PolicyReader() {}

    static PolicyConfig read(TableBinder table, List<ListenerConfig> listeners) {
        PolicyConfig policy = PolicyConfig.TABLE.read(table, PolicyConfig.DEFAULT);
        Set<String> names = listeners.stream().map(ListenerConfig::name).collect(Collectors.toSet());
        List<TableBinder> rules = table.tables(PolicyConfig.RELAY.name());
        for (TableBinder rule : rules == null ? List.<TableBinder>of() : rules) {
            rule.list(RelayRule.LISTENERS.name(), List.of(), name -> listener(name, names));
        }
        return policy;
    }

    static void check(TableBinder table, PolicyConfig policy) {
        if (!policy.poolHeader().isEmpty() && (policy.poolHeader().equalsIgnoreCase(policy.tenantHeader())
                || policy.poolHeader().equalsIgnoreCase(policy.campaignHeader()))) {
            table.reject("pool-header", "is the same as tenant-header or campaign-header");
        }
        if (!policy.tenantHeader().isEmpty() && policy.tenantHeader().equalsIgnoreCase(policy.campaignHeader())) {
            table.reject("campaign-header", "is the same as tenant-header");
        }
        if (!policy.classHeader().isEmpty()
                && Stream.of(policy.tenantHeader(), policy.campaignHeader(), policy.poolHeader())
                        .anyMatch(policy.classHeader()::equalsIgnoreCase)) {
            table.reject("class-header", "is the same as tenant-header, campaign-header or pool-header");
        }
    }

    static Optional<Path> plugins(TableBinder table, String key, Optional<Path> otherwise) {
        return table.text(key, otherwise, "a path in quotes", PolicyReader::plugins);
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

    static List<RelayRule> relay(TableBinder policy, String key) {
        List<TableBinder> tables = policy.tables(key);
        if (tables == null) {
            return List.of();
        }
        List<RelayRule> rules = new ArrayList<>();
        for (TableBinder table : tables) {
            if (!table.has("action")) {
                table.reject("action", "is missing; expected \"permit\" or \"refuse\"");
            }
            rules.add(RelayRule.TABLE.read(table, RelayRule.TABLE.defaults()));
            // An empty list fits everything, which nobody means who writes one.
            for (Key<RelayRule, ?> list : RelayRule.TABLE.keys()) {
                if (table.isEmptyArray(list.name())) {
                    table.reject(list.name(), "is empty; leave it out to fit all");
                }
            }
        }
        return rules;
    }

    static boolean action(String text) {
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

    static String identity(String name) {
        if (name.isEmpty()) {
            throw new IllegalArgumentException("expected a user's name, or \"*\" for anybody who has logged in");
        }
        return name.equals("*") ? name : UsersFile.name(name); // in the form that users are compared by
    }

    /** @param special the word that is no domain and may stand here */
    static String domain(String name, String special) {
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

    static Optional<Mailbox> postmaster(String text) {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(MailboxParser.parse(text, false));
        } catch (AddressSyntaxException e) {
            throw new IllegalArgumentException("expected an address like postmaster@example.com: " + e.getMessage(), e);
        }
    }

    static Plain<String> nameField() {
        return Types.text("the name of a header field in quotes", "", name -> {
            if (!name.isEmpty()) {
                fieldName(name);
                if (NOT_FOR_NAMES.contains(name.toLowerCase(Locale.ROOT))) {
                    throw new IllegalArgumentException("a field of one's own is needed, like X-Tenant");
                }
            }
            return name;
        });
    }

    static String lowerFieldName(String name) {
        return fieldName(name).toLowerCase(Locale.ROOT);
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

    static OnFailure onFailure(TableBinder table, String key, OnFailure fallback) {
        return table.text(key, fallback, "\"defer\" or \"accept\"", text -> switch (text) {
            case "defer" -> OnFailure.DEFER;
            case "accept" -> OnFailure.ACCEPT;
            default -> throw new IllegalArgumentException("expected \"defer\" or \"accept\"");
        });
    }

    static Plain<Set<Event>> events() {
        return new Plain<>(Set.of(Event.MESSAGE), (table, key, otherwise) -> {
            Set<Event> events = EnumSet.noneOf(Event.class);
            events.addAll(table.list(key, List.copyOf(otherwise), PolicyReader::event));
            if (table.isEmptyArray(key)) {
                table.reject(key, "at least one is needed");
            }
            return events;
        }, events -> events.stream().sorted().map(Types::word).toList(), () -> Types.schema("array", "minItems", 1), "",
                false);
    }

    private static Event event(String text) {
        return Stream.of(Event.values())
                .filter(event -> event.name().toLowerCase(Locale.ROOT).equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("expected connect, mail, recipient or message"));
    }
}

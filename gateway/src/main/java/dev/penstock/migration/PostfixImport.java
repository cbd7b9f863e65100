package dev.penstock.migration;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedSet;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.Problem;
import dev.penstock.migration.Finding.Kind;
import dev.penstock.units.Durations;

/**
 * Turns Postfix's main.cf, and a transport map beside it, into a shaping file and tables for the configuration file.
 * Confined to one thread.
 *
 * <p>A transport is no thing here: its limits become those of the sections of the domains that the map sends by it, and
 * those of {@code smtp} and {@code default} become {@code ["default"]}.
 */
public final class PostfixImport {
    private static final String DEFAULT = "[\"default\"]";
    private static final String SMTP = "smtp";
    private static final String RATE_DELAY = "_destination_rate_delay";
    private static final Pattern SETTING = Pattern.compile("([A-Za-z0-9_]+)\\s*=\\s*(.*)");
    private static final Pattern OF_TRANSPORT = Pattern.compile("([a-z0-9_-]+?)_(destination_concurrency_limit|"
            + "destination_rate_delay|destination_recipient_limit|initial_destination_concurrency|"
            + "destination_concurrency_positive_feedback|destination_concurrency_negative_feedback|"
            + "destination_concurrency_failed_cohort_limit|transport_rate_delay|delivery_slot_cost|delivery_slot_discount|"
            + "delivery_slot_loan|minimum_delivery_slots|recipient_limit|extra_recipient_limit)");
    private static final Pattern REFERENCE = Pattern.compile("\\$\\{?([A-Za-z0-9_]+)\\}?");
    private static final Pattern DOMAIN = Pattern
            .compile("[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*");
    private static final Pattern TIME = Pattern.compile("(\\d{1,9})([smhdw]?)");
    private static final Pattern MAPPED = Pattern.compile("(?i)::ffff:(\\d+\\.\\d+\\.\\d+\\.\\d+)(?:/(\\d{1,3}))?");
    private static final int MAPPED_PREFIX = 96; // bits before the IPv4 address
    private static final int MOST_REFERENCES = 20; // one within the other

    /** A parameter that is one key. */
    record Target(String header, String key, Function<String, String> toml, String text) {}

    private final List<Problem> problems = new ArrayList<>();
    private final List<Finding> report = new ArrayList<>();
    private final Draft shaping = new Draft();
    private final Draft tables = new Draft();
    private final Map<String, Setting> settings = new LinkedHashMap<>();
    /** By transport, the sections of its domains. */
    private final Map<String, SequencedSet<String>> sections = new LinkedHashMap<>();

    private record Setting(Path file, int line, String value) {}

    private PostfixImport() {}

    /**
     * Blocks while it reads the files.
     *
     * @param transports null for none
     */
    public static Conversion of(Path mainCf, @Nullable Path transports) {
        return new PostfixImport().convert(mainCf, transports);
    }

    private Conversion convert(Path mainCf, @Nullable Path transports) {
        settings(mainCf);
        if (settings.isEmpty() && problems.isEmpty()) {
            problems.add(new Problem(mainCf, 0, 0, "", "has no parameter in it; expected Postfix's main.cf"));
        }
        if (transports != null) {
            for (Line line : lines(transports)) {
                transport(transports, line);
            }
        }
        // what all have comes first, so that the transports' own takes its place
        for (boolean isDelay : new boolean[]{false, true}) { // a delay says how many sessions there are, whatever else does
            settings.forEach((name, setting) -> {
                if (!isOfTransport(name) && isDelay == name.endsWith(RATE_DELAY)) {
                    parameter(name, setting);
                }
            });
            settings.forEach((name, setting) -> {
                if (isOfTransport(name) && isDelay == name.endsWith(RATE_DELAY)) {
                    ofTransport(name, setting);
                }
            });
        }
        report.sort(Comparator.comparing(Finding::file).thenComparingInt(Finding::line));
        List<String> heading = List.of("From Postfix's " + mainCf.getFileName()
                + " by penstock shaping import postfix.");
        return problems.isEmpty()
                ? new Conversion.Done(shaping.text(heading), tables.isEmpty() ? "" : tables.text(heading), "", report)
                : new Conversion.Refused(problems.stream().sorted(Comparator.comparing(Problem::file)
                        .thenComparingInt(Problem::line)).toList());
    }

    // Reading

    private record Line(int number, String text) {}

    /** A line that begins with a blank continues the one before (postconf(5)). */
    private List<Line> lines(Path file) {
        List<Line> whole = new ArrayList<>();
        try {
            List<String> written = Files.readAllLines(file, StandardCharsets.UTF_8);
            for (int i = 0; i < written.size(); i++) {
                String line = written.get(i);
                if (line.isBlank() || line.strip().startsWith("#")) {
                    continue;
                }
                if (!Character.isWhitespace(line.charAt(0))) {
                    whole.add(new Line(i + 1, line.strip()));
                } else if (whole.isEmpty()) {
                    problems.add(
                            new Problem(file, i + 1, 1, "", "continues nothing; expected a line that doesn't begin "
                                    + "with a blank before it"));
                } else {
                    Line last = whole.removeLast();
                    whole.add(new Line(last.number, last.text + " " + line.strip()));
                }
            }
        } catch (NoSuchFileException _) {
            problems.add(new Problem(file, 0, 0, "", "there is no such file"));
        } catch (IOException e) {
            problems.add(new Problem(file, 0, 0, "", "can't be read as UTF-8 text: " + e.getMessage()));
        }
        return whole;
    }

    private void settings(Path file) {
        for (Line line : lines(file)) {
            Matcher setting = SETTING.matcher(line.text);
            if (!setting.matches()) {
                problems.add(new Problem(file, line.number, 1, line.text.split("\\s", 2)[0],
                        "expected name = value"));
                continue;
            }
            Setting before = settings.put(setting.group(1), new Setting(file, line.number, setting.group(2).strip()));
            if (before != null) {
                found(file, before.line, setting.group(1), Kind.NONE, "is said again in line " + line.number
                        + ", and the last one counts");
            }
        }
    }

    /** With what it refers to in place of {@code $name}. */
    private String value(Setting setting) {
        String value = setting.value;
        for (int i = 0; i < MOST_REFERENCES; i++) {
            Matcher reference = REFERENCE.matcher(value);
            if (!reference.find()) {
                return value;
            }
            Setting other = settings.get(reference.group(1));
            if (other == null) {
                throw new IllegalArgumentException("refers to $" + reference.group(1) + ", which isn't in this file; "
                        + "write its value");
            }
            value = value.substring(0, reference.start()) + other.value + value.substring(reference.end());
        }
        throw new IllegalArgumentException("refers to itself");
    }

    // The transport map: example.com slow:[relay.example.net]:2525

    private void transport(Path file, Line line) {
        String[] parts = line.text.split("\\s+", 2);
        String pattern = parts[0].toLowerCase(Locale.ROOT);
        String result = parts.length == 1 ? "" : parts[1].strip();
        int colon = result.indexOf(':');
        if (colon < 0) {
            problems.add(new Problem(file, line.number, 1, parts[0], "expected a transport and a colon, like slow: or "
                    + "smtp:[mx.example.net]"));
            return;
        }
        String transport = result.substring(0, colon);
        String nextHop = result.substring(colon + 1);
        boolean below = pattern.startsWith(".");
        String domain = below ? pattern.substring(1) : pattern;
        if (!pattern.equals("*") && !DOMAIN.matcher(domain).matches()) {
            found(file, line.number, parts[0], Kind.NONE, "mail is routed and limited by domain, not by address");
            return;
        }
        switch (transport) {
            case "local", "virtual", "pipe", "error", "retry", "discard" -> {
                found(file, line.number, parts[0], Kind.NONE,
                        transport + " is no way to another host; domains of your own "
                                + "are in [local], and policies refuse");
                return;
            }
            default -> {
            }
        }
        List<String> done = new ArrayList<>();
        if (!nextHop.isEmpty()) {
            if (below) {
                found(file, line.number, parts[0], Kind.NONE,
                        "a route is for one domain, or for \"*\"; write one of each");
            } else {
                String host = host(nextHop);
                String header = "[routes." + Draft.quoted(pattern) + "]";
                tables.put(header, "hosts", Draft.array(List.of(host)));
                if (transport.startsWith("lmtp")) {
                    tables.put(header, "lmtp", "true");
                }
                done.add(header + " hosts = [" + Draft.quoted(host) + "]");
            }
        }
        if (pattern.equals("*")) {
            sections.computeIfAbsent(transport, _ -> new LinkedHashSet<>()).add(DEFAULT);
        } else {
            String header = below
                    ? "[provider." + Draft.quoted("below." + domain) + "]"
                    : "[" + Draft.quoted(domain) + "]";
            shaping.put(header, below ? "match" : "mx_rollup",
                    below ? "[ {DomainSuffix=" + Draft.quoted(pattern) + "} ]" : "false");
            sections.computeIfAbsent(transport.isEmpty() ? SMTP : transport, _ -> new LinkedHashSet<>()).add(header);
            done.add(header + (transport.isEmpty() || transport.equals(SMTP) ? "" : " has the limits of " + transport));
        }
        if (!done.isEmpty()) {
            found(file, line.number, parts[0], Kind.CONVERTED, String.join(", ", done));
        }
    }

    /** {@code [mx.example.net]:2525}, {@code unix:/path}; without brackets it is looked up by MX there and isn't here. */
    private static String host(String nextHop) {
        if (nextHop.startsWith("unix:") || nextHop.startsWith("inet:")) {
            return nextHop.replaceFirst("^inet:", "");
        }
        return nextHop.replaceFirst("^\\[([^\\]:]+)\\]", "$1").replaceFirst("^\\[ipv6:", "[")
                .replaceFirst("^\\[IPv6:", "[");
    }

    // Parameters

    private static boolean isOfTransport(String name) {
        return OF_TRANSPORT.matcher(name).matches() && !name.startsWith("default_");
    }

    private void parameter(String name, Setting setting) {
        Matcher ofAll = OF_TRANSPORT.matcher(name);
        if (ofAll.matches()) {
            limit(name, setting, ofAll.group(2), new LinkedHashSet<>(List.of(DEFAULT)));
            return;
        }
        Target target = TARGETS.get(name);
        String why = NONE.get(name);
        if (setting.value.isEmpty() && (why != null || EMPTY_BY_DEFAULT.contains(name))) {
            found(setting, name, Kind.CONVERTED, "is empty, as by default");
        } else if (target != null) {
            try {
                String toml = target.toml.apply(value(setting));
                Draft draft = target.header.equals(DEFAULT) ? shaping : tables;
                draft.put(target.header, target.key, toml);
                found(setting, name, target.text.isEmpty() ? Kind.CONVERTED : Kind.DIFFERS,
                        target.header + " " + target.key + " = " + toml
                                + (target.text.isEmpty() ? "" : "; " + target.text));
            } catch (IllegalArgumentException e) {
                wrong(name, setting, e);
            }
        } else if (why != null) {
            found(setting, name, Kind.NONE, why);
        } else {
            found(setting, name, Kind.UNKNOWN, "this import reads what is about sending");
        }
    }

    private void ofTransport(String name, Setting setting) {
        Matcher of = OF_TRANSPORT.matcher(name);
        if (!of.matches()) {
            return;
        }
        String transport = of.group(1);
        SequencedSet<String> where = new LinkedHashSet<>(sections.getOrDefault(transport, new LinkedHashSet<>()));
        if (transport.equals(SMTP)) {
            where.addFirst(DEFAULT);
        }
        if (where.isEmpty()) {
            found(setting, name, Kind.NONE, "the transport map sends no domain by " + transport
                    + "; say it in a section per domain");
            return;
        }
        limit(name, setting, of.group(2), where);
    }

    private void limit(String name, Setting setting, String what, SequencedSet<String> where) {
        try {
            String value = value(setting);
            switch (what) {
                case "destination_concurrency_limit" -> put(name, setting, where, "connection_limit",
                        Integer.toString(Values.count(value, Values.MOST)), concurrencyIsByRecipient(name)
                                ? "it is by domain here, though the recipient limit of 1 makes it one by recipient there"
                                : "");
                case "destination_recipient_limit" -> put(name, setting, where, "max_recipients_per_batch",
                        Integer.toString(Values.count(value, Values.MOST_RECIPIENTS)), "");
                case "destination_rate_delay" -> delay(name, setting, where, value);
                default -> found(setting, name, Kind.NONE, switch (what) {
                    case "initial_destination_concurrency" ->
                        "no more sessions come up than have come up, from one on";
                    case "transport_rate_delay" -> "a limit over all domains of a transport; say max_message_rate";
                    case "recipient_limit", "extra_recipient_limit" -> "queue.memory-limit bounds what is queued";
                    case "delivery_slot_cost", "delivery_slot_discount", "delivery_slot_loan",
                            "minimum_delivery_slots" ->
                        "tenants and campaigns take turns, whatever the size of a message";
                    default -> "how many sessions a receiver takes is learned, see throttling.md";
                });
            }
        } catch (IllegalArgumentException e) {
            wrong(name, setting, e);
        }
    }

    /** The trap of Postfix's documentation. */
    private boolean concurrencyIsByRecipient(String name) {
        Setting recipients = settings.get(name.replace("concurrency_limit", "recipient_limit"));
        return recipients != null && recipients.value.equals("1");
    }

    private void delay(String name, Setting setting, SequencedSet<String> where, String value) {
        Duration delay = Durations.parse(duration(value));
        if (delay.isZero()) {
            found(setting, name, Kind.CONVERTED, "no delay");
            return;
        }
        put(name, setting, where, "max_message_rate", Draft.quoted("1/" + delay.toSeconds() + "s"),
                "and one session at a time, as the delay makes it there");
        where.forEach(header -> shaping.put(header, "connection_limit", "1"));
    }

    private void put(String name, Setting setting, SequencedSet<String> where, String key, String toml, String text) {
        where.forEach(header -> shaping.put(header, key, toml));
        found(setting, name, text.isEmpty() ? Kind.CONVERTED : Kind.DIFFERS,
                where.getFirst() + (where.size() == 1 ? "" : " and " + (where.size() - 1) + " more") + " " + key + " = "
                        + toml + (text.isEmpty() ? "" : "; " + text));
    }

    private void wrong(String name, Setting setting, IllegalArgumentException why) {
        problems.add(
                new Problem(setting.file, setting.line, 1, name, "\"" + setting.value + "\": " + why.getMessage()));
    }

    private void found(Setting setting, String name, Kind kind, String text) {
        found(setting.file, setting.line, name, kind, text);
    }

    private void found(Path file, int line, String name, Kind kind, String text) {
        report.add(new Finding(file, line, name, kind, text));
    }

    /** postconf(5): a number and s, m, h, d or w; seconds where no unit is said. */
    private static String duration(String text) {
        Matcher time = TIME.matcher(text);
        if (!time.matches()) {
            throw new IllegalArgumentException("expected a time like 300s, 5m, 4h or 5d");
        }
        long number = Long.parseLong(time.group(1));
        return Durations.format(switch (time.group(2)) {
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            case "d" -> Duration.ofDays(number);
            case "w" -> Duration.ofDays(7 * number);
            default -> Duration.ofSeconds(number);
        });
    }

    private static String quotedDuration(String text) {
        return Draft.quoted(duration(text));
    }

    /** In hours by default, as delay_warning_time is. */
    private static String hours(String text) {
        return quotedDuration(text.matches("\\d+") ? text + "h" : text);
    }

    /** In days by default. */
    private static String days(String text) {
        return quotedDuration(text.matches("\\d+") ? text + "d" : text);
    }

    private static String wait(String text) {
        return Draft.quoted(Durations.format(Values.wait(duration(text))));
    }

    private static String tls(String level) {
        return Draft.quoted(switch (level) {
            case "none" -> "Disabled";
            case "may" -> "OpportunisticInsecure";
            case "encrypt" -> "RequiredInsecure";
            case "verify", "secure" -> "Required";
            case "dane", "dane-only" -> "OpportunisticInsecure";
            default -> throw new IllegalArgumentException(
                    "expected none, may, encrypt, dane, dane-only, verify or secure");
        });
    }

    private static String networks(String text) {
        SequencedSet<String> networks = new LinkedHashSet<>();
        for (String each : text.split("[\\s,]+", -1)) {
            if (!each.isEmpty()) {
                networks.add(Values.network(unmapped(each.replace("[", "").replace("]", ""))));
            }
        }
        return Draft.array(List.copyOf(networks));
    }

    /** Of IPv4 where it is written as mapped into IPv6 (RFC 4291, 2.5.5.2): clients are told apart by IPv4 here. */
    private static String unmapped(String network) {
        Matcher mapped = MAPPED.matcher(network);
        if (!mapped.matches()) {
            return network;
        }
        String length = mapped.group(2);
        if (length == null) {
            return mapped.group(1);
        }
        int prefix = Integer.parseInt(length) - MAPPED_PREFIX;
        return prefix < 0 ? network : mapped.group(1) + "/" + prefix;
    }

    private static String domain(String text) {
        if (!DOMAIN.matcher(text.toLowerCase(Locale.ROOT)).matches()) {
            throw new IllegalArgumentException("expected a domain name like mx.example.net");
        }
        return Draft.quoted(text.toLowerCase(Locale.ROOT));
    }

    private static String count(String text, int unlimited) {
        return Integer.toString(Values.count(text, unlimited));
    }

    /** Parameters that are one key; those of transports are beside them. */
    static final Map<String, Target> TARGETS = targets();

    /** Of these, those that say nothing when they are empty; Postfix itself refuses the others then, but mynetworks. */
    private static final Set<String> EMPTY_BY_DEFAULT = Set.of("relayhost", "smtp_bind_address",
            "smtp_tls_security_level");

    /** What stands behind the name of a transport, and what it becomes. */
    static final Map<String, String> OF_TRANSPORTS = Map.of(
            "_destination_concurrency_limit", "connection_limit of the transport's domains",
            "_destination_recipient_limit", "max_recipients_per_batch of the transport's domains",
            "_destination_rate_delay", "max_message_rate of the transport's domains, and one session",
            "_initial_destination_concurrency", "no counterpart: sessions come up from one on",
            "_destination_concurrency_positive_feedback",
            "no counterpart: how many sessions a receiver takes is learned",
            "_destination_concurrency_negative_feedback",
            "no counterpart: how many sessions a receiver takes is learned",
            "_destination_concurrency_failed_cohort_limit",
            "no counterpart: how many sessions a receiver takes is learned",
            "_transport_rate_delay", "no counterpart: it is over all domains of a transport");

    /** Others that are about sending. */
    static final Map<String, String> NONE = none();

    private static Map<String, Target> targets() {
        Map<String, Target> targets = new LinkedHashMap<>();
        targets.put("myhostname", new Target("[gateway]", "hostname", PostfixImport::domain, ""));
        targets.put("smtp_helo_name", new Target(DEFAULT, "ehlo_domain", PostfixImport::domain, ""));
        targets.put("smtp_bind_address", new Target("[delivery]", "source-address",
                text -> Draft.quoted(Values.network(text)), ""));
        targets.put("relayhost", new Target("[routes.\"*\"]", "hosts", text -> Draft.array(List.of(host(text))),
                "the host itself is connected to, and no MX of it is asked for"));
        targets.put("mynetworks", new Target("[inbound]", "relay-networks", PostfixImport::networks, ""));
        targets.put("message_size_limit", new Target("[inbound]", "max-message-size", text -> count(text, Values.MOST
                * 1_000), ""));
        targets.put("smtp_connection_reuse_time_limit", new Target(DEFAULT, "max_connection_age",
                PostfixImport::wait, ""));
        targets.put("smtp_connection_reuse_count_limit", new Target(DEFAULT, "max_deliveries_per_connection",
                text -> count(text, Values.MOST), ""));
        targets.put("smtp_connection_cache_time_limit", new Target(DEFAULT, "idle_timeout", PostfixImport::wait, ""));
        targets.put("smtp_connect_timeout", new Target(DEFAULT, "connect_timeout", PostfixImport::wait, ""));
        targets.put("smtp_helo_timeout", new Target(DEFAULT, "ehlo_timeout", PostfixImport::wait,
                "for the greeting it is banner_timeout"));
        targets.put("smtp_starttls_timeout", new Target(DEFAULT, "starttls_timeout", PostfixImport::wait, ""));
        targets.put("smtp_mail_timeout", new Target(DEFAULT, "mail_from_timeout", PostfixImport::wait, ""));
        targets.put("smtp_rcpt_timeout", new Target(DEFAULT, "rcpt_to_timeout", PostfixImport::wait, ""));
        targets.put("smtp_data_init_timeout", new Target(DEFAULT, "data_timeout", PostfixImport::wait, ""));
        targets.put("smtp_data_xfer_timeout", new Target("[delivery]", "data-block-timeout", PostfixImport::wait, ""));
        targets.put("smtp_data_done_timeout", new Target(DEFAULT, "data_dot_timeout", PostfixImport::wait, ""));
        targets.put("smtp_rset_timeout", new Target(DEFAULT, "rset_timeout", PostfixImport::wait, ""));
        targets.put("smtp_quit_timeout", new Target("[delivery]", "quit-timeout", PostfixImport::wait, ""));
        targets.put("smtp_tls_security_level", new Target(DEFAULT, "enable_tls", PostfixImport::tls,
                "dane also takes enable_dane and dns.dnssec"));
        targets.put("minimal_backoff_time", new Target("[queue]", "retry-interval", PostfixImport::quotedDuration,
                "each further wait is twice as long"));
        targets.put("maximal_backoff_time", new Target("[queue]", "max-retry-interval", PostfixImport::quotedDuration,
                ""));
        targets.put("maximal_queue_lifetime", new Target("[queue]", "max-age", PostfixImport::days, ""));
        targets.put("delay_warning_time", new Target("[queue]", "delay-warning", PostfixImport::hours, ""));
        return Map.copyOf(targets);
    }

    private static Map<String, String> none() {
        Map<String, String> none = new LinkedHashMap<>();
        none.put("initial_destination_concurrency", "no more sessions come up than have come up, from one on");
        none.put("default_process_limit", "delivery.max-sessions and inbound.max-sessions bound each their own");
        none.put("smtp_mx_session_limit", "five addresses are tried in one attempt");
        none.put("smtp_mx_address_limit", "five addresses are tried in one attempt");
        none.put("smtp_connection_cache_on_demand", "a session takes the next message wherever there is one");
        none.put("smtp_connection_cache_destinations", "every session takes the next message of its site");
        none.put("queue_run_delay", "each message has a time of its own, kept to 16 ms");
        none.put("bounce_queue_lifetime", "reports expire as other mail does: queue.max-age");
        none.put("qmgr_message_active_limit",
                "nothing is put back when a queue is full; queue.memory-limit bounds all");
        none.put("qmgr_message_recipient_limit",
                "nothing is put back when a queue is full; queue.memory-limit bounds all");
        none.put("transport_retry_time", "there are no transports that could be down");
        none.put("in_flow_delay", "clients are slowed by inbound.memory-limit and the disk alone");
        none.put("transport_maps", "name the file on the command line");
        none.put("sender_dependent_default_transport_maps",
                "sources and pools say who sends from where, see sources.md");
        none.put("smtp_sasl_auth_enable", "user and password of the route");
        none.put("smtp_sasl_password_maps", "user and password-file of the route");
        none.put("smtp_tls_policy_maps", "enable_tls of the domain's section, or tls of its route");
        none.put("smtp_bind_address6", "sources with both addresses are in [source], see sources.md");
        none.put("fallback_relay", "hosts of a route are tried in order, and nothing else when they fail");
        none.put("smtp_fallback_relay", "hosts of a route are tried in order, and nothing else when they fail");
        return Map.copyOf(none);
    }
}

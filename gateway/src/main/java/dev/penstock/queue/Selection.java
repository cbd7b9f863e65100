package dev.penstock.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.units.Durations;
import dev.penstock.units.MailClass;

/**
 * Which queued mail is meant: what an operator looks at, and what a verb is done to. Immutable and pure.
 *
 * <p>Mail is selected when each attribute that is named fits; an attribute with several values fits when one of them does.
 * What is named nowhere selects all. It is tested in three steps, the cheap ones first: {@link #matches(Place)} for all mail
 * of one sender for one domain, {@link #matches(MessageId, QueueItem.State, long, int, long)} for a message, and, where
 * {@link #needsEnvelope()} says so, {@link #matches(Envelope, Destination)} with what the spool alone knows.
 *
 * @param domains     of recipients
 * @param sites       by their names, as in {@code penstock queue list --by site}
 * @param providers   who runs the hosts
 * @param sources     by which mail goes
 * @param pools       of sources, by which mail goes
 * @param tenants     who sends
 * @param campaigns   what is sent
 * @param classes     how urgent it is
 * @param senders     reverse paths; {@code -} for the null one
 * @param recipients  forward paths
 * @param ids         of messages
 * @param states      where mail is
 * @param olderThan   since it was accepted, or since its hold ended; null for any age
 * @param youngerThan likewise
 * @param minAttempts made so far, at least
 * @param maxAttempts made so far, at most
 */
public record Selection(Set<NamePattern> domains, Set<NamePattern> sites, Set<NamePattern> providers,
        Set<NamePattern> sources, Set<NamePattern> pools, Set<NamePattern> tenants, Set<NamePattern> campaigns,
        Set<MailClass> classes, Set<NamePattern> senders, Set<NamePattern> recipients, Set<MessageId> ids,
        Set<QueueItem.State> states, @Nullable Duration olderThan, @Nullable Duration youngerThan, int minAttempts,
        int maxAttempts) {
    /** All that is queued. */
    public static final Selection EVERYTHING = parse(Map.of());

    public Selection {
        domains = Set.copyOf(domains);
        sites = Set.copyOf(sites);
        providers = Set.copyOf(providers);
        sources = Set.copyOf(sources);
        pools = Set.copyOf(pools);
        tenants = Set.copyOf(tenants);
        campaigns = Set.copyOf(campaigns);
        classes = Set.copyOf(classes);
        senders = Set.copyOf(senders);
        recipients = Set.copyOf(recipients);
        ids = Set.copyOf(ids);
        states = Set.copyOf(states);
    }

    /**
     * What all mail of one sender for one domain has in common.
     *
     * @param site     empty while its route isn't known
     * @param provider empty when nobody known runs the hosts
     * @param source   empty while it waits for one
     * @param pool     by which it goes
     * @param tenant   empty when unknown, and of reports made here
     * @param campaign likewise
     */
    public record Place(String domain, String site, String provider, String source, String pool, String tenant,
            String campaign, MailClass mailClass) {}

    /** The attributes, by the names that queries and the command line have. */
    public enum Attribute {
        DOMAIN,
        SITE,
        PROVIDER,
        SOURCE,
        POOL,
        TENANT,
        CAMPAIGN,
        CLASS,
        SENDER,
        RECIPIENT,
        ID,
        STATE,
        OLDER_THAN,
        YOUNGER_THAN,
        MIN_ATTEMPTS,
        MAX_ATTEMPTS;

        private final String word = name().toLowerCase(Locale.ROOT).replace('_', '-');

        /** As queries and the command line write it: {@code older-than}. */
        public String word() {
            return word;
        }

        /** In either spelling, {@code older-than} or {@code older_than}; null when there is no such. */
        public static @Nullable Attribute of(String text) {
            String spelled = text.replace('_', '-');
            for (Attribute attribute : values()) {
                if (attribute.word.equals(spelled)) {
                    return attribute;
                }
            }
            return null;
        }

        /** Whether it may be given more than once. */
        public boolean isList() {
            return compareTo(OLDER_THAN) < 0;
        }
    }

    /**
     * Reads what a query, a request's body or the command line says.
     *
     * @param parameters values by the attribute's word, in either spelling
     * @throws IllegalArgumentException with a sentence for people, when an attribute is unknown, a value can't be read, or
     *                                  one is given twice that may be given once
     */
    public static Selection parse(Map<String, ? extends Collection<String>> parameters) {
        Map<Attribute, List<String>> given = new LinkedHashMap<>();
        parameters.forEach((name, values) -> {
            Attribute attribute = Attribute.of(name);
            if (attribute == null) {
                throw new IllegalArgumentException("\"" + name + "\" selects nothing; what does: " + words());
            }
            given.computeIfAbsent(attribute, _ -> new ArrayList<>()).addAll(values);
        });
        given.forEach((attribute, values) -> {
            if (!attribute.isList() && values.size() > 1) {
                throw new IllegalArgumentException(attribute.word() + " is given " + values.size()
                        + " times and may be given once");
            }
        });
        return new Selection(names(given, Attribute.DOMAIN, true), names(given, Attribute.SITE, true),
                names(given, Attribute.PROVIDER, true), names(given, Attribute.SOURCE, false),
                names(given, Attribute.POOL, false), names(given, Attribute.TENANT, false),
                names(given, Attribute.CAMPAIGN, false), all(given, Attribute.CLASS, Selection::mailClass),
                names(given, Attribute.SENDER, true), names(given, Attribute.RECIPIENT, true),
                all(given, Attribute.ID, Selection::id), all(given, Attribute.STATE, Selection::state),
                one(given, Attribute.OLDER_THAN, Durations::parse, null),
                one(given, Attribute.YOUNGER_THAN, Durations::parse, null),
                number(given, Attribute.MIN_ATTEMPTS, 0), number(given, Attribute.MAX_ATTEMPTS, Integer.MAX_VALUE));
    }

    private static String words() {
        return Arrays.stream(Attribute.values()).map(Attribute::word).collect(Collectors.joining(", "));
    }

    private static Set<NamePattern> names(Map<Attribute, List<String>> given, Attribute attribute,
            boolean ignoreCase) {
        return all(given, attribute, text -> new NamePattern(text, ignoreCase));
    }

    private static <T> Set<T> all(Map<Attribute, List<String>> given, Attribute attribute,
            Function<String, T> reader) {
        Set<T> values = new LinkedHashSet<>();
        for (String text : given.getOrDefault(attribute, List.of())) {
            values.add(read(attribute, text, reader));
        }
        return values;
    }

    private static <T> @Nullable T one(Map<Attribute, List<String>> given, Attribute attribute,
            Function<String, T> reader, @Nullable T absent) {
        List<String> texts = given.getOrDefault(attribute, List.of());
        return texts.isEmpty() ? absent : read(attribute, texts.getFirst(), reader);
    }

    private static int number(Map<Attribute, List<String>> given, Attribute attribute, int absent) {
        List<String> texts = given.getOrDefault(attribute, List.of());
        return texts.isEmpty() ? absent : read(attribute, texts.getFirst(), Selection::readNumber);
    }

    private static <T> T read(Attribute attribute, String text, Function<String, T> reader) {
        try {
            return reader.apply(text);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new IllegalArgumentException(
                    attribute.word() + " \"" + text + "\": " + e.getMessage(), e);
        }
    }

    private static int readNumber(String text) {
        try {
            int number = Integer.parseInt(text.strip());
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw new IllegalArgumentException("expected a number of 0 or more");
    }

    private static MailClass mailClass(String text) {
        MailClass mailClass = MailClass.of(text.strip());
        if (mailClass == null) {
            throw new IllegalArgumentException("expected bulk or transactional");
        }
        return mailClass;
    }

    private static MessageId id(String text) {
        MessageId id = MessageId.parse(text.strip());
        if (id == null) {
            throw new IllegalArgumentException("expected a message's id, like 06EB2QXV4R001");
        }
        return id;
    }

    private static QueueItem.State state(String text) {
        for (QueueItem.State state : QueueItem.State.values()) {
            if (word(state).equalsIgnoreCase(text.strip())) {
                return state;
            }
        }
        throw new IllegalArgumentException("expected one of " + EnumSet.allOf(QueueItem.State.class).stream()
                .map(Selection::word).collect(Collectors.joining(", ")));
    }

    /** A state as queries and answers write it: {@code scheduled}. */
    public static String word(QueueItem.State state) {
        return state.name().toLowerCase(Locale.ROOT);
    }

    /** What {@link #parse} reads back as this selection; empty for everything. */
    public Map<String, List<String>> parameters() {
        Map<String, List<String>> all = new LinkedHashMap<>();
        put(all, Attribute.DOMAIN, domains, NamePattern::text);
        put(all, Attribute.SITE, sites, NamePattern::text);
        put(all, Attribute.PROVIDER, providers, NamePattern::text);
        put(all, Attribute.SOURCE, sources, NamePattern::text);
        put(all, Attribute.POOL, pools, NamePattern::text);
        put(all, Attribute.TENANT, tenants, NamePattern::text);
        put(all, Attribute.CAMPAIGN, campaigns, NamePattern::text);
        put(all, Attribute.CLASS, classes, MailClass::word);
        put(all, Attribute.SENDER, senders, NamePattern::text);
        put(all, Attribute.RECIPIENT, recipients, NamePattern::text);
        put(all, Attribute.ID, ids, MessageId::toString);
        put(all, Attribute.STATE, states, Selection::word);
        put(all, Attribute.OLDER_THAN, olderThan == null ? Set.of() : Set.of(olderThan), Durations::format);
        put(all, Attribute.YOUNGER_THAN, youngerThan == null ? Set.of() : Set.of(youngerThan), Durations::format);
        put(all, Attribute.MIN_ATTEMPTS, minAttempts == 0 ? Set.of() : Set.of(minAttempts), String::valueOf);
        put(all, Attribute.MAX_ATTEMPTS, maxAttempts == Integer.MAX_VALUE ? Set.of() : Set.of(maxAttempts),
                String::valueOf);
        return all;
    }

    private static <T> void put(Map<String, List<String>> all, Attribute attribute, Set<T> values,
            Function<T, String> writer) {
        if (!values.isEmpty()) {
            all.put(attribute.word(), values.stream().map(writer).sorted().toList());
        }
    }

    /** Whether nothing is named, so that all mail is meant. */
    public boolean isEverything() {
        return parameters().isEmpty();
    }

    /** Whether mail of that sender for that domain may be selected: a message of it is when the other tests say so too. */
    public boolean matches(Place place) {
        return fits(domains, place.domain) && fits(sites, place.site) && fits(providers, place.provider)
                && fits(sources, place.source) && fits(pools, place.pool) && fits(tenants, place.tenant)
                && fits(campaigns, place.campaign) && (classes.isEmpty() || classes.contains(place.mailClass));
    }

    /** What {@link #matches(Place)} says as far as domain and sender decide it, without a place: false is the answer. */
    boolean mayMatch(String domain, TenantCampaign owner) {
        return fits(domains, domain) && fits(tenants, owner.tenant()) && fits(campaigns, owner.campaign())
                && (classes.isEmpty() || classes.contains(owner.mailClass()));
    }

    /** Whether {@link #matches(Place)} has more to say than {@link #mayMatch}. */
    boolean asksForPlace() {
        return !sites.isEmpty() || !providers.isEmpty() || !sources.isEmpty() || !pools.isEmpty();
    }

    /** Whether each message in a place that {@link #matches(Place)} is selected, whatever else it is. */
    public boolean isOfPlaces() {
        return !needsItem() && !needsEnvelope();
    }

    /** Whether the queue's own knowledge of a message tells whether it is selected, and not its place alone. */
    boolean needsItem() {
        return !ids.isEmpty() || !states.isEmpty() || olderThan != null || youngerThan != null || minAttempts > 0
                || maxAttempts < Integer.MAX_VALUE;
    }

    /** Whether only the spool can tell whether a message is selected. */
    public boolean needsEnvelope() {
        return !senders.isEmpty() || !recipients.isEmpty();
    }

    /**
     * Whether a message may be selected, as far as the queue knows it.
     *
     * @param receivedMillis when it was accepted, or its hold ended, milliseconds since 1970
     * @param attempts       made so far
     * @param nowMillis      from when ages count; of a job, when it began
     */
    public boolean matches(MessageId id, QueueItem.State state, long receivedMillis, int attempts, long nowMillis) {
        if (!needsItem()) {
            return true;
        }
        long age = nowMillis - receivedMillis;
        return (ids.isEmpty() || ids.contains(id)) && (states.isEmpty() || states.contains(state))
                && (olderThan == null || age > olderThan.toMillis())
                && (youngerThan == null || age < youngerThan.toMillis()) && attempts >= minAttempts
                && attempts <= maxAttempts;
    }

    /** Whether a message's recipients of that destination are selected, by what the spool knows: one fits at least. */
    public boolean matches(Envelope envelope, Destination destination) {
        return fits(senders, envelope.sender()) && (recipients.isEmpty() || destination.recipients().stream()
                .anyMatch(index -> fits(recipients, envelope.recipients().get(index).address())));
    }

    private static boolean fits(Set<NamePattern> patterns, String name) {
        if (patterns.isEmpty()) {
            return true;
        }
        for (NamePattern pattern : patterns) {
            if (pattern.matches(name)) {
                return true;
            }
        }
        return false;
    }

    /** As the command line has it: {@code --domain example.com --older-than 1h}; {@code everything}. */
    @Override
    public String toString() {
        String text = parameters().entrySet().stream()
                .flatMap(each -> each.getValue().stream().map(value -> "--" + each.getKey() + " " + value))
                .collect(Collectors.joining(" "));
        return text.isEmpty() ? "everything" : text;
    }
}

package dev.penstock.classification;

import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyScope;

/**
 * Which refusals came how often, by provider, class and what they say without names. Thread-safe. Bounded: when so many
 * different ones are known that there is no room, further ones count as {@link #OTHERS} of their provider and class, and
 * when there is no room for that either, as those of all.
 */
public final class ReplyCounts {
    /** Different replies; about half a megabyte. */
    static final int MAX_KNOWN = 1_000;
    /** Stands for replies that came when there was no room. */
    public static final String OTHERS = "(others)";
    private static final int ROOM_FOR_OTHERS = 200;

    /**
     * @param provider    or the site where no provider is known
     * @param bounceClass KumoMTA's name or a rule's own
     * @param reply       code, status and text without names
     */
    public record Key(String provider, String bounceClass, String reply) {}

    /** How often it came. */
    public record Count(Key key, long times) {}

    private final ConcurrentHashMap<Key, LongAdder> counts = new ConcurrentHashMap<>();
    private final Map<BounceClass, LongAdder> classes = new EnumMap<>(BounceClass.class);
    private final Map<ReplyScope, LongAdder> scopes = new EnumMap<>(ReplyScope.class);
    private final LongAdder ownClasses = new LongAdder();

    public ReplyCounts() {
        for (BounceClass each : BounceClass.values()) {
            classes.put(each, new LongAdder());
        }
        for (ReplyScope each : ReplyScope.values()) {
            scopes.put(each, new LongAdder());
        }
    }

    /**
     * @param provider or the site
     * @param status   empty for none
     * @param text     as it came
     */
    public void count(String provider, int code, String status, String text, Classification meaning) {
        add(scopes.get(meaning.scope()));
        BounceClass.of(meaning.bounceClass()).ifPresentOrElse(known -> add(classes.get(known)), ownClasses::increment);
        String normal = code + (status.isEmpty() ? " " : " " + status + " ") + ReplyNormalizer.normalize(text);
        Key key = new Key(provider, meaning.bounceClass(), normal);
        LongAdder known = counts.get(key);
        if (known == null && counts.size() >= MAX_KNOWN) {
            Key others = new Key(provider, meaning.bounceClass(), OTHERS);
            key = counts.containsKey(others) || counts.size() < MAX_KNOWN + ROOM_FOR_OTHERS
                    ? others
                    : new Key("", "", OTHERS);
        }
        (known == null ? counts.computeIfAbsent(key, _ -> new LongAdder()) : known).increment();
    }

    private static void add(@Nullable LongAdder adder) {
        if (adder != null) { // there is one for each constant
            adder.increment();
        }
    }

    /** Those that came most often, at most {@code most}, most often first. */
    public List<Count> top(int most) {
        return counts.entrySet().stream().map(entry -> new Count(entry.getKey(), entry.getValue().sum()))
                .sorted(Comparator.comparingLong(Count::times).reversed()
                        .thenComparing(count -> count.key().toString()))
                .limit(most).toList();
    }

    /** Of a class of KumoMTA's. */
    public long of(BounceClass known) {
        LongAdder adder = classes.get(known);
        return adder == null ? 0 : adder.sum();
    }

    /** Of classes that rules have made up. */
    public long ofOwnClasses() {
        return ownClasses.sum();
    }

    public long of(ReplyScope scope) {
        LongAdder adder = scopes.get(scope);
        return adder == null ? 0 : adder.sum();
    }
}
